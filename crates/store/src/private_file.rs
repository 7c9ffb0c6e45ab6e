//! Small private files that are made once and seldom replaced: this machine's own keys.

use std::io::{self, Read as _};
use std::path::Path;

use deploy_spec::Fault;

use crate::corrupt::io_fault;
use crate::folders::{Found, make_folders};
use crate::layout;
use crate::root::EnvironmentStore;

/// The account that may read everything.
const ROOT: u32 = 0;

impl EnvironmentStore {
    /// The bytes of a private file of the environment, made by `make` if it is absent. Two makers
    /// get the same bytes.
    ///
    /// # Errors
    /// `unavailable` when it cannot be read or written; `refused` when others can read it.
    pub fn private_file(
        &self,
        path: &str,
        make: impl FnOnce() -> Result<Vec<u8>, Fault>,
    ) -> Result<Vec<u8>, Fault> {
        if let Some(bytes) = self.existing_private_file(path)? {
            return Ok(bytes);
        }
        let bytes = make()?;
        self.put_private_file(path, &bytes, |draft| {
            self.disk.link(draft, path)?;
            self.disk.remove(draft)
        })?;
        let gone = || Fault::unavailable(format!("`{path}` vanished while it was made"));
        self.existing_private_file(path)?.ok_or_else(gone)
    }

    /// Puts another private file in the place of one. Of two who do so at once one wins; whoever
    /// cares reads it again.
    ///
    /// # Errors
    /// `unavailable` when it cannot be written.
    pub fn replace_private_file(&self, path: &str, bytes: &[u8]) -> Result<(), Fault> {
        self.put_private_file(path, bytes, |draft| self.disk.rename(draft, path))
    }

    fn put_private_file(
        &self,
        path: &str,
        bytes: &[u8],
        publish: impl Fn(&str) -> io::Result<()>,
    ) -> Result<(), Fault> {
        self.make_folder()?;
        let draft = layout::draft_of(path);
        let put = || -> io::Result<()> {
            make_folders(&*self.disk, layout::parent(path), Found::Perhaps)?;
            self.disk.write(&draft, bytes)?;
            self.disk.sync(&draft)?;
            publish(&draft)?;
            self.disk.sync_folder(layout::parent(path))
        };
        put().map_err(|error| {
            let _ = self.disk.remove(&draft);
            io_fault(&self.id, "writing", path, &error)
        })
    }

    /// The bytes of a private file of the environment; none if it is absent. What is looked at is
    /// what is read: both by one handle, which follows no link.
    ///
    /// # Errors
    /// `unavailable` when it cannot be read; `refused` when others can read it.
    pub fn existing_private_file(&self, path: &str) -> Result<Option<Vec<u8>>, Fault> {
        let failed = |error: io::Error| io_fault(&self.id, "reading", path, &error);
        let name = self.folder.join(path);
        let mut file = match host_fs::open_plain(&name) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) if host_fs::is_link(&error) => return Err(not_private(&name)),
            Err(error) => return Err(failed(error)),
        };
        let meta = file.metadata().map_err(failed)?;
        let own = host_fs::own_account();
        let strange = host_fs::owner(&meta) != own && own != Some(ROOT);
        if !meta.is_file() || !host_fs::is_private(&meta) || strange {
            return Err(not_private(&name));
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(failed)?;
        Ok(Some(bytes))
    }
}

fn not_private(name: &Path) -> Fault {
    let name = name.display();
    Fault::refused(format!("`{name}` holds a key and is not a file that only its owner can read"))
        .hint(format!("make it a plain file of yours: chmod 600 {name}"))
}
