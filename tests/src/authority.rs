//! A certificate authority of a test's own, made by `openssl`: certificates that no code of ours made.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// A certificate authority. What it issued vanishes with it.
#[derive(Debug)]
pub struct Authority {
    folder: TempDir,
}

/// A certificate and its key, as files in PEM.
#[derive(Debug, Clone)]
pub struct Issued {
    /// The certificate.
    pub certificate: PathBuf,
    /// Its key, which only the owner can read.
    pub key: PathBuf,
}

const NEW_KEY: &[&str] =
    &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];

impl Authority {
    /// An authority that nobody trusts yet.
    ///
    /// # Panics
    /// When there is no `openssl`.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "it runs a program and makes files")]
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let authority = Self { folder };
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
    #[must_use]
    pub fn file(&self) -> PathBuf {
        self.issued("ca").certificate
    }

    /// The authority's own certificate and key.
    #[must_use]
    pub fn own(&self) -> Issued {
        self.issued("ca")
    }

    /// A certificate for a server of these names (`IP:127.0.0.1,DNS:…`), for two days. Issued again,
    /// it has the same files and another key.
    ///
    /// # Panics
    /// When there is no `openssl`, or it takes the names for none.
    #[expect(
        clippy::must_use_candidate,
        reason = "it makes files, which may be all that is wanted"
    )]
    pub fn issue(&self, names: &str) -> Issued {
        let ca = self.issued("ca");
        let text = |path: &Path| path.to_str().expect("it has a plain name").to_owned();
        let file: String =
            names.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        let names = format!("subjectAltName={names}");
        let (ca, key) = (text(&ca.certificate), text(&ca.key));
        let leaf = "basicConstraints=critical,CA:FALSE";
        let more = ["-CA", &ca, "-CAkey", &key, "-subj", "/CN=server", "-addext", &names];
        self.openssl(&file, &[&more[..], &["-addext", leaf]].concat())
    }
}
