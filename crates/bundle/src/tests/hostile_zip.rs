//! ZIP archives that two readers would read differently, or that lie about themselves.

use std::io::{Cursor, Write as _};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::fixture::{Folder, MANIFEST, contents};
use crate::{Archive, Format, Limits};

/// How a good archive is spoiled.
type Spoil = fn(&mut Forge);

/// A good archive of the small bundle and two files, to be spoiled.
struct Forge(Vec<u8>);

impl Forge {
    fn new() -> Self {
        let folder = Folder::small();
        folder.write("site/aaaa", "/etc/passwd");
        folder.write("site/bbbb", vec![b'b'; 5_000]);
        let (_out, path, _) = folder.build(Format::Zip);
        Self(std::fs::read(path).unwrap())
    }

    fn find(&self, magic: &[u8], name_at: usize, name: &str) -> usize {
        let is = |at: &usize| {
            self.0[*at..].starts_with(magic)
                && self.0.get(at + name_at..).is_some_and(|rest| rest.starts_with(name.as_bytes()))
        };
        (0..self.0.len()).find(is).unwrap()
    }

    fn local(&self, name: &str) -> usize {
        self.find(b"PK\x03\x04", 30, name)
    }

    fn central(&self, name: &str) -> usize {
        self.find(b"PK\x01\x02", 46, name)
    }

    fn end(&self) -> usize {
        self.0.len() - 22
    }

    fn put(&mut self, at: usize, bytes: &[u8]) -> &mut Self {
        self.0[at..at + bytes.len()].copy_from_slice(bytes);
        self
    }

    /// Changes a field in both headers of an entry; the local one is 16 bytes short of the other's
    /// name, and 2 bytes before it up to the lengths.
    fn both(&mut self, name: &str, local: usize, bytes: &[u8]) -> &mut Self {
        let (l, c) = (self.local(name), self.central(name));
        let central = if local < 30 { local + 2 } else { local + 16 };
        self.put(l + local, bytes).put(c + central, bytes)
    }

    fn rename(&mut self, name: &str, to: &[u8]) -> &mut Self {
        assert_eq!(name.len(), to.len());
        self.both(name, 30, to)
    }

    fn mode(&mut self, name: &str, mode: u16) -> &mut Self {
        let at = self.central(name);
        self.put(at + 40, &mode.to_le_bytes())
    }

    fn open(&self, limits: &Limits) -> Result<Archive, deploy_spec::Fault> {
        let folder = Folder::empty();
        folder.write("forged", &self.0);
        Archive::open_within(&folder.at("forged"), limits)
    }

    fn refused(&self, entry: &str, why: &str) {
        let fault = self.open(&Limits::default()).unwrap_err();
        assert_eq!(fault.kind, deploy_spec::Kind::Refused, "{fault}");
        let named = fault.details.get("entry").map_or("", |entry| entry.as_str().unwrap());
        assert_eq!(named, entry, "{fault}");
        assert!(fault.message.contains(why), "{fault}, expected {why}");
    }
}

#[test]
fn names_that_escape_or_collide_are_refused_by_name() {
    assert!(Forge::new().open(&Limits::default()).is_ok());
    let rows: &[(&[u8], &str, &str)] = &[
        (b"/ite/bbbb", "/ite/bbbb", "absolute"),
        (b"../e/bbbb", "../e/bbbb", "`..`"),
        (b"site/../x", "site/../x", "`..`"),
        (b"site//bbb", "site//bbb", "empty part"),
        (b"site\\bbbb", "site\\\\bbbb", "backslash"),
        (b"site/b\0bb", "site/b\\0bb", "control"),
        (b"site/bb\xff\xff", "site/bb\u{fffd}\u{fffd}", "UTF-8"),
        (b"site/aaaa", "site/aaaa", "twice"),
        (b"site/AAAA", "site/aaaa", "case"),
        (b"SITE/bbbb", "site", "case"),
        (b"site/aa/b", "site/aa/b", ""),
    ];
    for (name, entry, why) in &rows[..rows.len() - 1] {
        let mut forge = Forge::new();
        forge.rename("site/bbbb", name);
        forge.refused(entry, why);
    }
    // Info-ZIP on Unix does not mark its UTF-8; on other systems the bytes may mean anything.
    let mut forge = Forge::new();
    forge.rename("site/bbbb", "site/bbé".as_bytes());
    assert!(forge.open(&Limits::default()).unwrap().entry("site/bbé").is_some());
    let at = forge.central("site/bb");
    forge.put(at + 5, &[0]);
    forge.refused("site/bbé", "not marked as UTF-8");
    // A file where another entry has a folder.
    let mut forge = Forge::new();
    forge.rename("site/bbbb", b"packs/x/y").rename("site/aaaa", b"packs/x/z");
    assert!(forge.open(&Limits::default()).is_ok(), "folders need not be listed");
    let mut forge = Forge::new();
    forge.rename("packs/web.wasm", b"site/aaaa/wasm");
    forge.refused("site/aaaa/wasm", "not a folder");
}

