//! The steps on a disk that secrets need: files that are whole or absent, and that nobody else
//! can read.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use deploy_spec::Fault;
use rustix::fs::OFlags;
use zeroize::Zeroizing;

/// Opens a regular file without following a link, and without waiting for the other end of a pipe.
///
/// # Errors
/// As the system reports them; `refused` is said by [`objection`].
pub(crate) fn open(path: &Path) -> io::Result<File> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY).bits();
    OpenOptions::new().read(true).custom_flags(flags.cast_signed()).open(path)
}

/// Whether opening failed because the name is a symbolic link.
pub(crate) fn is_link(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error())
}

/// Why a file or folder is not one that only this account can use, and what to do about it.
pub(crate) fn objection(meta: &fs::Metadata, path: &Path, mode: u32) -> Option<(String, String)> {
    let shown = path.display();
    if meta.uid() != rustix::process::geteuid().as_raw() {
        let why = format!("it belongs to the account {}", meta.uid());
        return Some((why, format!("chown it to the account that runs gtc: {shown}")));
    }
    (meta.mode() & 0o077 != 0).then(|| {
        let why = format!("its mode {:03o} lets other accounts use it", meta.mode() & 0o777);
        (why, format!("chmod {mode:o} {shown}"))
    })
}

/// All of an open file, as long as it has at most `most` bytes; one byte more shows that it has
/// more. The buffer never grows, so that no copy of a secret stays behind.
///
/// # Errors
/// As the system reports them.
pub(crate) fn read_most(reader: &mut dyn io::Read, most: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(most + 1));
    let mut piece = Zeroizing::new([0; 4096]);
    while bytes.len() <= most {
        let room = piece.len().min(most + 1 - bytes.len());
        match reader.read(&mut piece[..room]) {
            Ok(0) => break,
            Ok(read) => bytes.extend_from_slice(&piece[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(bytes)
}

/// Makes a private folder below one that exists, durably.
///
/// # Errors
/// As the system reports them.
pub(crate) fn make_folder(path: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => path.parent().map_or(Ok(()), sync_folder),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

/// Writes a file under a name that nobody has, to the disk and not only to the cache.
///
/// # Errors
/// As the system reports them; what was written is removed.
pub(crate) fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    if written.is_err() {
        let _ = fs::remove_file(path);
    }
    written
}

/// Makes the names in a folder durable.
///
/// # Errors
/// As the system reports them.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// A step on the disk failed; what was read or written is not shown.
pub(crate) fn io_fault(doing: &str, path: &Path, error: &io::Error) -> Fault {
    let hint = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "free some space, then ask again"
        }
        io::ErrorKind::PermissionDenied => "it belongs to another account; run as its owner",
        io::ErrorKind::ReadOnlyFilesystem => "remount the file system so that it can be written",
        _ => "look at the disk, then ask again",
    };
    let path = path.display().to_string();
    Fault::unavailable(format!("{doing} `{path}` failed: {error}")).hint(hint).detail("path", path)
}
