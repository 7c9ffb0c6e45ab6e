//! Certificates, as the description gives them.

use std::fs::{self, Permissions};
use std::ops::Range;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use ::machine::{Linux, Sources};
use deploy_spec::{Fault, Timestamp};
use rcgen::ExtendedKeyUsagePurpose::{ClientAuth, ServerAuth};
use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use single_vm::{CertificateFacts, Deployment, Recorded};

use crate::host::gtc;

/// Files that a description can name.
struct Given {
    _folder: tempfile::TempDir,
    sources: Sources,
}

impl Given {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| Some(folder.path().join(name));
        let sources = Sources {
            bundle: at("bundle"),
            binary: at("gtc"),
            authority: at("ca.pem"),
            certificate: at("cert.pem"),
            key: at("key.pem"),
            ..Sources::default()
        };
        let given = Self { _folder: folder, sources };
        fs::write(given.path("bundle"), b"hsqs").unwrap();
        fs::write(given.path("gtc"), gtc()).unwrap();
        given.issue(&[ServerAuth, ClientAuth]);
        given
    }

    fn path(&self, name: &str) -> PathBuf {
        self.sources.bundle.as_ref().unwrap().with_file_name(name)
    }

    fn write(&self, name: &str, text: &str) {
        write(&self.path(name), text);
    }

    fn issue(&self, purposes: &[ExtendedKeyUsagePurpose]) {
        issue(self.path("bundle").parent().unwrap(), purposes, 2026..2027);
    }

    fn check(&self, now: &str) -> Result<CertificateFacts, Fault> {
        let text = "apiVersion: greentic.ai/v1alpha1\nkind: Deployment\nmetadata: {name: hello}\n\
                    spec:\n  bundle: {source: /b}\n  runtime:\n    binary: /gtc\n    \
                    admin: {mtls: {caFile: /a, certFile: /c, keyFile: /k}}\n";
        let deployment = Deployment::parse(text).unwrap();
        let now: Timestamp = now.parse().unwrap();
        let facts = Linux::new(now).facts(&deployment, &self.sources, &Recorded::default());
        facts.map(|facts| facts.certificates)
    }

    /// What is wrong, as the last part of each pointer and the reason.
    fn problems(&self, now: &str) -> Vec<String> {
        let fault = self.check(now).unwrap_err();
        let problems = fault.details["problems"].as_array().unwrap();
        let line = |it: &serde_json::Value| {
            let pointer = it["pointer"].as_str().unwrap().rsplit('/').next().unwrap();
            let message = it["message"].as_str().unwrap().split("` ").nth(1).unwrap();
            format!("{pointer} {}", message.split(": ").next().unwrap())
        };
        problems.iter().map(line).collect()
    }
}

fn write(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, Permissions::from_mode(0o600)).unwrap();
}

/// Writes an authority to `folder`, and a certificate by it for `purposes`, good in these years.
pub(crate) fn issue(folder: &Path, purposes: &[ExtendedKeyUsagePurpose], years: Range<i32>) {
    let params = || {
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(years.start, 1, 1);
        params.not_after = rcgen::date_time_ymd(years.end, 1, 1);
        params
    };
    let mut authority = params();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_key = KeyPair::generate().unwrap();
    write(&folder.join("ca.pem"), &authority.self_signed(&authority_key).unwrap().pem());
    let mut server = params();
    server.extended_key_usages = purposes.to_vec();
    let key = KeyPair::generate().unwrap();
    let by = Issuer::new(authority, authority_key);
    write(&folder.join("cert.pem"), &server.signed_by(&key, &by).unwrap().pem());
    write(&folder.join("key.pem"), &key.serialize_pem());
}

const NOW: &str = "2026-06-01T00:00:00Z";

#[test]
fn given_certificates_that_belong_together_are_taken() {
    let given = Given::new();
    let digest = |name| deploy_spec::Digest::of(&fs::read(given.path(name)).unwrap());
    let wanted = CertificateFacts::Given {
        authority: digest("ca.pem"),
        certificate: digest("cert.pem"),
        key: digest("key.pem"),
    };
    assert_eq!(given.check(NOW).unwrap(), wanted);
}

#[test]
fn everything_that_is_wrong_with_given_certificates_is_told_at_once() {
    let (given, other) = (Given::new(), Given::new());
    assert_eq!(
        given.problems("2027-06-01T00:00:00Z"),
        [
            "caFile ended at 2027-01-01T00:00:00Z, and it is 2027-06-01T00:00:00Z",
            "certFile ended at 2027-01-01T00:00:00Z, and it is 2027-06-01T00:00:00Z"
        ]
    );
    assert_eq!(
        given.problems("2025-06-01T00:00:00Z"),
        [
            "caFile is good only from 2026-01-01T00:00:00Z, and it is 2025-06-01T00:00:00Z",
            "certFile is good only from 2026-01-01T00:00:00Z, and it is 2025-06-01T00:00:00Z"
        ]
    );
    given.issue(&[ServerAuth]);
    assert_eq!(
        given.problems(NOW),
        ["certFile is not for clients as well, and the health of the service is asked for with it"]
    );
    given.issue(&[ServerAuth, ClientAuth]);
    fs::copy(other.path("key.pem"), given.path("key.pem")).unwrap();
    fs::set_permissions(given.path("key.pem"), Permissions::from_mode(0o640)).unwrap();
    fs::copy(other.path("ca.pem"), given.path("ca.pem")).unwrap();
    assert_eq!(
        given.problems(NOW),
        [
            "keyFile can be read by others",
            "certFile is not a server's by the authority in `caFile`",
            "keyFile is not the key of the certificate"
        ]
    );
    for name in ["ca.pem", "cert.pem", "key.pem"] {
        given.write(name, "-----BEGIN NOTHING-----\n");
    }
    assert_eq!(
        given.problems(NOW),
        [
            "caFile holds no certificate in PEM",
            "certFile holds no certificate in PEM",
            "keyFile holds no private key in PEM"
        ]
    );
}

#[test]
fn what_goes_wrong_with_a_key_never_shows_it() {
    let given = Given::new();
    let text = fs::read_to_string(given.path("key.pem")).unwrap();
    given.write("key.pem", &text.replace("PRIVATE KEY", "PRIVATE"));
    let fault = given.check(NOW).unwrap_err();
    let body = text.lines().nth(1).unwrap();
    assert!(!serde_json::to_string(&fault).unwrap().contains(body));
}

#[test]
fn what_cannot_run_or_be_mounted_is_refused_by_name() {
    let given = Given::new();
    let pointer = || given.check(NOW).unwrap_err().details["pointer"].clone();
    fs::write(given.path("bundle"), b"PK\x03\x04").unwrap();
    assert_eq!(pointer(), "/spec/bundle/source");
    fs::copy("/bin/true", given.path("gtc")).unwrap();
    assert_eq!(pointer(), "/spec/runtime/binary");
}
