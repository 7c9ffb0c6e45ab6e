//! SquashFS images that no bundle builder makes. They come from mksquashfs with its tables stored
//! as they are, so that a byte of an inode or a directory can be changed in place.

use super::fixture::Folder;
use super::tools::run;
use crate::{Archive, Limits};

/// An image of the small bundle with what `definitions` add (mksquashfs pseudo files).
fn image(folder: &Folder, definitions: &[&str]) -> Vec<u8> {
    let out = Folder::empty();
    let source = folder.path().to_str().unwrap();
    let mut arguments = vec![source, "image", "-noappend", "-no-progress", "-quiet"];
    arguments.extend(["-noI", "-noF", "-noD", "-all-time", "0", "-nopad"]);
    for definition in definitions {
        arguments.extend(["-p", definition]);
    }
    run("mksquashfs", &arguments, out.path());
    std::fs::read(out.at("image")).unwrap()
}

fn refused(bytes: &[u8]) -> (String, String) {
    let folder = Folder::empty();
    folder.write("image", bytes);
    let fault = Archive::open(&folder.at("image")).unwrap_err();
    assert_eq!(fault.kind, deploy_spec::Kind::Refused, "{fault}");
    assert!(fault.hint.is_some());
    let entry = fault.details.get("entry").map_or("", |entry| entry.as_str().unwrap());
    (entry.to_owned(), fault.message)
}

/// Replaces the only occurrence of `from` by `to`, of the same length.
fn patch(bytes: &mut [u8], from: &[u8], to: &[u8]) {
    assert_eq!(from.len(), to.len());
    let found: Vec<_> =
        (0..bytes.len() - from.len()).filter(|i| bytes[*i..].starts_with(from)).collect();
    assert_eq!(found.len(), 1, "{from:?}");
    bytes[found[0]..][..to.len()].copy_from_slice(to);
}

#[test]
fn kinds_that_no_bundle_holds_are_refused_by_name() {
    let rows: &[(&[&str], &str, &str)] = &[
        (&["dev c 666 0 0 1 3"], "dev", "device"),
        (&["site/blk b 666 0 0 8 0"], "site/blk", "device"),
        (&["pipe i 644 0 0 f"], "pipe", "pipe"),
        (&["sock i 644 0 0 s"], "sock", "socket"),
        (&["packs/web.wasm m 4755 0 0"], "packs/web.wasm", "setuid"),
        (&["packs/web.wasm m 2755 0 0"], "packs/web.wasm", "setuid"),
        (&["site m 2755 0 0"], "site", "setuid"),
    ];
    for (definitions, entry, why) in rows {
        let folder = Folder::small();
        let (named, message) = refused(&image(&folder, definitions));
        assert_eq!(&named, entry, "{message}");
        assert!(message.contains(why), "{message}");
    }
}

#[test]
fn a_file_may_have_two_names_but_no_extended_attributes() {
    let folder = Folder::small();
    std::fs::hard_link(folder.at("site/index.html"), folder.at("site/second.html")).unwrap();
    let mut bytes = image(&folder, &[]);
    folder.write("image", &bytes);
    let archive = Archive::open(&folder.at("image")).unwrap();
    assert_eq!(archive.read("site/second.html").unwrap(), b"hello");
    // The end of its inode: two links, fragment 0, an offset, and no attributes.
    let is = |at: &usize| {
        bytes[*at..].starts_with(&[2, 0, 0, 0, 0, 0, 0, 0]) && bytes[at + 12..at + 16] == [255; 4]
    };
    let at = (96..bytes.len() - 16).find(is).unwrap();
    bytes[at + 12..at + 16].fill(0);
    let (named, message) = refused(&bytes);
    assert!(named.starts_with("site/") && message.contains("extended attributes"), "{message}");
}

#[test]
fn names_and_links_that_escape_are_refused_by_name() {
    let rows: &[(&[u8], &str)] = &[
        (b"..", "`.` or `..`"),
        (b"a\0a", "control"),
        (b"a\\a", "backslash"),
        (b"a/a", "slash"),
        (b"a\na", "control"),
    ];
    for (name, why) in rows {
        let folder = Folder::small();
        let long = ["x".repeat(name.len() - 1), "q".into()].concat();
        folder.write(&long, "");
        let mut bytes = image(&folder, &[]);
        let mut found = vec![(name.len() - 1) as u8, 0];
        let to = [&found[..], name].concat();
        found.extend(long.bytes());
        patch(&mut bytes, &found, &to);
        let (named, message) = refused(&bytes);
        // The patched name is also out of its order; sorting it last is not worth the bytes.
        assert!(message.contains(why) || message.contains("order"), "{message}");
        assert!(!named.is_empty());
    }
    for target in ["../../etc/passwd", "/etc/passwd", "site/../..", "gone"] {
        let folder = Folder::small();
        std::os::unix::fs::symlink(target, folder.at("link")).unwrap();
        assert_eq!(refused(&image(&folder, &[])).0, "link", "{target}");
    }
    let folder = Folder::small();
    folder.write("site/Index.html", "");
    assert!(refused(&image(&folder, &[])).1.contains("case"));
}

