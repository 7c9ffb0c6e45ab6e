//! What is kept in the environment's folder: the account at an authority, and a certificate with its
//! key for each name, in one file, so that they are replaced at once.

use deploy_spec::{Digest, Fault, document};
use instant_acme::AccountCredentials;
use serde::{Deserialize, Serialize};
use store::EnvironmentStore;

use crate::settings::{Directory, Domain};

/// Private files, apart for each authority: what one for tries gave is worth nothing to another.
#[derive(Clone)]
pub(crate) struct Files {
    home: EnvironmentStore,
    folder: String,
}

/// An account, and what was said of it.
#[derive(Serialize, Deserialize)]
pub(crate) struct KeptAccount {
    /// Whom the authority may write to.
    pub(crate) contact: Vec<String>,
    /// Its id and its key.
    pub(crate) credentials: AccountCredentials,
}

impl Files {
    pub(crate) fn new(home: EnvironmentStore, directory: &Directory) -> Self {
        let digest = Digest::of(directory.url().as_bytes());
        Self { home, folder: format!("acme/{}", &digest.hex()[..16]) }
    }

    /// The certificate of a name with its key, in PEM, if there is one.
    ///
    /// # Errors
    /// `refused` when others can read it; `unavailable` when it cannot be read.
    pub(crate) fn certificate(&self, name: &Domain) -> Result<Option<Vec<u8>>, Fault> {
        self.home.existing_private_file(&self.path_of(name))
    }

    /// Keeps a certificate, durably, in the place of the one before.
    ///
    /// # Errors
    /// `unavailable` when it cannot be written.
    pub(crate) fn keep_certificate(&self, name: &Domain, pem: &[u8]) -> Result<(), Fault> {
        self.home.replace_private_file(&self.path_of(name), pem)
    }

    /// The account, if there is one.
    ///
    /// # Errors
    /// As [`certificate`](Self::certificate), and `invalid-input` when it cannot be understood.
    pub(crate) fn account(&self) -> Result<Option<KeptAccount>, Fault> {
        let path = self.account_path();
        let Some(text) = self.home.existing_private_file(&path)? else { return Ok(None) };
        let account = document::from_json(&text);
        account.map(Some).map_err(|fault: Fault| {
            let path = self.home.folder().join(path);
            let path = path.display();
            Fault::invalid(format!("`{path}` is no account: {}", fault.message))
                .hint(format!("rm {path}; another account is made"))
        })
    }

    /// Keeps an account, durably.
    ///
    /// # Errors
    /// `unavailable` when it cannot be written.
    pub(crate) fn keep_account(&self, account: &KeptAccount) -> Result<(), Fault> {
        self.home.replace_private_file(&self.account_path(), &document::to_line(account))
    }

    fn path_of(&self, name: &Domain) -> String {
        format!("{}/{}.pem", self.folder, name.as_str())
    }

    fn account_path(&self) -> String {
        format!("{}/account.json", self.folder)
    }
}
