//! Bundles by content address: a file is named by its digest, so it never changes.

use std::fs::{self, File};
use std::io::{self, Read, Write as _};
use std::path::{Path, PathBuf};

use deploy_spec::runtime_config::artifact_path;
use deploy_spec::{Digest, Fault};
use sha2::{Digest as _, Sha256};

use crate::corrupt::io_fault;
use crate::folders::{Found, make_folders};
use crate::layout;
use crate::root::EnvironmentStore;

/// A bundle that the environment holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The digest of its bytes.
    pub digest: Digest,
    /// How many bytes.
    pub size_bytes: u64,
    /// Its file.
    pub path: PathBuf,
}

/// Where the bundles are.
pub(crate) const FOLDER: &str = "artifacts/sha256";
const BUILD: &str = "gtc bundle build DIR --output FILE.gtbundle";

impl EnvironmentStore {
    /// The file of the bundle with this digest, whether it is there or not.
    #[must_use]
    pub fn artifact(&self, digest: &Digest) -> PathBuf {
        self.folder.join(artifact_path(digest))
    }

    /// Takes a copy of a file into the environment, and hashes what was copied.
    ///
    /// # Errors
    /// `not-found` when there is no such file, `invalid-input` when it is something else than a
    /// file; `unavailable` when it cannot be copied.
    pub fn take_in(&self, source: &Path) -> Result<Stored, Fault> {
        let mut from = open(source)?;
        let failed = |error: io::Error| io_fault(&self.id, "copying a bundle into", FOLDER, &error);
        self.make_folder()?;
        make_folders(&*self.disk, FOLDER, Found::Perhaps).map_err(failed)?;
        let draft = self.folder.join(layout::draft_of(&format!("{FOLDER}/")));
        let stored = copy_hashed(&mut from, &draft).and_then(|(digest, size_bytes)| {
            let path = self.artifact(&digest);
            fs::rename(&draft, &path)?;
            self.disk.sync_folder(FOLDER)?;
            Ok(Stored { digest, size_bytes, path })
        });
        stored.map_err(|error| {
            let _ = fs::remove_file(&draft);
            failed(error)
        })
    }

    /// Writes a small file beside a bundle: its signatures.
    ///
    /// # Errors
    /// `unavailable` when it cannot be written.
    pub fn put_beside(&self, digest: &Digest, suffix: &str, bytes: &[u8]) -> Result<(), Fault> {
        let path = format!("{}{suffix}", artifact_path(digest));
        let draft = layout::draft_of(&path);
        let put = || -> io::Result<()> {
            make_folders(&*self.disk, FOLDER, Found::Perhaps)?;
            self.disk.write(&draft, bytes)?;
            self.disk.sync(&draft)?;
            self.disk.rename(&draft, &path)?;
            self.disk.sync_folder(FOLDER)
        };
        put().map_err(|error| {
            let _ = self.disk.remove(&draft);
            io_fault(&self.id, "writing", &path, &error)
        })
    }

    /// Reads a small file beside a bundle; none when it is absent.
    ///
    /// # Errors
    /// `unavailable` when it cannot be read.
    pub fn get_beside(&self, digest: &Digest, suffix: &str) -> Result<Option<Vec<u8>>, Fault> {
        let path = format!("{}{suffix}", artifact_path(digest));
        self.disk.read(&path).map_err(|error| io_fault(&self.id, "reading", &path, &error))
    }
}

fn open(source: &Path) -> Result<File, Fault> {
    let shown = source.display();
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => {
            Fault::not_found(format!("there is no file `{shown}`")).hint(BUILD)
        }
        _ => Fault::unavailable(format!("reading `{shown}` failed: {error}")),
    };
    // Looked at first: opening a pipe would wait for whoever writes into it.
    if !fs::metadata(source).map_err(failed)?.is_file() {
        return Err(Fault::invalid(format!("`{shown}` is not a file")).hint(BUILD));
    }
    File::open(source).map_err(failed)
}

fn copy_hashed(from: &mut impl Read, to: &Path) -> io::Result<(Digest, u64)> {
    let mut file = host_fs::private().write(true).create(true).truncate(true).open(to)?;
    let mut hash = Sha256::new();
    let mut size = 0;
    let mut buffer = vec![0; 256 * 1024];
    loop {
        let n = from.read(&mut buffer)?;
        if n == 0 {
            break;
        }
        hash.update(&buffer[..n]);
        file.write_all(&buffer[..n])?;
        size += n as u64;
    }
    file.sync_all()?;
    Ok((Digest::from_hash(hash.finalize().into()), size))
}
