//! Certificates that are made, read again and judged.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use deploy_spec::Timestamp;
use single_vm::resource::Role;
use single_vm::{CertificateFacts, Issued, Recorded};

use super::{CERTIFICATE_FILE, KEY_FILE, Made, generated, make};

const DAY: i64 = 86_400;

fn at(day: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + day * DAY).unwrap()
}

fn made(tls: &Path, name: &str, role: Role, issuer: Option<&str>, days: u16) {
    let path = tls.join(name);
    fs::create_dir_all(&path).unwrap();
    let issuer = issuer.map(|name| tls.join(name));
    make(&Made { path: &path, role, issuer: issuer.as_deref(), days, now: at(0) }, &path).unwrap();
}

/// The serials of what is sound, and the highest there is.
fn serials(tls: &Path, day: i64) -> ([Option<Issued>; 3], u32) {
    match generated(tls, &Recorded::default(), at(day)).unwrap() {
        CertificateFacts::Generated { authority, server, client, last_serial, .. } => {
            ([authority, server, client], last_serial)
        }
        CertificateFacts::Given { .. } => panic!("these were made"),
    }
}

fn all() -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let tls = folder.path().join("hello/tls");
    made(&tls, "authority-1", Role::Authority, None, 3650);
    made(&tls, "server-1", Role::Server, Some("authority-1"), 397);
    made(&tls, "client-1", Role::Client, Some("authority-1"), 397);
    (folder, tls)
}

#[test]
fn what_was_made_is_sound_and_good_for_as_long_as_was_asked() {
    let (_folder, tls) = all();
    let (found, last) = serials(&tls, 0);
    assert_eq!(last, 1);
    for (issued, days) in found.into_iter().zip([3650, 397, 397]) {
        let issued = issued.unwrap();
        assert_eq!((issued.serial, issued.by), (1, 1));
        let good = issued.not_after.as_second() - at(0).as_second();
        assert!((days * DAY..=(days + 1) * DAY).contains(&good), "{good}");
    }
    for file in [CERTIFICATE_FILE, KEY_FILE] {
        let mode = fs::metadata(tls.join("client-1").join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[test]
fn what_ended_or_does_not_belong_together_is_not_sound() {
    let (_folder, tls) = all();
    let (ended, _) = serials(&tls, 400);
    assert!(matches!(ended, [Some(_), None, None]), "{ended:?}");
    fs::copy(tls.join("client-1/key.pem"), tls.join("server-1/key.pem")).unwrap();
    assert!(matches!(serials(&tls, 0), ([Some(_), None, Some(_)], 1)));
    // A client's is no server's, whatever its directory is called.
    fs::copy(tls.join("client-1/cert.pem"), tls.join("server-1/cert.pem")).unwrap();
    assert!(matches!(serials(&tls, 0), ([Some(_), None, Some(_)], 1)));
    made(&tls, "authority-2", Role::Authority, None, 3650);
    fs::copy(tls.join("authority-2/cert.pem"), tls.join("authority-1/cert.pem")).unwrap();
    let (other, last) = serials(&tls, 0);
    assert_eq!(last, 2);
    assert!(matches!(other, [Some(Issued { serial: 2, by: 2, .. }), None, None]), "{other:?}");
}
