//! Small private files that are made once and then only read: this machine's own keys.

use std::io;
use std::os::unix::fs::MetadataExt as _;

use deploy_spec::Fault;

use crate::corrupt::io_fault;
use crate::folders::{Found, make_folders};
use crate::layout;
use crate::root::EnvironmentStore;

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
        if let Some(bytes) = self.read_private_file(path)? {
            return Ok(bytes);
        }
        let bytes = make()?;
        self.make_folder()?;
        let draft = layout::draft_of(path);
        let put = || -> io::Result<()> {
            make_folders(&*self.disk, layout::parent(path), Found::Perhaps)?;
            self.disk.write(&draft, &bytes)?;
            self.disk.sync(&draft)?;
            self.disk.link(&draft, path)?;
            self.disk.remove(&draft)?;
            self.disk.sync_folder(layout::parent(path))
        };
        put().map_err(|error| {
            let _ = self.disk.remove(&draft);
            io_fault(&self.id, "writing", path, &error)
        })?;
        let gone = || Fault::unavailable(format!("`{path}` vanished while it was made"));
        self.read_private_file(path)?.ok_or_else(gone)
    }

    fn read_private_file(&self, path: &str) -> Result<Option<Vec<u8>>, Fault> {
        let file = self.folder.join(path);
        match std::fs::symlink_metadata(&file) {
            Ok(meta) if !meta.is_file() || meta.mode() & 0o077 != 0 => {
                return Err(Fault::refused(format!(
                    "`{}` holds a key and is not a file that only its owner can read",
                    file.display()
                ))
                .hint(format!("make it a plain file of yours: chmod 600 {}", file.display())));
            }
            _ => {}
        }
        self.disk.read(path).map_err(|error| io_fault(&self.id, "reading", path, &error))
    }
}
