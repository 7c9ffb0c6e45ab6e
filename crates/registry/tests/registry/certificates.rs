//! A certificate authority of the test's own, made by `openssl`.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

pub(crate) struct Authority {
    folder: TempDir,
}

/// A certificate and its key.
pub(crate) struct Issued {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

const NEW_KEY: &[&str] =
    &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];

impl Authority {
    pub(crate) fn new() -> Self {
        let authority = Self { folder: tempfile::tempdir().unwrap() };
        authority.openssl("ca", &["-subj", "/CN=an authority of a test"]);
        authority
    }

    fn issued(&self, name: &str) -> Issued {
        let path = |ending: &str| self.folder.path().join(format!("{name}.{ending}"));
        Issued { certificate: path("pem"), key: path("key") }
    }

    fn openssl(&self, name: &str, more: &[&str]) -> Issued {
        let issued = self.issued(name);
        let done = Command::new("openssl")
            .args(["req", "-x509"])
            .args(NEW_KEY)
            .arg("-keyout")
            .arg(&issued.key)
            .arg("-out")
            .arg(&issued.certificate)
            .args(more)
            .output()
            .expect("`cargo xtask test` installs openssl");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        issued
    }

    /// The file that whoever trusts the authority names.
    pub(crate) fn file(&self) -> PathBuf {
        self.issued("ca").certificate
    }

    /// The authority's own certificate and key.
    pub(crate) fn own(&self) -> Issued {
        self.issued("ca")
    }

    /// A certificate for a server of these names (`IP:127.0.0.1`, `DNS:…`).
    pub(crate) fn issue(&self, names: &str) -> Issued {
        let ca = self.issued("ca");
        let text = |path: &Path| path.to_str().unwrap().to_owned();
        let names = format!("subjectAltName={names}");
        let (ca, key) = (text(&ca.certificate), text(&ca.key));
        let leaf = "basicConstraints=critical,CA:FALSE";
        let more = ["-CA", &ca, "-CAkey", &key, "-subj", "/CN=server", "-addext", &names];
        self.openssl("server", &[&more[..], &["-addext", leaf]].concat())
    }
}

impl Issued {
    /// The section `http:` of a registry that has it.
    pub(crate) fn section(&self) -> String {
        format!(
            "  tls:\n    certificate: {}\n    key: {}\n",
            self.certificate.display(),
            self.key.display()
        )
    }
}
