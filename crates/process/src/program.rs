//! A program, copied to where nobody can change it any more.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use deploy_spec::Fault;

use crate::only_linux;

/// A checked program in sealed memory: what was checked is what runs, at every start, whatever
/// happens to the file it came from. Takes as much memory as the file is long, shared by all
/// processes that run it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Program(Arc<OwnedFd>);

impl Program {
    /// Checks a program and keeps a sealed copy of it.
    ///
    /// # Errors
    /// As [`elf::check`]; `unavailable` when the kernel gives no memory that may be run.
    pub fn new(bytes: &[u8]) -> Result<Self, Fault> {
        if !cfg!(target_os = "linux") {
            return Err(only_linux::refusal());
        }
        elf::check(bytes)?;
        let file = sealed(bytes, Use::Run).map_err(|error| {
            Fault::unavailable(format!("the program cannot be kept in memory: {error}"))
                .hint("`sysctl vm.memfd_noexec` must be 0 or 1, and /proc mounted")
        })?;
        Ok(Self(Arc::new(file)))
    }
}

impl AsFd for Program {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// What a file in memory is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    Run,
    Read,
}

/// Only Linux has such files, and [`Program::new`] refuses before one is asked for.
#[cfg(not(target_os = "linux"))]
pub(crate) fn sealed(_: &[u8], _: Use) -> std::io::Result<OwnedFd> {
    Err(std::io::ErrorKind::Unsupported.into())
}

/// An unnamed file in memory that holds `bytes`, and cannot be written any more by anyone.
#[cfg(target_os = "linux")]
pub(crate) fn sealed(bytes: &[u8], purpose: Use) -> std::io::Result<OwnedFd> {
    use std::fs::File;
    use std::io::Write as _;
    use std::os::fd::AsRawFd as _;

    use rustix::fs::{MemfdFlags, Mode, OFlags, SealFlags};
    use rustix::io::Errno;

    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    // Linux before 6.3 knows neither flag, and lets every such file be run.
    let wanted = match purpose {
        Use::Run => MemfdFlags::EXEC,
        Use::Read => MemfdFlags::NOEXEC_SEAL,
    };
    let made = match rustix::fs::memfd_create("greentic", flags | wanted) {
        Err(Errno::INVAL) => rustix::fs::memfd_create("greentic", flags),
        made => made,
    };
    let mut file = File::from(made?);
    file.write_all(bytes)?;
    let seals = SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL;
    rustix::fs::fcntl_add_seals(&file, seals)?;
    // A file that is open for writing anywhere cannot be run, sealed or not.
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    let readable = OFlags::RDONLY | OFlags::CLOEXEC;
    Ok(rustix::fs::open(path, readable, Mode::empty())?)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::fs::File;
    use std::io::{Read as _, Write as _};
    use std::os::fd::AsRawFd as _;

    use super::*;

    #[test]
    fn a_sealed_file_holds_what_it_held() {
        for purpose in [Use::Run, Use::Read] {
            let file = File::from(sealed(b"abc", purpose).unwrap());
            let path = format!("/proc/self/fd/{}", file.as_raw_fd());
            let writable = File::options().write(true).open(&path);
            assert!(writable.is_err() || (&writable.unwrap()).write_all(b"x").is_err());
            assert!(file.set_len(0).is_err());
            let mut text = String::new();
            (&file).read_to_string(&mut text).unwrap();
            assert_eq!(text, "abc");
        }
    }

    #[test]
    fn only_what_was_checked_is_kept() {
        assert!(Program::new(b"#!/bin/sh\n").unwrap_err().message.contains("/bin/sh"));
    }
}