#[test]
fn kinds_and_links_that_no_bundle_holds_are_refused_by_name() {
    for (mode, why) in [
        (0o104_755, "setuid"),
        (0o102_755, "setgid"),
        (0o060_644, "device"),
        (0o020_644, "device"),
        (0o010_644, "pipe"),
        (0o140_644, "socket"),
        (0o040_755, "not by both"),
        (0o120_777, "leaves"),
        (0o170_000, "unknown kind"),
    ] {
        let mut forge = Forge::new();
        forge.mode("site/aaaa", mode);
        forge.refused("site/aaaa", why);
    }
    let mut forge = Forge::new();
    forge.mode("site/bbbb", 0o120_777);
    forge.refused("site/bbbb", "over 1024 bytes");
}

/// Names and links of two readers: the same file to one of them, another to the other.
#[test]
fn names_that_compose_alike_and_links_by_way_of_links_are_refused_by_name() {
    let options = SimpleFileOptions::default();
    let zip = |files: &[&str], links: &[(&str, &str)]| {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        for name in [&["bundle.yaml", "packs/web.wasm", "site/index.html"], files].concat() {
            zip.start_file(name, options).unwrap();
            let text = if name == "bundle.yaml" { MANIFEST.as_bytes() } else { b"x" };
            zip.write_all(text).unwrap();
        }
        for (name, target) in links {
            zip.add_symlink(*name, *target, options).unwrap();
        }
        Forge(zip.finish().unwrap().into_inner())
    };
    for (one, two) in [("caf\u{e9}", "cafe\u{301}"), ("größe", "GRÖSSE"), ("ſ", "S")] {
        zip(&[one, two], &[]).refused(two.max(one), "case or Unicode");
    }
    let chain = [("up", "site/deep"), ("site/deep", "in/..")];
    assert!(zip(&["site/in/f"], &chain).open(&Limits::default()).is_ok());
    let out = [&chain[..], &[("out", "up/../../x")]].concat();
    zip(&["site/in/f"], &out).refused("out", "leaves the bundle");
    zip(&[], &[("one", "two"), ("two", "one")]).refused("one", "never arrives");
    let deep = format!("{}f", "d/".repeat(64));
    zip(&[&deep], &[]).refused(&deep, "deeper than 64");
    let long = "x".repeat(256);
    zip(&[&long], &[]).refused(&crate::names::shown(&long), "part longer");
    let far = vec!["y".repeat(200); 21].join("/");
    zip(&[&far], &[]).refused(&crate::names::shown(&far), "longer than 4096");
}

const LYING_HEADERS: &[(Spoil, &str)] = &[
    (
        |f| {
            f.both("site/bbbb", 6, &[1, 0]);
        },
        "encrypted",
    ),
    (
        |f| {
            f.both("site/bbbb", 6, &[0x40, 0]);
        },
        "encrypted",
    ),
    (
        |f| {
            f.both("site/bbbb", 8, &[12, 0]);
        },
        "method 12",
    ),
    (|f| f.spoil_local(30, b"s1te/bbbb"), "another by itself"),
    (|f| f.spoil_local(6, &[0, 8]), "another by itself"),
    (|f| f.spoil_local(8, &[0, 0]), "another by itself"),
    (|f| f.spoil_local(14, &[9]), "another by itself"),
    (|f| f.spoil_local(18, &[9]), "another by itself"),
    (|f| f.spoil_local(22, &[9]), "another by itself"),
    (|f| f.spoil_local(0, b"PK\x03\x05"), "not where"),
    (
        |f| {
            f.both("site/bbbb", 22, &[255, 255, 255, 0]);
        },
        "cannot be true",
    ),
    (
        |f| {
            f.both("site/bbbb", 22, &[255; 4]);
        },
        "ZIP64",
    ),
    (|f| f.spoil_central(34, &[1]), "several files"),
];

