//! What an authority says that is none: it is told, and it brings nothing down.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use acme::{Challenge, Domain, Failed, Keeper, Settings, World};
use deploy_spec::Timestamp;
use harness::Folder;
use ingress::Certificates;
use store::{EnvironmentStore, RealDisk};

use crate::authority::{Answer, Fake};

/// A time at which every certificate of these tests is young.
fn now() -> Timestamp {
    Timestamp::from_second(1_000_000_000).unwrap()
}

fn say(status: u16, headers: &'static str, body: impl Into<String>) -> Answer {
    Answer { status, headers, body: body.into() }
}

fn home(folder: &Path) -> EnvironmentStore {
    let disk = Arc::new(RealDisk::new(folder.to_owned()));
    EnvironmentStore::on("local".parse().unwrap(), folder.to_owned(), disk)
}

fn keeper(directory: &str, ca: &Path, challenge: Challenge, folder: &Path) -> Keeper {
    let certificates = Certificates::awaiting(Vec::new(), &["a.test".to_owned()]).unwrap();
    let settings = Settings {
        directory: directory.parse().unwrap(),
        ca: Some(std::fs::read(ca).unwrap()),
        contact: Vec::new(),
        challenge,
    };
    let world = World { now, roll: || 0 };
    Keeper::new(settings, home(folder), Arc::new(certificates), world).unwrap()
}

/// How the first try fails.
fn failed(fake: &Fake, challenge: Challenge) -> Failed {
    let folder = Folder::new().unwrap();
    let mut keeper = keeper(&fake.directory, &fake.ca, challenge, folder.path());
    let states = keeper.states();
    keeper.start().unwrap();
    loop {
        let state = states().remove(0);
        assert_eq!(state.life, None, "there is no certificate");
        match state.failed {
            Some(failed) => return failed,
            None => std::thread::yield_now(),
        }
    }
}

#[track_caller]
fn told(path: &'static str, answer: Answer, why: &str) {
    let fake = Fake::answering(|_| vec![(path, answer)]);
    let failed = failed(&fake, Challenge::TlsAlpn01);
    let Failed { fault, times, again } = failed;
    assert!(fault.message.contains(why), "{path}: {fault}");
    assert!(fault.hint.is_some_and(|hint| !hint.is_empty()), "{path}: {}", fault.message);
    assert!(fault.message.chars().count() < 600, "{path}");
    assert_eq!(times, 1);
    assert!(again > now());
}

#[test]
fn a_directory_that_is_none_is_told() {
    let misunderstood = "the authority cannot be understood";
    for body in ["", "{}", "null", "<html>", "{\"newNonce\": 1}", "\u{fffd}\u{0}"] {
        told("/directory", say(200, "", body), misunderstood);
    }
    told("/directory", say(404, "", "not here"), misunderstood);
    told("/directory", say(302, "location: https://127.0.0.1/\r\n", ""), misunderstood);
    told("/directory", say(200, "", "x".repeat(2 << 20)), "length limit exceeded");
    told("/directory", say(503, "", "<html>"), "it answered 503");
    let plain = r#"{"newNonce": "http://127.0.0.1/", "newAccount": "", "newOrder": ""}"#;
    told("/directory", say(200, "", plain), "a URL that is not https");
}

#[test]
fn every_other_answer_may_be_nonsense() {
    for path in ["/account", "/orders", "/authorization", "/challenge", "/order", "/finalize"] {
        told(path, say(500, "", ""), "it answered 500");
        told(path, say(400, "", "<html>"), "cannot be understood");
    }
    told("/account", say(200, "", "{}"), "failed to get account URL");
    for path in ["/orders", "/authorization", "/challenge", "/order", "/finalize"] {
        told(path, say(200, "", "{\"status\": []}"), "cannot be understood");
    }
}

#[test]
fn a_nonce_that_is_refused_says_nothing_of_the_name_and_is_tried_again_soon() {
    let nonce = r#"{"type": "urn:ietf:params:acme:error:badNonce", "detail": "stale"}"#;
    for path in ["/account", "/orders", "/authorization", "/challenge", "/order", "/finalize"] {
        let fake = Fake::answering(|_| vec![(path, say(400, "", nonce))]);
        let Failed { fault, again, .. } = failed(&fake, Challenge::TlsAlpn01);
        assert!(
            fault.message.contains("the authority refused: stale (badNonce)"),
            "{path}: {fault}"
        );
        assert!(again.as_second() <= now().as_second() + 1, "{path}: {again}");
    }
}