#[test]
fn the_same_name_twice_and_folders_in_themselves_are_refused() {
    let folder = Folder::small();
    folder.write("site/qqq1", "1");
    folder.write("site/qqq2", "2");
    let good = image(&folder, &[]);
    let mut bytes = good.clone();
    patch(&mut bytes, b"qqq2", b"qqq1");
    assert_eq!(refused(&bytes).0, "qqq1");
    let mut bytes = good.clone();
    patch(&mut bytes, b"qqq1", b"qqq3");
    assert_eq!(refused(&bytes).0, "qqq2");

    // A folder whose only child is made to be the folder itself.
    let folder = Folder::small();
    folder.write("zoo/zoz/f", "");
    let mut bytes = image(&folder, &[]);
    let entry = |name: &[u8]| [&[1, 0, 2, 0], name].concat();
    let at = |bytes: &[u8], name: &[u8]| {
        let entry = entry(name);
        bytes.windows(entry.len()).position(|window| window == entry).unwrap() - 4
    };
    let (zoo, zoz) = (at(&bytes, b"zoo"), at(&bytes, b"zoz"));
    bytes.copy_within(zoo..zoo + 2, zoz);
    let (named, message) = refused(&bytes);
    assert_eq!(named, "zoo/zoz");
    assert!(message.contains("two names"), "{message}");
}

/// The kernel keeps inodes by their numbers: two of one number are one file to it, and which one
/// depends on what was looked at first.
#[test]
fn inodes_that_the_kernel_would_confuse_are_refused() {
    let folder = Folder::small();
    folder.write("site/qqq1", "1");
    folder.write("site/qqq2", "2");
    let good = image(&folder, &[]);
    // Where an entry of a folder begins: offset, number, kind, length less one, name.
    let entry = |name: &[u8]| {
        let wanted = [&[2, 0, name.len() as u8 - 1, 0], name].concat();
        good.windows(wanted.len()).position(|window| window == wanted).unwrap() - 4
    };
    let (first, second) = (entry(b"qqq1"), entry(b"qqq2"));
    let offset = |at: usize| usize::from(u16::from_le_bytes([good[at], good[at + 1]]));
    let inode_table = u64::from_le_bytes(good[64..72].try_into().unwrap()) as usize + 2;
    let (one, two) = (inode_table + offset(first), inode_table + offset(second));

    // The folder gives the second file the number of the first, and its inode does not.
    let mut bytes = good.clone();
    bytes.copy_within(first + 2..first + 4, second + 2);
    let (named, message) = refused(&bytes);
    assert_eq!(named, "site/qqq2");
    assert!(message.contains("another by itself"), "{message}");
    // And now its inode does as well.
    bytes.copy_within(one + 12..one + 16, two + 12);
    let (named, message) = refused(&bytes);
    assert_eq!(named, "site/qqq2");
    assert!(message.contains("of something else"), "{message}");
    // Both names lead to one inode, so that the other hides.
    let mut bytes = good.clone();
    bytes.copy_within(first..first + 4, second);
    assert!(refused(&bytes).1.contains("other inodes"), "one is hidden");
    // An owner that the table does not hold.
    let mut bytes = good.clone();
    bytes[two + 4] = 9;
    let (named, message) = refused(&bytes);
    assert_eq!(named, "site/qqq2");
    assert!(message.contains("owner"), "{message}");
    // A count that is wrong in either direction.
    for by in [1, 255] {
        let mut bytes = good.clone();
        bytes[4] = bytes[4].wrapping_add(by);
        assert!(refused(&bytes).1.contains("other inodes"), "{by}");
    }
}

#[test]
fn names_that_fold_or_compose_alike_are_refused() {
    for (one, two) in
        [("größe", "GRÖSSE"), ("caf\u{e9}", "cafe\u{301}"), ("a/B", "A/b"), ("ſ", "S")]
    {
        let folder = Folder::small();
        folder.write(&format!("site/{one}"), "");
        folder.write(&format!("site/{two}"), "");
        let (named, message) = refused(&image(&folder, &[]));
        assert!(message.contains("case or Unicode"), "{one} {two}: {message}");
        assert!(named.starts_with("site/"), "{named}");
    }
}