#[test]
fn headers_that_disagree_or_lie_are_refused_by_name() {
    for (spoil, why) in LYING_HEADERS {
        let mut forge = Forge::new();
        spoil(&mut forge);
        forge.refused("site/bbbb", why);
    }
    // Two entries that share their bytes: the bomb that needs no nesting.
    let mut forge = Forge::new();
    let offset = u32::try_from(forge.local("site/aaaa")).unwrap().to_le_bytes();
    let central = forge.central("site/bbbb");
    forge.put(central + 42, &offset);
    forge.refused("site/bbbb", "overlaps");
    // An entry that is elsewhere leaves a hole where it was.
    let mut forge = Forge::new();
    forge.spoil_central(42, &[255, 255, 255, 0]);
    forge.refused("site/index.html", "belong to no entry");
    // Bytes between the last entry and the directory, which moves up to make room for them.
    let mut forge = Forge::new();
    let (first, end) = (forge.0.windows(4).position(|w| w == b"PK\x01\x02").unwrap(), forge.end());
    forge.put(end + 16, &u32::try_from(first + 3).unwrap().to_le_bytes());
    forge.0.splice(first..first, *b"abc");
    forge.refused("", "belong to no entry");
    // A packed size that swallows what follows.
    let mut forge = Forge::new();
    forge.both("site/bbbb", 18, &[255, 255, 0, 0]);
    forge.refused("site/bbbb", "overlaps the ZIP directory");
}

impl Forge {
    fn spoil_local(&mut self, at: usize, bytes: &[u8]) {
        let header = self.local("site/bbbb");
        self.put(header + at, bytes);
    }

    fn spoil_central(&mut self, at: usize, bytes: &[u8]) {
        let header = self.central("site/bbbb");
        self.put(header + at, bytes);
    }
}

const LYING_ENDS: &[(Spoil, &str)] = &[
    (|f| f.0.push(0), "follows it"),
    (|f| f.0.extend(f.0.split_at(f.end()).1.to_vec()), "not where its end says"),
    (
        |f| {
            f.put(f.end() + 20, &[1, 0]);
        },
        "follows it",
    ),
    (|f| f.0.truncate(21), "no ZIP directory"),
    (|f| f.0.insert(4, 0), "not where its end says"),
    (
        |f| {
            f.put(f.end() + 4, &[1]);
        },
        "several files",
    ),
    (
        |f| {
            f.put(f.end() + 8, &[1, 0]);
        },
        "several files",
    ),
    (
        |f| {
            f.put(f.end() + 8, &[1, 0, 1, 0]);
        },
        "more than it counts",
    ),
    (
        |f| {
            f.put(f.end() + 8, &[99, 0, 99, 0]);
        },
        "cut short",
    ),
    (
        |f| {
            f.put(f.end() + 12, &[1, 0]);
        },
        "not where its end says",
    ),
    (
        |f| {
            f.put(f.end() + 8, &[255; 4]);
        },
        "ZIP64 record that is not there",
    ),
    (
        |f| {
            f.put(f.end() + 16, &[255; 4]);
        },
        "ZIP64 record that is not there",
    ),
];

#[test]
fn ends_that_lie_are_refused() {
    for (spoil, why) in LYING_ENDS {
        let mut forge = Forge::new();
        spoil(&mut forge);
        let fault = forge.open(&Limits::default()).unwrap_err();
        assert!(fault.message.contains(why), "{fault}, expected {why}");
    }
}

#[test]
fn a_file_that_is_not_what_it_declares_fails_to_read_and_nothing_else() {
    let spoils: [fn(&mut Forge); 4] = [
        |f| {
            f.both("site/bbbb", 22, &4_999_u32.to_le_bytes());
        },
        |f| {
            f.both("site/bbbb", 22, &5_001_u32.to_le_bytes());
        },
        |f| {
            f.both("site/bbbb", 14, &[1, 2, 3, 4]);
        },
        |f| {
            let at = f.local("site/bbbb") + 30 + 9;
            f.0[at] ^= 0x06;
        },
    ];
    for (i, spoil) in spoils.iter().enumerate() {
        let mut forge = Forge::new();
        spoil(&mut forge);
        let archive = forge.open(&Limits::default()).unwrap();
        let fault = archive.read("site/bbbb").unwrap_err();
        assert_eq!(fault.kind, deploy_spec::Kind::Refused, "{i}: {fault}");
        assert!(fault.message.contains("site/bbbb"), "{fault}");
        assert_eq!(archive.read("site/index.html").unwrap(), b"hello");
    }
}

