//! A folder by an open handle: what is written into it lands there, whatever happens to its path
//! meanwhile. Files are 0600, and symbolic links are not followed. On Windows, which has neither, it
//! is a folder by its path.

#[cfg_attr(unix, path = "folder/unix.rs")]
#[cfg_attr(windows, path = "folder/windows.rs")]
mod handle;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use deploy_spec::Fault;

use crate::disk::read_open;
use handle::Handle;

/// An open folder. Copies share the handle.
#[derive(Debug, Clone)]
pub struct Folder {
    handle: Arc<Handle>,
    path: PathBuf,
}

/// An open file that nobody else writes into while it is held.
pub(crate) struct Draft {
    pub(crate) file: File,
    pub(crate) name: String,
}

/// How a file is opened to write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Create {
    /// The one that is there, or a new one.
    IfAbsent,
    /// A new one, or nothing.
    New,
}

impl Folder {
    /// Opens a folder that is there.
    ///
    /// # Errors
    /// `not-found` when it is not, `invalid-input` when it is no folder, else `unavailable`.
    pub fn open(path: &Path) -> Result<Self, Fault> {
        let shown = path.display();
        // The empty path is the working folder, as in `Path::parent` of a bare name.
        let real = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        let handle = Handle::open(real).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Fault::not_found(format!("there is no folder `{shown}`")),
            io::ErrorKind::NotADirectory => Fault::invalid(format!("`{shown}` is not a folder")),
            _ => Fault::unavailable(format!("opening the folder `{shown}` failed: {error}")),
        })?;
        Ok(Self { handle: Arc::new(handle), path: path.to_owned() })
    }

    /// Opens a folder, and makes it (0700) with what is above it if need be.
    ///
    /// # Errors
    /// As [`Folder::open`]; `unavailable` when it cannot be made.
    pub fn make(path: &Path) -> Result<Self, Fault> {
        let made = host_fs::private_folder().recursive(true).create(path);
        made.map_err(|error| {
            Fault::unavailable(format!("making the folder `{}` failed: {error}", path.display()))
        })?;
        Self::open(path)
    }

    /// The path it was opened by.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A file to read; none when it is absent.
    pub(crate) fn read(&self, name: &str) -> io::Result<Option<File>> {
        let file = match self.handle.open_plain(name) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        if !file.metadata()?.is_file() {
            return Err(io::Error::other("it is not a file"));
        }
        Ok(Some(file))
    }

    /// All of a small file; none when it is absent.
    pub(crate) fn read_small(&self, name: &str, most: u64) -> io::Result<Option<Vec<u8>>> {
        self.read(name)?.map(|file| read_open(&file, most)).transpose()
    }

    /// A file to go on writing, whatever it holds already, for one writer at a time: who comes
    /// second gets another one, of a name that is used once.
    pub(crate) fn draft(&self, name: &str) -> io::Result<Draft> {
        let shared = self.handle.create(name, Create::IfAbsent)?;
        let locked = shared.try_lock().is_ok();
        // Whoever held it before may have given it its final name since it was opened.
        if locked && self.handle.names(name, &shared)? {
            return Ok(Draft { file: shared, name: name.to_owned() });
        }
        let own = format!("{name}.{}", unique());
        Ok(Draft { file: self.handle.create(&own, Create::New)?, name: own })
    }

    /// Gives a draft its final name, durably, replacing what had it.
    pub(crate) fn publish(&self, draft: &Draft, name: &str) -> io::Result<()> {
        draft.file.sync_all()?;
        self.handle.rename(&draft.name, name)?;
        self.handle.sync()
    }

    /// Writes a small file: all of it or nothing, durably.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let own = format!(".{name}.{}", unique());
        let mut draft = Draft { file: self.handle.create(&own, Create::New)?, name: own };
        let written = io::Write::write_all(&mut draft.file, bytes);
        let published = written.and_then(|()| self.publish(&draft, name));
        published.inspect_err(|_| {
            let _ = self.remove(&draft.name);
        })
    }

    /// Removes a file; nothing happens when it is absent.
    pub(crate) fn remove(&self, name: &str) -> io::Result<()> {
        match self.handle.remove(name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        }
    }

    /// The names of the plain files in it, in order.
    pub(crate) fn names(&self) -> io::Result<Vec<String>> {
        let mut names = self.handle.plain_files()?;
        names.sort_unstable();
        Ok(names)
    }
}

/// No two of the same in the world. The number of the process would not do: in a container it is
/// always one, and what a crash left behind has it too.
fn unique() -> String {
    use std::hash::{BuildHasher as _, RandomState};
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU64, Ordering};
    static OURS: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one(()));
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("{:016x}-{}", *OURS, NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Whether it is the name of one file, and not a path.
pub(crate) fn is_name(name: &str) -> bool {
    !matches!(name, "" | "." | "..") && !name.contains(['/', '\0']) && name.len() <= 200
}
