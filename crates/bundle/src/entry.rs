//! What an archive lists: paths, kinds, sizes.

use serde::Serialize;

/// The two archive formats a bundle may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// SquashFS 4.0, compressed with zstd; can be mounted as it is.
    Squashfs,
    /// ZIP (APPNOTE 6.3), deflated.
    Zip,
}

impl std::fmt::Display for Format {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Squashfs => "squashfs",
            Self::Zip => "zip",
        })
    }
}

impl std::str::FromStr for Format {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "squashfs" => Ok(Self::Squashfs),
            "zip" => Ok(Self::Zip),
            _ => Err(format!("`{}` is not a bundle format: squashfs or zip", text.escape_debug())),
        }
    }
}

/// What an entry is. Anything else is refused when the archive is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A folder.
    Directory,
    /// A symbolic link that names another entry of the same archive.
    Symlink,
}

/// One entry of an archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Where it is: relative, `/`-separated, with no `.` or `..`.
    pub path: String,
    /// What it is.
    pub kind: EntryKind,
    /// Bytes of a file once expanded; 0 for the others.
    pub size: u64,
    /// Whether a file may be executed.
    pub executable: bool,
    /// What a symbolic link points at, as it was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
}

impl Entry {
    pub(crate) fn directory(path: String) -> Self {
        Self { path, kind: EntryKind::Directory, size: 0, executable: false, target: None }
    }

    pub(crate) fn file(path: String, size: u64, executable: bool) -> Self {
        Self { path, kind: EntryKind::File, size, executable, target: None }
    }

    pub(crate) fn symlink(path: String, target: String) -> Self {
        Self { path, kind: EntryKind::Symlink, size: 0, executable: false, target: Some(target) }
    }
}
