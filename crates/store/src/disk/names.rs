//! The names in a folder.

use std::io;
use std::path::Path;

/// How many bytes of names the system hands over at a time. The C library that a static program
/// has asks for 2 KiB, and a folder of thousands is then a hundred calls.
#[cfg(target_os = "linux")]
const LISTED_AT_ONCE: usize = 64 * 1024;

/// In any order; none when there is no folder.
#[cfg(target_os = "linux")]
pub(super) fn of(folder: &Path) -> io::Result<Vec<String>> {
    use rustix::fs::{Mode, OFlags, RawDir};

    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let opened = rustix::fs::open(folder, flags, Mode::empty()).map_err(io::Error::from);
    let Some(folder) = super::absent(opened)? else { return Ok(Vec::new()) };
    let mut buffer = Vec::with_capacity(LISTED_AT_ONCE);
    let mut entries = RawDir::new(folder, buffer.spare_capacity_mut());
    let mut names = Vec::new();
    while let Some(entry) = entries.next() {
        let entry = entry?;
        let name = entry.file_name().to_str().ok();
        names.extend(name.filter(|name| !matches!(*name, "." | "..")).map(str::to_owned));
    }
    Ok(names)
}

/// In any order; none when there is no folder.
#[cfg(not(target_os = "linux"))]
pub(super) fn of(folder: &Path) -> io::Result<Vec<String>> {
    let Some(entries) = super::absent(std::fs::read_dir(folder))? else { return Ok(Vec::new()) };
    let name = |entry: io::Result<std::fs::DirEntry>| -> io::Result<Option<String>> {
        Ok(entry?.file_name().into_string().ok())
    };
    entries.map(name).filter_map(Result::transpose).collect()
}