#[test]
fn links_that_leave_by_way_of_other_links_are_refused() {
    let chain: &[(&str, &str)] =
        &[("up", "site/deep"), ("site/deep", "in/.."), ("out", "up/../../x")];
    let folder = Folder::small();
    folder.write("site/in/f", "");
    for (link, target) in chain {
        std::os::unix::fs::symlink(target, folder.at(link)).unwrap();
    }
    let (named, message) = refused(&image(&folder, &[]));
    assert_eq!(named, "out");
    assert!(message.contains("leaves the bundle"), "{message}");
    let folder = Folder::small();
    for i in 0..50 {
        std::os::unix::fs::symlink(format!("l{}", i + 1), folder.at(&format!("l{i}"))).unwrap();
    }
    folder.write("l50", "");
    assert!(refused(&image(&folder, &[])).1.contains("never arrives"));
}

/// Holes take no bytes in the image: 40 MiB in a few KiB.
#[test]
fn sparse_bombs_are_refused() {
    let folder = Folder::small();
    for i in 0..40 {
        folder.write(&format!("site/{i}"), vec![0; 1 << 20]);
    }
    let bytes = image(&folder, &[]);
    assert!(bytes.len() < 100_000);
    folder.write("image", &bytes);
    let limits = Limits { expanded_bytes: 39 << 20, ..Limits::default() };
    let fault = Archive::open_within(&folder.at("image"), &limits).unwrap_err();
    assert!(fault.message.contains("expanded bytes"), "{fault}");
    let limits = Limits { ratio_floor_bytes: 39 << 20, ..Limits::default() };
    let fault = Archive::open_within(&folder.at("image"), &limits).unwrap_err();
    assert!(fault.message.contains("200 times"), "{fault}");
    assert!(fault.details["entry"].as_str().unwrap().starts_with("site/"), "{fault}");
    assert!(Archive::open(&folder.at("image")).is_ok(), "40 MiB alone are no bomb");
}

#[test]
fn headers_and_sizes_that_lie_are_refused() {
    let folder = Folder::small();
    folder.write("site/zero", vec![0; 400_000]);
    let good = image(&folder, &[]);
    let rows: &[(usize, &[u8], &str)] = &[
        (4, &[255; 4], "100000 entries"),
        (12, &[0; 4], "block size"),
        (12, &[0, 0, 4, 0], "block size"),
        (16, &[255; 4], "entries"),
        (20, &[3, 0], "compressor"),
        (28, &[3, 0], "4.0"),
        (32, &[0, 0, 255, 255, 255, 0, 0, 0], "inode table"),
        (40, &[255; 8], "cut short"),
        (64, &[255; 8], "out of place"),
        (72, &[0; 8], "out of place"),
        (80, &[0; 8], "fragment table"),
    ];
    for (at, lie, why) in rows {
        let mut bytes = good.clone();
        bytes[*at..*at + lie.len()].copy_from_slice(lie);
        let (_, message) = refused(&bytes);
        assert!(message.contains(why), "{at}: {message}");
    }
    for tail in [&b"PK\x05\x06"[..], &[0; (1 << 20) + 1]] {
        assert!(refused(&[&good[..], tail].concat()).1.contains("follows"));
    }
    assert!(refused(&good[..good.len() - 1]).1.contains("cut short"));
    // A file of 400 000 zeros that says it is one of almost 4 GiB is a bomb.
    let mut bytes = good;
    let size = 400_000_u32.to_le_bytes();
    patch(&mut bytes, &size, &0xf000_0000_u32.to_le_bytes());
    let (named, message) = refused(&bytes);
    assert_eq!(named, "site/zero");
    assert!(message.contains("200 times"), "{message}");
}

#[test]
fn a_file_that_is_not_what_it_declares_fails_to_read_and_nothing_else() {
    let folder = Folder::small();
    folder.write("site/block", super::fixture::pseudo_random(300_000, 3));
    let mut bytes = image(&folder, &[]);
    // Two whole blocks, stored: the first says that it is shorter than a block.
    let block = (131_072_u32 | 1 << 24).to_le_bytes();
    patch(
        &mut bytes,
        &[block, block].concat(),
        &[(1_000_u32 | 1 << 24).to_le_bytes(), block].concat(),
    );
    folder.write("image", &bytes);
    let archive = Archive::open(&folder.at("image")).unwrap();
    let fault = archive.read("site/block").unwrap_err();
    assert!(fault.message.contains("size it declares"), "{fault}");
    assert_eq!(archive.read("site/index.html").unwrap(), b"hello");
    let fault = crate::verify(&folder.at("image"), None).unwrap_err();
    assert_eq!(fault.details["entry"], "site/block");
}

/// Folders nested deeper than the limit, which a recursive reader would follow off its stack.
#[test]
fn deep_nesting_is_refused() {
    let folder = Folder::small();
    folder.write(&format!("{}f", "d/".repeat(70)), "");
    assert!(refused(&image(&folder, &[])).1.contains("deeper than 64"));
}
