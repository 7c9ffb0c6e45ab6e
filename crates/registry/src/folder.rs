//! A folder by an open handle: what is written into it lands there, whatever happens to its path
//! meanwhile. Files are 0600, and symbolic links are not followed.

use std::fs::{DirBuilder, File};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use deploy_spec::Fault;
use rustix::fs::{AtFlags, Dir, FileType, FlockOperation, Mode, OFlags, fstat, statat};

use crate::disk::read_open;

/// An open folder. Copies share the handle.
#[derive(Debug, Clone)]
pub struct Folder {
    handle: Arc<OwnedFd>,
    path: PathBuf,
}

/// An open file that nobody else writes into while it is held.
pub(crate) struct Draft {
    pub(crate) file: File,
    pub(crate) name: String,
}

impl Folder {
    /// Opens a folder that is there.
    ///
    /// # Errors
    /// `not-found` when it is not, `invalid-input` when it is no folder, else `unavailable`.
    pub fn open(path: &Path) -> Result<Self, Fault> {
        let shown = path.display();
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        // The empty path is the working folder, as in `Path::parent` of a bare name.
        let real = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        let handle = rustix::fs::open(real, flags, Mode::empty()).map_err(|error| {
            let error = io::Error::from(error);
            match error.kind() {
                io::ErrorKind::NotFound => {
                    Fault::not_found(format!("there is no folder `{shown}`"))
                }
                io::ErrorKind::NotADirectory => {
                    Fault::invalid(format!("`{shown}` is not a folder"))
                }
                _ => Fault::unavailable(format!("opening the folder `{shown}` failed: {error}")),
            }
        })?;
        Ok(Self { handle: Arc::new(handle), path: path.to_owned() })
    }

    /// Opens a folder, and makes it (0700) with what is above it if need be.
    ///
    /// # Errors
    /// As [`Folder::open`]; `unavailable` when it cannot be made.
    pub fn make(path: &Path) -> Result<Self, Fault> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
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
        // A pipe in its place is not waited for.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match rustix::fs::openat(&self.handle, name, flags, Mode::empty()) {
            Ok(file) => File::from(file),
            Err(rustix::io::Errno::NOENT) => return Ok(None),
            Err(error) => return Err(error.into()),
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
        let shared = self.create(name, OFlags::empty())?;
        let locked = rustix::fs::flock(&shared, FlockOperation::NonBlockingLockExclusive).is_ok();
        // Whoever held it before may have given it its final name since it was opened.
        if locked && self.is_still(name, &shared)? {
            return Ok(Draft { file: shared, name: name.to_owned() });
        }
        let own = format!("{name}.{}", unique());
        Ok(Draft { file: self.create(&own, OFlags::EXCL)?, name: own })
    }

    fn create(&self, name: &str, more: OFlags) -> io::Result<File> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC | more;
        let mode = Mode::RUSR | Mode::WUSR;
        Ok(File::from(rustix::fs::openat(&self.handle, name, flags, mode)?))
    }

    fn is_still(&self, name: &str, file: &File) -> io::Result<bool> {
        let opened = fstat(file)?;
        match statat(&self.handle, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(named) => Ok((named.st_dev, named.st_ino) == (opened.st_dev, opened.st_ino)),
            Err(rustix::io::Errno::NOENT) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Gives a draft its final name, durably, replacing what had it.
    pub(crate) fn publish(&self, draft: &Draft, name: &str) -> io::Result<()> {
        draft.file.sync_all()?;
        rustix::fs::renameat(&self.handle, &draft.name, &self.handle, name)?;
        Ok(rustix::fs::fsync(&self.handle)?)
    }

    /// Writes a small file: all of it or nothing, durably.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let own = format!(".{name}.{}", unique());
        let mut draft = Draft { file: self.create(&own, OFlags::EXCL)?, name: own };
        let written = io::Write::write_all(&mut draft.file, bytes);
        let published = written.and_then(|()| self.publish(&draft, name));
        published.inspect_err(|_| {
            let _ = self.remove(&draft.name);
        })
    }

    /// Removes a file; nothing happens when it is absent.
    pub(crate) fn remove(&self, name: &str) -> io::Result<()> {
        match rustix::fs::unlinkat(&self.handle, name, AtFlags::empty()) {
            Ok(()) | Err(rustix::io::Errno::NOENT) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// The names of the plain files in it, in order.
    pub(crate) fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in Dir::read_from(&self.handle)? {
            let entry = entry?;
            if entry.file_type() == FileType::RegularFile {
                names.extend(entry.file_name().to_str().ok().map(str::to_owned));
            }
        }
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
