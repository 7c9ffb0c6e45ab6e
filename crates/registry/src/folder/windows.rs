//! A folder by its path.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::Create;

#[derive(Debug)]
pub(super) struct Handle(PathBuf);

impl Handle {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        match fs::metadata(path)?.is_dir() {
            true => Ok(Self(path.to_owned())),
            false => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    /// A file to read.
    pub(super) fn open_plain(&self, name: &str) -> io::Result<File> {
        host_fs::open_plain(&self.0.join(name))
    }

    pub(super) fn create(&self, name: &str, create: Create) -> io::Result<File> {
        let mut options = host_fs::private();
        options.read(true).write(true);
        match create {
            Create::IfAbsent => options.create(true).truncate(false),
            Create::New => options.create_new(true),
        };
        options.open(self.0.join(name))
    }

    /// Whether `name` is the name of this very file.
    pub(super) fn names(&self, name: &str, file: &File) -> io::Result<bool> {
        match self.open_plain(name) {
            Ok(named) => host_fs::is_same(&named, file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    pub(super) fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.0.join(from), self.0.join(to))
    }

    pub(super) fn sync(&self) -> io::Result<()> {
        host_fs::sync_folder(&self.0)
    }

    pub(super) fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.0.join(name))
    }

    /// The names of the plain files in it, in no order.
    pub(super) fn plain_files(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.0)? {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                names.extend(entry.file_name().into_string().ok());
            }
        }
        Ok(names)
    }
}
