//! A folder by a descriptor.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{
    AtFlags, Dir, FileType, Mode, OFlags, fstat, fsync, open, openat, renameat, statat, unlinkat,
};
use rustix::io::Errno;

use super::Create;

#[derive(Debug)]
pub(super) struct Handle(OwnedFd);

impl Handle {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self(open(path, flags, Mode::empty())?))
    }

    /// A file to read. A pipe in its place is not waited for.
    pub(super) fn open_plain(&self, name: &str) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        Ok(File::from(openat(&self.0, name, flags, Mode::empty())?))
    }

    pub(super) fn create(&self, name: &str, create: Create) -> io::Result<File> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let more = match create {
            Create::IfAbsent => OFlags::empty(),
            Create::New => OFlags::EXCL,
        };
        Ok(File::from(openat(&self.0, name, flags | more, Mode::RUSR | Mode::WUSR)?))
    }

    /// Whether `name` is the name of this very file.
    pub(super) fn names(&self, name: &str, file: &File) -> io::Result<bool> {
        let opened = fstat(file)?;
        match statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(named) => Ok((named.st_dev, named.st_ino) == (opened.st_dev, opened.st_ino)),
            Err(Errno::NOENT) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        Ok(renameat(&self.0, from, &self.0, to)?)
    }

    pub(super) fn sync(&self) -> io::Result<()> {
        Ok(fsync(&self.0)?)
    }

    pub(super) fn remove(&self, name: &str) -> io::Result<()> {
        Ok(unlinkat(&self.0, name, AtFlags::empty())?)
    }

    /// The names of the plain files in it, in no order.
    pub(super) fn plain_files(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in Dir::read_from(&self.0)? {
            let entry = entry?;
            if entry.file_type() == FileType::RegularFile {
                names.extend(entry.file_name().to_str().ok().map(str::to_owned));
            }
        }
        Ok(names)
    }
}