#[test]
fn second_names_and_bombs_are_refused() {
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, len) in [("bundle.yaml", 0), ("packs/web.wasm", 0), ("site/bomb", 70 << 20)] {
        zip.start_file(name, options).unwrap();
        let text = if name == "bundle.yaml" { MANIFEST.as_bytes() } else { b"" };
        zip.write_all(text).unwrap();
        std::io::copy(&mut std::io::Read::take(std::io::repeat(0), len), &mut zip).unwrap();
    }
    let bomb = Forge(zip.finish().unwrap().into_inner());
    bomb.refused("site/bomb", "200 times");

    // The Info-ZIP Unicode Path field gives one entry two names.
    let mut forge = Forge::new();
    let extra = [0x75, 0x70, 5, 0, 1, 0, 0, 0, 0];
    let (central, end) = (forge.central("site/bbbb"), forge.end());
    let len = u32::from_le_bytes(forge.0[end + 12..end + 16].try_into().unwrap());
    forge.put(end + 12, &(len + 9).to_le_bytes()).put(central + 30, &[9, 0]);
    forge.0.splice(central + 46 + 9..central + 46 + 9, extra);
    forge.refused("site/bbbb", "second name");

    // PKWARE's field for Unix may hold what a hard or symbolic link points at.
    let mut forge = Forge::new();
    let extra = [&[0x0d, 0, 16, 0][..], &[0; 12], b"/etc"].concat();
    let (central, end) = (forge.central("site/bbbb"), forge.end());
    let len = u32::from_le_bytes(forge.0[end + 12..end + 16].try_into().unwrap());
    forge.put(end + 12, &(len + 20).to_le_bytes()).put(central + 30, &[20, 0]);
    forge.0.splice(central + 46 + 9..central + 46 + 9, extra);
    forge.refused("site/bbbb", "target of a link");
}

#[test]
fn streamed_zips_with_descriptors_open_and_are_held_to_them() {
    let mut zip = ZipWriter::new_stream(Vec::new());
    for (name, text) in
        [("bundle.yaml", MANIFEST), ("packs/web.wasm", "x"), ("site/index.html", "hello")]
    {
        zip.start_file(name, SimpleFileOptions::default()).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    }
    let good = Forge(zip.finish().unwrap().into_inner());
    let archive = good.open(&Limits::default()).unwrap();
    assert_eq!(contents(&archive).len(), 5);
    let descriptor = good.0.windows(4).rposition(|window| window == b"PK\x07\x08").unwrap();
    for at in [4, 8, 12] {
        let mut forge = Forge(good.0.clone());
        forge.0[descriptor + at] ^= 1;
        forge.refused("site/index.html", "descriptor");
    }
}

#[test]
fn more_entries_than_16_bits_count_open_by_their_zip64_end() {
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for name in ["bundle.yaml", "packs/web.wasm", "site/index.html"] {
        zip.start_file(name, options).unwrap();
        zip.write_all(if name == "bundle.yaml" { MANIFEST.as_bytes() } else { b"x" }).unwrap();
    }
    for i in 0..66_000 {
        zip.start_file(format!("many/{i}"), options).unwrap();
    }
    let mut forge = Forge(zip.finish().unwrap().into_inner());
    let archive = forge.open(&Limits::default()).unwrap();
    assert_eq!(archive.entries().len(), 66_000 + 3 + 3);
    let end64 = forge.0.windows(4).rposition(|window| window == b"PK\x06\x06").unwrap();
    for (at, lie) in [(4, 45), (16, 1), (24, 1), (40, 1), (48, 1), (56 + 8, 1), (56 + 16, 2)] {
        let kept = forge.0[end64 + at];
        forge.0[end64 + at] = kept.wrapping_add(lie);
        assert_eq!(forge.open(&Limits::default()).unwrap_err().kind, deploy_spec::Kind::Refused);
        forge.0[end64 + at] = kept;
    }
    let limits = Limits { entries: 66_000, ..Limits::default() };
    assert!(forge.open(&limits).unwrap_err().message.contains("more than 66000"));
}
