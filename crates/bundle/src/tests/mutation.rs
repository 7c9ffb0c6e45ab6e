//! Thousands of damaged archives: none may panic, and none that is accepted may read past what it
//! declares.

use std::io::Read as _;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use super::fixture::{BOTH, Folder, Random};
use super::tools::run;
use crate::{Archive, EntryKind, Limits};

const ROUNDS: usize = 1_500;
const TELLING: [u64; 8] = [0, 1, 0x7f, 0xff, 0xffff, 0x7fff_ffff, 0xffff_ffff, u64::MAX];

/// Damages `bytes` in one to four places.
pub(crate) fn damage(bytes: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len());
        match random.below(8) {
            0 | 1 => bytes[at] ^= 1 << random.below(8),
            2 => bytes[at] = random.next() as u8,
            3 | 4 => {
                let width = [1, 2, 4, 8][random.below(4)].min(bytes.len() - at);
                let value = TELLING[random.below(8)].wrapping_add(random.next() % 3);
                bytes[at..at + width].copy_from_slice(&value.to_le_bytes()[..width]);
            }
            5 => {
                let len = random.below(64).min(bytes.len() - at);
                let from = random.below(bytes.len() - len + 1);
                bytes.copy_within(from..from + len, at);
            }
            6 => {
                let len = random.below(16).min(bytes.len() - at);
                bytes.splice(at..at, vec![random.next() as u8; len]);
            }
            _ if random.below(4) == 0 => bytes.truncate(at.max(1)),
            _ => bytes[at] = bytes[at].wrapping_add(1),
        }
    }
}

/// Opens and reads everything; gives whether it was accepted.
fn survives(path: &Path) -> bool {
    let limits = Limits { expanded_bytes: 1 << 20, entries: 500, ..Limits::default() };
    let Ok(archive) = Archive::open_within(path, &limits) else { return false };
    assert!(archive.entries().len() <= limits.entries);
    assert!(archive.entries().iter().map(|e| e.size).sum::<u64>() <= limits.expanded_bytes);
    for entry in archive.entries().iter().filter(|e| e.kind == EntryKind::File) {
        let mut reader = archive.reader(&entry.path).unwrap();
        let mut bytes = Vec::new();
        let read = reader.by_ref().take(entry.size + 1).read_to_end(&mut bytes);
        assert!(bytes.len() as u64 <= entry.size, "{}", entry.path);
        if read.is_ok() {
            assert_eq!(bytes.len() as u64, entry.size, "{}", entry.path);
        }
    }
    true
}

fn hammer(name: &str, original: &[u8], seed: u64) {
    let folder = Folder::empty();
    let path = folder.at("damaged");
    folder.write("damaged", original);
    assert!(survives(&path), "{name}");
    // Written over in place: emptying a file first makes some file systems flush it each time.
    let file = std::fs::File::options().write(true).open(&path).unwrap();
    let mut random = Random(seed);
    let mut accepted = 0;
    for _ in 0..ROUNDS {
        let mut bytes = original.to_vec();
        damage(&mut bytes, &mut random);
        file.write_all_at(&bytes, 0).unwrap();
        file.set_len(bytes.len() as u64).unwrap();
        accepted += usize::from(survives(&path));
    }
    // The damage reaches deep enough to matter, and is not always harmless.
    assert!(accepted > 0 && accepted < ROUNDS * 3 / 4, "{name}: {accepted} accepted");
}

#[test]
fn damaged_bundles_are_refused_or_read_within_bounds() {
    let folder = Folder::small();
    folder.write("site/blocks", [5; 140_000]);
    std::os::unix::fs::symlink("site", folder.at("link")).unwrap();
    for format in BOTH {
        let (_out, path, _) = folder.build(format);
        hammer(&format.to_string(), &std::fs::read(path).unwrap(), 7);
    }
}

/// With its tables stored as they are, damage hits the structure and not the compressor.
#[test]
fn damaged_tables_are_refused_or_read_within_bounds() {
    let folder = Folder::small();
    folder.write("site/blocks", [5; 4_200]);
    std::os::unix::fs::symlink("site", folder.at("link")).unwrap();
    let out = Folder::empty();
    let source = folder.path().to_str().unwrap();
    let fixed = [source, "image", "-noappend", "-no-progress", "-quiet", "-no-xattrs", "-nopad"];
    let plain = ["-b", "4096", "-noI", "-noF", "-noD"];
    run("mksquashfs", &[&fixed[..], &plain].concat(), out.path());
    hammer("plain squashfs", &std::fs::read(out.at("image")).unwrap(), 11);
}
