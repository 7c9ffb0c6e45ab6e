//! TLS as its clients see it: rustls as one that is driven by hand, `openssl` and `curl` as others.

use std::io::{self, Read as _, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use deploy_spec::Kind;
use harness::{Authority, Issued};
use ingress::{CertificateFiles, Certificates, Running, Server, Settings};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::client::{Event, Site, connect, finish};

pub(crate) type Secured = StreamOwned<ClientConnection, std::net::TcpStream>;

/// A server with certificates of its own authority.
pub(crate) struct Secure {
    pub(crate) authority: Authority,
    pub(crate) certificates: Arc<Certificates>,
    pub(crate) running: Running,
}

pub(crate) fn files(issued: &Issued) -> CertificateFiles {
    CertificateFiles { chain: issued.certificate.clone(), key: issued.key.clone() }
}

impl Secure {
    /// One certificate for each of `names`, the first for who asks for none of them.
    pub(crate) fn new(names: &[&str], change: impl FnOnce(&mut Settings)) -> Self {
        Self::with(names, change, Site::default())
    }

    fn with(names: &[&str], change: impl FnOnce(&mut Settings), site: Site) -> Self {
        let authority = Authority::new();
        let pairs = names.iter().map(|names| files(&authority.issue(names))).collect();
        let certificates = Arc::new(Certificates::load(pairs).unwrap());
        let mut settings = Settings { threads: 2, ..Settings::default() };
        change(&mut settings);
        let server = Server::bind("127.0.0.1:0".parse().unwrap(), settings).unwrap();
        let server = server.with_certificates(certificates.clone());
        let running = server.start(&Arc::new(site));
        Self { authority, certificates, running }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.running.local_addr()
    }

    /// What trusts the authority and offers `protocols`.
    pub(crate) fn trusting(&self, protocols: &[&str]) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(self.authority.file()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        config
    }

    /// A connection that asks for `name` and has seen a certificate for it.
    pub(crate) fn connect(&self, name: &str) -> io::Result<Secured> {
        let config = Arc::new(self.trusting(&["http/1.1"]));
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let mut stream =
            StreamOwned::new(ClientConnection::new(config, name).unwrap(), connect(self.address()));
        stream.conn.complete_io(&mut stream.sock)?;
        Ok(stream)
    }
}

fn ask(stream: &mut Secured, path: &str, host: &str) -> String {
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {host}\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    let mut block = [0; 1024];
    while !answer.ends_with(path.as_bytes()) && !answer.ends_with(b"}\n") {
        match stream.read(&mut block).unwrap() {
            0 => break,
            n => answer.extend_from_slice(&block[..n]),
        }
    }
    String::from_utf8(answer).unwrap()
}

/// The names of the certificate that was shown, as it came.
fn shown(stream: &Secured) -> Vec<u8> {
    stream.conn.peer_certificates().unwrap()[0].to_vec()
}

#[test]
fn each_name_is_shown_its_certificate() {
    let secure = Secure::new(
        &["IP:127.0.0.1,DNS:default.test", "DNS:a.test,DNS:*.a.test", "DNS:b.test"],
        |_| {},
    );
    for name in ["default.test", "127.0.0.1", "a.test", "x.a.test", "b.test"] {
        let mut stream = secure.connect(name).unwrap();
        let answer = ask(&mut stream, "/x", name);
        assert!(answer.starts_with("HTTP/1.1 200"), "{name}: {answer}");
        let again = ask(&mut stream, "/again", name);
        assert!(again.ends_with("/again"), "{name}: {again}");
    }
    // A wildcard stands for one label, and who asks for what is not there sees the first.
    for name in ["x.y.a.test", "other.test"] {
        let error = secure.connect(name).err().map(|error| error.to_string());
        assert!(error.is_some_and(|error| error.contains("not valid for name")), "{name}");
    }
    finish(secure.running);
}

#[test]
fn a_host_with_another_certificate_is_answered_421() {
    let secure = Secure::new(&["DNS:a.test,DNS:also-a.test", "DNS:b.test"], |_| {});
    for (name, host, status) in [
        ("a.test", "also-a.test", "200"),
        ("a.test", "A.TEST:443", "200"),
        ("a.test", "b.test", "421"),
        ("b.test", "a.test", "421"),
        ("b.test", "unknown.test", "421"),
        ("a.test", "unknown.test", "200"),
    ] {
        let mut stream = secure.connect(name).unwrap();
        let answer = ask(&mut stream, "/x", host);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{name} {host}: {answer}");
    }
    finish(secure.running);
}

#[test]
fn a_large_body_goes_both_ways() {
    const SIZE: usize = 8 << 20;
    let secure = Secure::new(&["DNS:a.test"], |_| {});
    let mut stream = secure.connect("a.test").unwrap();
    // What is written and not read meanwhile fits into no buffer on the way, so both go on by turns.
    write!(stream, "POST /size HTTP/1.1\r\nhost: a.test\r\ncontent-length: {SIZE}\r\n\r\n")
        .unwrap();
    stream.write_all(&vec![b'x'; SIZE]).unwrap();
    let mut answer = String::new();
    while !answer.ends_with(&SIZE.to_string()) {
        let mut block = [0; 512];
        let n = stream.read(&mut block).unwrap();
        assert_ne!(n, 0, "{answer}");
        answer.push_str(std::str::from_utf8(&block[..n]).unwrap());
    }
    write!(stream, "GET /large HTTP/1.1\r\nhost: a.test\r\nconnection: close\r\n\r\n").unwrap();
    let mut large = Vec::new();
    stream.read_to_end(&mut large).unwrap();
    let body = large.len() - large.windows(4).position(|w| w == b"\r\n\r\n").unwrap() - 4;
    assert_eq!(body, crate::client::LARGE);
    finish(secure.running);
}

#[test]
fn who_goes_away_is_noticed_however_they_go() {
    let (events, told) = std::sync::mpsc::channel();
    let settings = |settings: &mut Settings| {
        settings.half_close_timeout = Duration::from_millis(50);
    };
    let secure = Secure::with(&["DNS:a.test"], settings, Site::telling(events));
    let next = || told.recv_timeout(Duration::from_secs(20)).unwrap();
    for says_so in [true, false] {
        let mut stream = secure.connect("a.test").unwrap();
        stream.write_all(b"GET /hold HTTP/1.1\r\nhost: a.test\r\n\r\n").unwrap();
        assert_eq!(next(), Event::Begun);
        if says_so {
            stream.conn.send_close_notify();
            stream.flush().unwrap();
        }
        drop(stream);
        assert_eq!(next(), Event::Dropped, "{says_so}");
    }
    finish(secure.running);
}

#[test]
fn the_end_of_an_idle_connection_is_said() {
    let secure = Secure::new(&["DNS:a.test"], |settings| {
        settings.idle_timeout = Duration::from_millis(50);
    });
    let mut stream = secure.connect("a.test").unwrap();
    assert!(ask(&mut stream, "/x", "a.test").ends_with("/x"));
    // Without a word, this would be an error.
    assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    finish(secure.running);
}

#[test]
fn continue_and_refusals_arrive_over_tls() {
    let secure = Secure::new(&["DNS:a.test"], |settings| settings.max_body_bytes = 10);
    let mut stream = secure.connect("a.test").unwrap();
    let head = "POST /size HTTP/1.1\r\nhost: a.test\r\nexpect: 100-continue\r\n";
    write!(stream, "{head}content-length: 2\r\n\r\n").unwrap();
    let mut said = [0; 25];
    stream.read_exact(&mut said).unwrap();
    assert_eq!(&said, b"HTTP/1.1 100 Continue\r\n\r\n");
    write!(stream, "ok{head}content-length: 11\r\n\r\n").unwrap();
    let mut rest = String::new();
    // To the end, which is announced as TLS asks: otherwise this fails.
    stream.read_to_string(&mut rest).unwrap();
    assert!(rest.contains("\r\n\r\n2HTTP/1.1 413"), "{rest}");
    finish(secure.running);
}

#[test]
fn who_does_not_greet_is_left_and_who_speaks_http_is_cut() {
    let secure = Secure::new(&["DNS:a.test"], |settings| {
        settings.handshake_timeout = Duration::from_millis(50);
    });
    let silent = crate::client::whole(secure.address(), b"");
    assert_eq!(silent, "");
    let plain = crate::client::whole(secure.address(), b"GET / HTTP/1.1\r\nhost: a.test\r\n\r\n");
    assert!(!plain.contains("HTTP"), "{plain}");
    finish(secure.running);
}

#[test]
fn a_renewed_certificate_is_shown_and_open_connections_go_on() {
    let secure = Secure::new(&["DNS:a.test", "DNS:b.test"], |_| {});
    let mut before = secure.connect("a.test").unwrap();
    ask(&mut before, "/x", "a.test");
    assert!(secure.certificates.reload_changed().is_none(), "nothing has changed");
    let issued = secure.authority.issue("DNS:a.test");
    assert!(secure.certificates.reload_changed().is_none(), "it may still be written to");
    assert_eq!(secure.certificates.reload_changed(), Some(Vec::new()));
    assert!(secure.certificates.reload_changed().is_none(), "it was read");
    let mut renewed = secure.connect("a.test").unwrap();
    assert_ne!(shown(&before), shown(&renewed));
    for stream in [&mut before, &mut renewed] {
        assert!(ask(stream, "/y", "a.test").ends_with("/y"));
    }
    // A pair that cannot be used stays as it was, and the others are renewed all the same.
    std::fs::write(&issued.key, "half a key").unwrap();
    let other = shown(&secure.connect("b.test").unwrap());
    secure.authority.issue("DNS:b.test");
    let faults = secure.certificates.reload();
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert!(faults[0].message.contains("private key"), "{}", faults[0]);
    assert_eq!(shown(&secure.connect("a.test").unwrap()), shown(&renewed));
    assert_ne!(shown(&secure.connect("b.test").unwrap()), other);
    finish(secure.running);
}

#[test]
fn a_pair_that_cannot_be_right_is_refused_and_the_sentence_says_why() {
    let authority = Authority::new();
    let issued = authority.issue("DNS:a.test");
    let other = authority.issue("DNS:b.test");
    let folder = tempfile::tempdir().unwrap();
    let key_of = |mode: u32| {
        let path = folder.path().join(format!("{mode:o}.key"));
        std::fs::copy(&issued.key, &path).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        path
    };
    let empty = folder.path().join("empty");
    std::fs::write(&empty, "").unwrap();
    let absent = folder.path().join("absent");
    let chain = issued.certificate.as_path();
    let rows: &[(&Path, &Path, Kind, &str)] = &[
        (chain, &other.key, Kind::Refused, "is not the key of the certificate"),
        (chain, &key_of(0o640), Kind::Refused, "others than its owner"),
        (chain, &key_of(0o604), Kind::Refused, "others than its owner"),
        (chain, &absent, Kind::NotFound, "there is no file"),
        (chain, folder.path(), Kind::Refused, "no plain file"),
        (chain, chain, Kind::Refused, "others than its owner"),
        (&empty, &issued.key, Kind::InvalidInput, "there is none in it"),
        (&issued.key, &issued.key, Kind::InvalidInput, "there is none in it"),
    ];
    for (chain, key, kind, why) in rows {
        let files = CertificateFiles { chain: chain.to_path_buf(), key: key.to_path_buf() };
        let fault = Certificates::load(vec![files]).unwrap_err();
        assert_eq!(fault.kind, *kind, "{fault}");
        assert!(fault.message.contains(why), "{fault}");
    }
    let good = CertificateFiles { chain: chain.to_owned(), key: key_of(0o400) };
    Certificates::load(vec![good]).unwrap();
    assert_eq!(Certificates::load(Vec::new()).unwrap_err().kind, Kind::InvalidInput);
}

/// Runs a program to its end and gives what it said.
pub(crate) fn run(program: &str, words: &[&str]) -> String {
    let done = Command::new(program).args(words).stdin(std::process::Stdio::null()).output();
    let done = done.unwrap_or_else(|error| panic!("{program}: {error}"));
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    format!("{said}{}", String::from_utf8_lossy(&done.stderr))
}

#[test]
fn openssl_agrees_on_versions_and_protocols() {
    let secure = Secure::new(&["DNS:a.test"], |_| {});
    let address = secure.address().to_string();
    let ca = secure.authority.file();
    let greet = |more: &[&str]| {
        let words = ["s_client", "-connect", &address, "-servername", "a.test", "-CAfile"];
        let words = [&words[..], &[ca.to_str().unwrap(), "-verify_return_error"], more].concat();
        run("openssl", &words)
    };
    for (more, expected) in [
        (&["-tls1_3"][..], "New, TLSv1.3"),
        (&["-tls1_2"], "New, TLSv1.2"),
        (&["-tls1_1"], "New, (NONE)"),
        (&["-alpn", "h2,http/1.1"], "ALPN protocol: h2"),
        (&["-alpn", "http/1.1"], "ALPN protocol: http/1.1"),
        (&["-alpn", "http/0.9"], "no application protocol"),
    ] {
        let said = greet(more);
        assert!(said.contains(expected), "{more:?}: {said}");
    }
    assert!(greet(&[]).contains("Verify return code: 0 (ok)"));
    finish(secure.running);
}

#[test]
fn curl_is_answered() {
    let secure = Secure::new(&["DNS:a.test"], |_| {});
    let url = format!("https://a.test:{}/path", secure.address().port());
    let resolve = format!("a.test:{}:127.0.0.1", secure.address().port());
    let ca = secure.authority.file();
    let words = ["-sS", "--http1.1", "--max-time", "20", "--resolve", &resolve, "--cacert"];
    assert_eq!(run("curl", &[&words[..], &[ca.to_str().unwrap(), &url]].concat()), "/path");
    finish(secure.running);
}
