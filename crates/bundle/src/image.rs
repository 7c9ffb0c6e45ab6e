//! The bytes of an archive: positioned reads on one open file, by any number of threads.

use std::fs::File;
use std::io;
use std::path::Path;

use deploy_spec::{Digest, Fault};
use sha2::{Digest as _, Sha256};

use crate::names::refuse_archive;

/// An open archive file. It keeps serving the same bytes when the path is replaced.
#[derive(Debug)]
pub(crate) struct Image {
    file: File,
    len: u64,
}

impl Image {
    /// Opens a regular file.
    ///
    /// # Errors
    /// `not-found`, `invalid-input` when it is not a file, `unavailable` when it cannot be read.
    pub(crate) fn open(path: &Path) -> Result<Self, Fault> {
        let failed = |error: io::Error| io_fault("open", path, &error);
        let meta = std::fs::metadata(path).map_err(failed)?;
        if !meta.is_file() {
            return Err(Fault::invalid(format!("`{}` is not a file", path.display()))
                .hint("name a .gtbundle file; `gtc bundle build DIR --output FILE` makes one"));
        }
        File::open(path).and_then(Self::of).map_err(failed)
    }

    /// The archive in a file that is open.
    pub(crate) fn of(file: File) -> io::Result<Self> {
        let len = file.metadata()?.len();
        Ok(Self { file, len })
    }

    /// Bytes of the file.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// Fills `buffer` from `at`.
    ///
    /// # Errors
    /// `refused` when the archive is too short for it, `unavailable` when the disk fails.
    pub(crate) fn read_at(&self, at: u64, buffer: &mut [u8]) -> Result<(), Fault> {
        match host_fs::read_exact_at(&self.file, buffer, at) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Err(refuse_archive("it is cut short, or points past its own end"))
            }
            Err(error) => Err(Fault::unavailable(format!("the bundle cannot be read: {error}"))),
        }
    }

    /// The `len` bytes from `at`. The caller has bounded `len`.
    pub(crate) fn bytes(&self, at: u64, len: usize) -> Result<Vec<u8>, Fault> {
        if at.checked_add(len as u64).is_none_or(|end| end > self.len) {
            return Err(refuse_archive("it is cut short, or points past its own end"));
        }
        let mut buffer = vec![0; len];
        self.read_at(at, &mut buffer)?;
        Ok(buffer)
    }

    /// One plain read at `at`; 0 at the end of the file.
    pub(crate) fn read_some(&self, at: u64, buffer: &mut [u8]) -> io::Result<usize> {
        host_fs::read_at(&self.file, buffer, at)
    }

    /// SHA-256 of the whole file, and how many bytes were hashed.
    pub(crate) fn digest(&self) -> io::Result<(Digest, u64)> {
        let mut hasher = Sha256::new();
        let mut len = 0;
        self.each(|bytes| {
            hasher.update(bytes);
            len += bytes.len() as u64;
        })?;
        Ok((Digest::from_hash(hasher.finalize().into()), len))
    }

    /// Gives the whole file, in order and in pieces.
    pub(crate) fn each(&self, mut each: impl FnMut(&[u8])) -> io::Result<()> {
        let mut buffer = vec![0; 128 << 10];
        let mut at = 0;
        loop {
            match host_fs::read_at(&self.file, &mut buffer, at) {
                Ok(0) => return Ok(()),
                Ok(n) => {
                    each(&buffer[..n]);
                    at += n as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// A file system error as the user meets it: what was attempted, on what, and why it failed.
pub(crate) fn io_fault(attempt: &str, path: &Path, error: &io::Error) -> Fault {
    let message = format!("cannot {attempt} `{}`: {error}", path.display());
    match error.kind() {
        io::ErrorKind::NotFound => Fault::not_found(message).hint("check the path"),
        io::ErrorKind::PermissionDenied => {
            Fault::unavailable(message).hint("check the permissions of the file and its folder")
        }
        _ => Fault::unavailable(message).hint("check the disk"),
    }
}

/// Carries a fault through `std::io::Read`.
pub(crate) fn into_io(fault: Fault) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, fault)
}

/// Takes a fault back out of an `io::Error`.
pub(crate) fn from_io(error: io::Error) -> Fault {
    match error.downcast::<Fault>() {
        Ok(fault) => fault,
        Err(error) => Fault::unavailable(format!("the bundle cannot be read: {error}")),
    }
}
