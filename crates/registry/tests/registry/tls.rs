//! Who a registry is: TLS by an authority of one's own.

use deploy_spec::{Digest, Fault, Kind};
use harness::Authority;
use registry::{Client, Folder, Options, blocking};

use crate::server::{Server, Setup};
use crate::support::{Desk, client, options, pull, push};

fn secure(authority: &Authority, names: &str) -> Server {
    let issued = authority.issue(names);
    let http = format!(
        "  tls:\n    certificate: {}\n    key: {}\n",
        issued.certificate.display(),
        issued.key.display()
    );
    Server::start(Setup { http, ..Setup::default() })
}

fn trusting(file: std::path::PathBuf) -> Result<Client, Fault> {
    Client::new(&Options { ca_file: Some(file), ..options() })
}

#[test]
fn an_authority_of_ones_own_is_trusted_when_it_is_named() {
    let (authority, desk) = (Authority::new(), Desk::new());
    let server = secure(&authority, "IP:127.0.0.1,DNS:localhost");
    let artifact = desk.file("a", 3 << 20);
    let client = trusting(authority.file()).unwrap();
    for host in ["127.0.0.1", "localhost"] {
        let at = format!("oci://{host}:{}/a", server.port());
        push(&client, &at, &artifact).unwrap();
        assert_eq!(pull(&client, &at, &desk).unwrap().size_bytes, 3 << 20);
    }
}

#[test]
fn a_certificate_that_is_not_accepted_is_refused_even_on_this_machine() {
    let (authority, desk) = (Authority::new(), Desk::new());
    let artifact = desk.file("a", 10);
    let server = secure(&authority, "IP:127.0.0.1");
    let fault = push(&client(), &server.at("a"), &artifact).unwrap_err();
    assert_eq!(fault.kind, Kind::Refused, "{fault}");
    assert!(fault.hint.as_deref().is_some_and(|hint| hint.contains("--ca-file")), "{fault}");
    // Another authority, and another name.
    let other = Authority::new();
    let fault = push(&trusting(other.file()).unwrap(), &server.at("a"), &artifact).unwrap_err();
    assert_eq!(fault.kind, Kind::Refused, "{fault}");
    let elsewhere = secure(&authority, "DNS:registry.test");
    let client = trusting(authority.file()).unwrap();
    let fault = push(&client, &elsewhere.at("a"), &artifact).unwrap_err();
    assert_eq!(fault.kind, Kind::Refused, "{fault}");
}

#[test]
fn a_file_without_certificates_is_refused_at_once() {
    let desk = Desk::new();
    std::fs::write(desk.path("empty"), "").unwrap();
    std::fs::write(
        desk.path("broken"),
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    )
    .unwrap();
    for name in ["absent", "empty", "broken"] {
        let fault = trusting(desk.path(name)).unwrap_err();
        assert_eq!(fault.kind, Kind::InvalidInput, "{name}");
        assert!(fault.message.contains(name), "{fault}");
    }
}

#[test]
fn a_file_is_fetched_from_a_web_server_when_it_is_what_was_said() {
    let (authority, desk) = (Authority::new(), Desk::new());
    let server = secure(&authority, "IP:127.0.0.1");
    let client = trusting(authority.file()).unwrap();
    let at = format!("oci://127.0.0.1:{}/a", server.port());
    push(&client, &at, &desk.file("a", 3 << 20)).unwrap();
    let digest = pull(&client, &at, &desk).unwrap().digest;
    let folder = Folder::make(&desk.path("fetched")).unwrap();
    let blob = |digest: &Digest| format!("127.0.0.1:{}/v2/a/blobs/{digest}", server.port());
    let fetch = |url: &str, digest: &Digest| {
        blocking::run(client.fetch(url, digest, &folder, "it", &|_| {})).map_err(|fault| fault.kind)
    };
    let other = Digest::of(b"another");
    let url = format!("https://{}", blob(&digest));
    assert_eq!(fetch(&url, &other), Err(Kind::Refused));
    assert_eq!(std::fs::read_dir(desk.path("fetched")).unwrap().count(), 0);
    assert_eq!(fetch(&format!("https://{}", blob(&other)), &other), Err(Kind::NotFound));
    assert_eq!(fetch(&format!("http://{}", blob(&digest)), &digest), Err(Kind::InvalidInput));
    assert_eq!(fetch(&url, &digest), Ok(()));
    let bytes = std::fs::read(desk.path("fetched").join("it")).unwrap();
    assert_eq!(Digest::of(&bytes), digest);
    drop(server);
    assert_eq!(fetch(&url, &digest), Ok(()), "what is there is not fetched");
}
