//! What must hold for any bytes at all that are opened as a bundle.

use std::io::{Read, Write as _};
use std::os::fd::AsRawFd as _;
use std::path::Path;

use bundle::{Archive, EntryKind, Limits};

/// Opens `bytes` and reads everything that they claim to hold.
pub fn open(bytes: &[u8]) {
    let Ok(file) = rustix::fs::memfd_create("bundle", rustix::fs::MemfdFlags::CLOEXEC) else {
        return;
    };
    let mut file = std::fs::File::from(file);
    if file.write_all(bytes).is_err() {
        return;
    }
    let limits = Limits { entries: 300, expanded_bytes: 1 << 20, ..Limits::default() };
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    let Ok(archive) = Archive::open_within(Path::new(&path), &limits) else { return };
    let entries = archive.entries();
    assert!(entries.len() <= limits.entries);
    assert!(entries.is_sorted_by(|a, b| a.path < b.path), "twice, or out of order");
    assert!(entries.iter().map(|entry| entry.size).sum::<u64>() <= limits.expanded_bytes);
    for entry in entries {
        assert!(!entry.path.starts_with('/') && !entry.path.split('/').any(|part| part == ".."));
        match entry.kind {
            EntryKind::Directory => {}
            EntryKind::Symlink => assert!(entry.target.is_some()),
            EntryKind::File => {
                let Ok(reader) = archive.reader(&entry.path) else { panic!("a file is not there") };
                let mut bytes = Vec::new();
                let read = reader.take(entry.size + 1).read_to_end(&mut bytes);
                assert!(bytes.len() as u64 <= entry.size, "more than it declares");
                assert!(read.is_err() || bytes.len() as u64 == entry.size, "less than it declares");
            }
        }
    }
}
