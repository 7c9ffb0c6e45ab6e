//! The secrets slot of one's own machine: every value sealed in a file of its own.
//!
//! `dev-store.key` is 32 random bytes, the only thing that opens `values/`; whoever copies one
//! without the other has nothing. It guards a backup or a copied folder, and not against the
//! account that runs `gtc`, which can read both.

mod key;
mod sealed;

use std::fs;
use std::path::{Path, PathBuf};

use deploy_spec::{EnvironmentId, Fault};
use ulid::Ulid;

use crate::SecretBytes;
use crate::files::{io_fault, make_folder, objection, open, read_most, sync_folder, write_new};
use key::Keys;
use sealed::{Place, SEALED_MOST};

const VALUES: &str = "values";

/// The sealed values of one environment.
pub struct DevStore {
    folder: PathBuf,
    environment: EnvironmentId,
    keys: Keys,
}

/// What a record keeps of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// Which file holds it: a ULID, whose every bit is random.
    pub value_ref: String,
    /// Tells two values apart and says nothing about either: 32 hex digits.
    pub fingerprint: String,
}

impl DevStore {
    /// Opens the dev-store in `folder`, whose parent exists, and makes it and its key when there
    /// are none.
    ///
    /// # Errors
    /// `refused` when the folder or the key is a link, of another account, open to others or of
    /// the wrong size, or when there are values and no key; `unavailable` when the disk fails.
    pub fn open(folder: &Path, environment: &EnvironmentId) -> Result<Self, Fault> {
        for folder in [folder, &folder.join(VALUES)] {
            make_folder(folder).map_err(|error| io_fault("making", folder, &error))?;
            private_folder(folder)?;
        }
        let keys = Keys::open(folder, &folder.join(VALUES))?;
        Ok(Self { folder: folder.to_owned(), environment: environment.clone(), keys })
    }

    /// Seals `value` for `path` under a name that is new. Once this returns, a loss of power does
    /// not lose it.
    ///
    /// # Errors
    /// `unavailable` when the disk fails or the system has no random numbers; nothing is left then.
    pub fn seal(&self, path: &str, value: &SecretBytes) -> Result<Sealed, Fault> {
        let value_ref = Ulid(u128::from_be_bytes(key::random()?)).to_string();
        let bytes = sealed::seal(&self.keys.seal, &self.place(path, &value_ref), value)?;
        let file = self.file(&value_ref);
        let draft = file.with_extension("draft");
        let put = || {
            write_new(&draft, &bytes)?;
            fs::rename(&draft, &file)?;
            sync_folder(&self.folder.join(VALUES))
        };
        put().map_err(|error| {
            let _ = fs::remove_file(&draft);
            let _ = fs::remove_file(&file);
            io_fault("writing", &file, &error)
        })?;
        Ok(Sealed { value_ref, fingerprint: self.fingerprint(path, value) })
    }

    /// What tells this value at this path from any other, without saying what it is: a keyed hash,
    /// 32 hex digits. Equal values at two paths have different ones.
    #[must_use]
    pub fn fingerprint(&self, path: &str, value: &SecretBytes) -> String {
        sealed::fingerprint(&self.keys.fingerprint, &self.environment, path, value)
    }

    /// Opens the value that was sealed for `path` under `value_ref`.
    ///
    /// # Errors
    /// `not-found` when there is none; `unavailable` when it was changed, cut short, sealed for
    /// another place or by another key, or when the disk fails; `invalid-input` when `value_ref`
    /// is not a ULID. No message shows any of the value.
    pub fn open_value(&self, path: &str, value_ref: &str) -> Result<SecretBytes, Fault> {
        let file = self.checked(value_ref)?;
        let mut handle = open(&file).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => {
                Fault::not_found(format!("the dev-store holds no value `{value_ref}` of `{path}`"))
                    .hint("put the secret again: gtc op secrets put --help")
            }
            _ => io_fault("opening", &file, &error),
        })?;
        let bytes = read_most(&mut handle, SEALED_MOST)
            .map_err(|error| io_fault("reading", &file, &error))?;
        sealed::open(&self.keys.seal, &self.place(path, value_ref), &bytes).ok_or_else(|| {
            Fault::unavailable(format!(
                "the sealed value `{}` of `{path}` cannot be opened: it was changed, cut short, \
                 moved from another secret, or sealed with another key",
                file.display()
            ))
            .hint("restore it and `dev-store.key` from one backup, or put the secret again: gtc op secrets put --help")
            .detail("path", file.display().to_string())
        })
    }

    /// Whether there is a file of this name; it is not opened.
    #[must_use]
    pub fn holds(&self, value_ref: &str) -> bool {
        let meta = self.checked(value_ref).ok().and_then(|file| fs::symlink_metadata(file).ok());
        meta.is_some_and(|meta| meta.is_file())
    }

    /// Removes a value for good; nothing happens when there is none. What the device keeps of a
    /// removed file stays sealed.
    ///
    /// # Errors
    /// `invalid-input` when `value_ref` is not a ULID; `unavailable` when the disk fails.
    pub fn erase(&self, value_ref: &str) -> Result<(), Fault> {
        let file = self.checked(value_ref)?;
        match fs::remove_file(&file) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            removed => removed,
        }
        .and_then(|()| sync_folder(&self.folder.join(VALUES)))
        .map_err(|error| io_fault("removing", &file, &error))
    }

    fn place<'a>(&'a self, path: &'a str, value_ref: &'a str) -> Place<'a> {
        Place { environment: self.environment.as_str(), path, value_ref }
    }

    fn file(&self, value_ref: &str) -> PathBuf {
        self.folder.join(VALUES).join(value_ref)
    }

    /// The file of a name that came from outside: a ULID as it is printed, and so no path.
    fn checked(&self, value_ref: &str) -> Result<PathBuf, Fault> {
        match Ulid::from_string(value_ref) {
            Ok(id) if id.to_string() == value_ref => Ok(self.file(value_ref)),
            _ => Err(Fault::invalid(format!(
                "{} is not the name of a sealed value, which is a ULID",
                deploy_spec::document::shown(value_ref)
            ))),
        }
    }
}

impl std::fmt::Debug for DevStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DevStore({})", self.folder.display())
    }
}

/// Refuses a folder that others can look into or that stands elsewhere.
fn private_folder(folder: &Path) -> Result<(), Fault> {
    let meta = fs::symlink_metadata(folder).map_err(|error| io_fault("reading", folder, &error))?;
    let objection = if meta.is_dir() {
        objection(&meta, folder, 0o700)
    } else {
        let hint = format!("move it away: {}", folder.display());
        Some(("it is not a folder".to_owned(), hint))
    };
    objection.map_or(Ok(()), |(why, hint)| {
        let shown = folder.display().to_string();
        Err(Fault::refused(format!("the dev-store's folder `{shown}` was refused: {why}"))
            .hint(hint)
            .detail("path", shown))
    })
}
