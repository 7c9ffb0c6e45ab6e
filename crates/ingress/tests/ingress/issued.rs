//! Certificates that come from an authority while the server runs, and its challenges.

use std::io::{ErrorKind, Read as _};
use std::sync::Arc;

use deploy_spec::Kind;
use harness::{Authority, Issued};
use ingress::{Certificates, Server, Settings};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConnection, StreamOwned};

use crate::client::{Site, connect, finish};
use crate::tls::{Secure, Secured, files};

/// A server with one certificate from a file, that awaits others.
fn awaiting(from_file: &[&str], awaited: &[&str]) -> Secure {
    let authority = Authority::new();
    let from_file = from_file.iter().map(|names| files(&authority.issue(names))).collect();
    let awaited: Vec<String> = awaited.iter().map(ToString::to_string).collect();
    let certificates = Arc::new(Certificates::awaiting(from_file, &awaited).unwrap());
    let settings = Settings { threads: 1, ..Settings::default() };
    let server = Server::bind("127.0.0.1:0".parse().unwrap(), settings).unwrap();
    let server = server.with_certificates(certificates.clone());
    Secure { authority, certificates, running: server.start(&Arc::new(Site::default())) }
}

/// Key and chain in one text.
fn pem(issued: &Issued) -> Vec<u8> {
    let read = |path| std::fs::read(path).unwrap();
    [read(&issued.key), read(&issued.certificate)].concat()
}

fn refusal(secure: &Secure, name: &str) -> String {
    secure.connect(name).err().map(|error| error.to_string()).unwrap_or_default()
}

#[test]
fn who_asks_for_a_name_whose_certificate_is_awaited_is_refused_until_it_is_there() {
    let secure = awaiting(&["DNS:file.test"], &["a.test", "b.test"]);
    for name in ["a.test", "b.test"] {
        assert!(refusal(&secure, name).contains("UnrecognisedName"), "{}", refusal(&secure, name));
    }
    secure.connect("file.test").unwrap();
    let issued = pem(&secure.authority.issue("DNS:a.test"));
    let issued = secure.certificates.read("a.test", &issued).unwrap();
    assert_eq!(issued.validity().names, ["a.test"]);
    secure.certificates.install(issued);
    secure.connect("a.test").unwrap();
    assert!(refusal(&secure, "b.test").contains("UnrecognisedName"));
    // The files are read again, and what came from elsewhere stays.
    assert!(secure.certificates.reload().is_empty());
    for name in ["a.test", "file.test"] {
        secure.connect(name).unwrap();
    }
    // Who asks for what is not there is shown the first, which is of a file.
    assert!(refusal(&secure, "other.test").contains("not valid for name"));
    finish(secure.running);
}

#[test]
fn without_any_certificate_everybody_is_refused() {
    let secure = awaiting(&[], &["a.test"]);
    for name in ["a.test", "other.test", "127.0.0.1"] {
        assert!(refusal(&secure, name).contains("UnrecognisedName"), "{name}");
    }
    finish(secure.running);
}

#[test]
fn a_name_that_a_file_is_for_is_not_awaited() {
    let authority = Authority::new();
    let of_files = ["DNS:a.test", "DNS:*.b.test"].map(|names| files(&authority.issue(names)));
    let names = ["a.test", "b.test", "x.b.test", "x.y.b.test"].map(str::to_owned);
    let certificates = Certificates::awaiting(of_files.to_vec(), &names).unwrap();
    assert_eq!(certificates.awaited(), ["b.test", "x.y.b.test"]);
    let shown: Vec<_> = certificates.from_files().into_iter().map(|(_, it)| it.names).collect();
    assert_eq!(shown, [["a.test"], ["*.b.test"]]);
}

#[test]
fn what_is_no_certificate_for_the_name_is_not_shown() {
    let secure = awaiting(&[], &["a.test"]);
    let (a, b) = (secure.authority.issue("DNS:a.test"), secure.authority.issue("DNS:b.test"));
    let read = |path| std::fs::read(path).unwrap();
    let crossed = [read(&b.key), read(&a.certificate)].concat();
    for (name, text, kind) in [
        ("a.test", &pem(&b), Kind::InvalidInput),
        ("b.test", &pem(&b), Kind::InvalidInput),
        ("a.test", &crossed, Kind::Refused),
        ("a.test", &read(&a.key), Kind::InvalidInput),
        ("a.test", &read(&a.certificate), Kind::InvalidInput),
        ("a.test", &b"<html>".to_vec(), Kind::InvalidInput),
        ("a.test", &Vec::new(), Kind::InvalidInput),
    ] {
        let fault = secure.certificates.read(name, text).unwrap_err();
        assert_eq!(fault.kind, kind, "{name}: {fault}");
    }
    finish(secure.running);
}

/// A client that offers these protocols.
fn offering(secure: &Secure, protocols: &[&str]) -> std::io::Result<Secured> {
    let config = Arc::new(secure.trusting(protocols));
    let name = ServerName::try_from("a.test").unwrap();
    let session = ClientConnection::new(config, name).unwrap();
    let mut stream = StreamOwned::new(session, connect(secure.address()));
    stream.conn.complete_io(&mut stream.sock)?;
    Ok(stream)
}

#[test]
fn a_challenge_is_answered_to_who_asks_for_nothing_else_while_it_is_pending() {
    let secure = awaiting(&[], &["a.test"]);
    let ask = || offering(&secure, &["acme-tls/1"]);
    assert!(ask().unwrap_err().to_string().contains("UnrecognisedName"));
    let answer = secure.authority.issue("DNS:a.test");
    let certificate = CertificateDer::from_pem_file(&answer.certificate).unwrap();
    let key = PrivateKeyDer::from_pem_file(&answer.key).unwrap();
    let challenges = secure.certificates.challenges();
    let pending = challenges.answer_tls("a.test", certificate.clone(), key).unwrap();
    let mut stream = ask().unwrap();
    assert_eq!(stream.conn.peer_certificates().unwrap(), [certificate]);
    assert_eq!(stream.conn.alpn_protocol(), Some(&b"acme-tls/1"[..]));
    assert_eq!(stream.read(&mut [0]).unwrap(), 0, "nothing is said behind it");
    for protocols in [&["http/1.1"][..], &["acme-tls/1", "http/1.1"], &[]] {
        assert!(offering(&secure, protocols).is_err(), "{protocols:?}");
    }
    drop(pending);
    assert_eq!(ask().unwrap_err().kind(), ErrorKind::InvalidData);
    finish(secure.running);
}