#[test]
fn what_it_gives_must_be_the_certificate_that_was_asked_for() {
    // The authority of these tests has a key of its own.
    let fake = Fake::answering(|_| Vec::new());
    let fault = failed(&fake, Challenge::TlsAlpn01).fault;
    assert!(fault.message.contains("is not the key of the certificate"), "{fault}");
    let other = std::fs::read_to_string(fake.authority.issue("DNS:b.test").certificate).unwrap();
    for body in ["", "<html>", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        told("/certificate", say(200, "", body), "cannot be understood");
    }
    told("/certificate", say(200, "", other), "cannot be understood");
}

#[test]
fn how_long_it_has_us_wait_is_obeyed_and_bounded() {
    let limited = r#"{"type": "urn:ietf:params:acme:error:rateLimited", "detail": "too many"}"#;
    for (headers, seconds) in [
        ("retry-after: 7200\r\n", 7_200),
        ("retry-after: 18446744073709551615\r\n", 7 * 86_400),
        ("retry-after: Sun, 09 Sep 2001 02:46:40 GMT\r\n", 3_600),
        ("", 150),
    ] {
        let fake = Fake::answering(|_| vec![("/orders", say(429, headers, limited))]);
        let Failed { fault, again, .. } = failed(&fake, Challenge::TlsAlpn01);
        assert!(fault.message.contains("too many (rateLimited)"), "{fault}");
        let wait = Duration::try_from(again.duration_since(now())).unwrap();
        assert_eq!(wait.as_secs(), seconds, "{headers}");
    }
    // While it decides it may ask for time too; the library adds that to the time of day.
    let forever = "retry-after: 18446744073709551615\r\n";
    let order = r#"{"status": "processing", "authorizations": [], "finalize": ""}"#;
    told("/order", say(200, forever, order), "did not decide in time");
}

#[test]
fn a_token_is_put_into_no_answer_before_it_is_looked_at() {
    let fake = Fake::answering(|base| {
        let body = format!(
            r#"{{"status": "pending", "identifier": {{"type": "dns", "value": "a.test"}}, "challenges":
                [{{"type": "http-01", "url": "{base}/challenge", "token": "<script>", "status": "pending"}}]}}"#
        );
        vec![("/authorization", say(200, "", body))]
    });
    let fault = failed(&fake, Challenge::Http01).fault;
    assert!(fault.message.contains("its token is none"), "{fault}");
    let fault = failed(&fake, Challenge::TlsAlpn01).fault;
    assert!(fault.message.contains("does not prove `a.test` by tls-alpn-01"), "{fault}");
}

#[test]
fn nobody_there_and_nobody_known_are_told_apart() {
    let fake = Fake::answering(|_| Vec::new());
    // No test listens at this address, and nobody at this port.
    let nowhere = "https://127.0.0.2:9/".to_owned();
    let stranger = Fake::answering(|_| Vec::new()).directory;
    for (directory, why, hint) in [
        (nowhere, "cannot be connected to", "spelt right"),
        (stranger, "TLS with it failed", "--acme-ca"),
    ] {
        let fake = Fake { directory, ..Fake::answering(|_| Vec::new()) };
        let fault = failed(&fake, Challenge::TlsAlpn01).fault;
        assert!(fault.message.contains(why), "{fault}");
        assert!(fault.hint.unwrap().contains(hint), "{why}");
    }
    drop(fake);
}

#[test]
fn a_kept_certificate_that_is_none_is_as_good_as_none_and_a_readable_key_is_refused() {
    let fake = Fake::answering(|_| Vec::new());
    let folder = Folder::new().unwrap();
    drop(keeper(&fake.directory, &fake.ca, Challenge::TlsAlpn01, folder.path()));
    let name: Domain = "a.test".parse().unwrap();
    let digest = deploy_spec::Digest::of(fake.directory.as_bytes());
    let path = format!("acme/{}/{}.pem", &digest.hex()[..16], name.as_str());
    home(folder.path()).replace_private_file(&path, b"half a").unwrap();
    let states = keeper(&fake.directory, &fake.ca, Challenge::TlsAlpn01, folder.path()).states();
    assert_eq!(states()[0].life, None);
    let file = std::fs::File::open(folder.path().join(&path)).unwrap();
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    let certificates = Certificates::awaiting(Vec::new(), &["a.test".to_owned()]).unwrap();
    let settings = Settings {
        directory: fake.directory.parse().unwrap(),
        ca: None,
        contact: Vec::new(),
        challenge: Challenge::TlsAlpn01,
    };
    let world = World { now, roll: || 0 };
    let refused = Keeper::new(settings, home(folder.path()), Arc::new(certificates), world);
    assert_eq!(refused.err().unwrap().kind, deploy_spec::Kind::Refused);
}
