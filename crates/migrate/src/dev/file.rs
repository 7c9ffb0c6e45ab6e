//! A file of an older install: read within bounds, and replaced so that there is always the old one
//! or the new one.

use std::ffi::OsString;
use std::fs::{self, File, Metadata, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};

/// How the name of a replacement in the making ends; a crash may leave one, the next one replaces it.
const DRAFT: &str = ".gtc-draft";
/// How many bytes tell whether a file is text.
const PEEK: u64 = 8 * 1024;

/// What a file holds.
#[derive(Debug)]
pub(super) enum Content {
    Text(String),
    Binary,
    /// Text, and more of it than is read.
    TooLarge,
}

/// Reads a file; what is looked at is what is read, and no link is followed.
pub(super) fn read(path: &Path, most: u64) -> io::Result<Content> {
    let file = host_fs::open_plain(path)?;
    let length = file.metadata()?.len();
    let wanted = if length > most { PEEK } else { most };
    let mut bytes = Vec::new();
    file.take(wanted).read_to_end(&mut bytes)?;
    if bytes.contains(&0) {
        return Ok(Content::Binary);
    }
    if length > most {
        return Ok(Content::TooLarge);
    }
    Ok(String::from_utf8(bytes).map_or(Content::Binary, Content::Text))
}

/// Whether the file is a replacement that was never finished.
pub(super) fn is_draft(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().ends_with(DRAFT.as_bytes())
}

/// Why the file cannot be replaced without changing more than its text.
pub(super) fn why_kept(meta: &Metadata) -> Option<&'static str> {
    if meta.nlink() > 1 {
        return Some("the file has another name, which would keep the old text");
    }
    (meta.mode() & 0o200 == 0).then_some("the file is read-only")
}

/// Gives the file another text, under the same mode and owner. `before` is what it was when its
/// text was read.
///
/// # Errors
/// When it is not that file any more, or as the system reports them; the file is as it was then.
pub(super) fn replace(path: &Path, before: &Metadata, text: &str) -> io::Result<()> {
    let draft = draft_of(path);
    let put = || {
        match fs::remove_file(&draft) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = File::options().write(true).create_new(true).mode(0o600).open(&draft)?;
        file.write_all(text.as_bytes())?;
        let made = file.metadata()?;
        if (made.uid(), made.gid()) != (before.uid(), before.gid()) {
            fchown(&file, Some(before.uid()), Some(before.gid()))?;
        }
        file.set_permissions(Permissions::from_mode(before.mode() & 0o7777))?;
        file.sync_all()?;
        if !is_same(before, &fs::symlink_metadata(path)?) {
            return Err(io::Error::other("somebody changed it meanwhile"));
        }
        fs::rename(&draft, path)
    };
    put().inspect_err(|_| {
        let _ = fs::remove_file(&draft);
    })?;
    File::open(path.parent().unwrap_or(path))?.sync_all()
}

fn is_same(a: &Metadata, b: &Metadata) -> bool {
    let key = |meta: &Metadata| {
        (meta.dev(), meta.ino(), meta.len(), meta.mtime(), meta.mtime_nsec(), meta.ctime_nsec())
    };
    key(a) == key(b)
}

fn draft_of(path: &Path) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(DRAFT);
    path.with_file_name(name)
}
