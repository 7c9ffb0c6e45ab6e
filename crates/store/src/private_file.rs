//! Small private files that are made once and seldom replaced: this machine's own keys.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use deploy_spec::Fault;
use rustix::fs::OFlags;

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
        self.put_private_file(path, &bytes, |draft| {
            self.disk.link(draft, path)?;
            self.disk.remove(draft)
        })?;
        let gone = || Fault::unavailable(format!("`{path}` vanished while it was made"));
        self.read_private_file(path)?.ok_or_else(gone)
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

    /// What is looked at is what is read: both by one handle, which follows no link.
    fn read_private_file(&self, path: &str) -> Result<Option<Vec<u8>>, Fault> {
        let failed = |error: io::Error| io_fault(&self.id, "reading", path, &error);
        let name = self.folder.join(path);
        let mut file = match open_plain(&name) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => {
                return Err(not_private(&name));
            }
            Err(error) => return Err(failed(error)),
        };
        let meta = file.metadata().map_err(failed)?;
        let own = rustix::process::geteuid();
        let strange = meta.uid() != own.as_raw() && !own.is_root();
        if !meta.is_file() || meta.mode() & 0o077 != 0 || strange {
            return Err(not_private(&name));
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(failed)?;
        Ok(Some(bytes))
    }
}

fn open_plain(name: &Path) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let mut options = File::options();
    options.read(true).custom_flags(flags.bits().cast_signed());
    options.open(name)
}

fn not_private(name: &Path) -> Fault {
    let name = name.display();
    Fault::refused(format!("`{name}` holds a key and is not a file that only its owner can read"))
        .hint(format!("make it a plain file of yours: chmod 600 {name}"))
}
