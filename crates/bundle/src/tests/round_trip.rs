//! What goes in comes out, in both formats, by any number of threads.

use std::io::Read as _;

use proptest::prelude::*;

use super::fixture::{BOTH, Folder, MANIFEST, contents};
use crate::{Archive, EntryKind, Format, inspect, pack_digest, verify};

#[test]
fn a_sample_comes_back_whole_from_both_formats() {
    let folder = Folder::sample();
    let mut seen = Vec::new();
    for format in BOTH {
        let (_out, path, built) = folder.build(format);
        let archive = Archive::open(&path).unwrap();
        assert_eq!(archive.format(), format);
        assert_eq!(archive.manifest().bundle_id.as_str(), "sample");
        assert_eq!((built.version.as_str(), built.entries), ("1.2.3", archive.entries().len()));
        for entry in archive.entries().iter().filter(|e| e.kind == EntryKind::File) {
            let disk = std::fs::read(folder.at(&entry.path)).unwrap();
            assert_eq!(archive.read(&entry.path).unwrap(), disk, "{}", entry.path);
            assert_eq!(entry.size, disk.len() as u64);
        }
        assert!(archive.entry("bin/run").unwrap().executable);
        assert!(!archive.entry("packs/web.wasm").unwrap().executable);
        assert_eq!(archive.entry("site/web").unwrap().kind, EntryKind::Symlink);
        assert_eq!(archive.read("public/index.html").unwrap(), b"<h1>hello</h1>");
        assert_eq!(archive.read("public/web").unwrap(), archive.read("packs/web.wasm").unwrap());
        for missing in ["", "site", "nope", "/bundle.yaml", "../x", "site/../../x"] {
            assert_eq!(archive.read(missing).unwrap_err().kind, deploy_spec::Kind::NotFound);
        }
        let verified = verify(&path, Some(&built.bundle_digest)).unwrap();
        assert_eq!(verified.size_bytes, std::fs::metadata(&path).unwrap().len());
        assert_eq!(verified.expanded_bytes, inspect(&path).unwrap().expanded_bytes);
        let packs: Vec<_> =
            archive.manifest().packs.iter().map(|p| pack_digest(&archive, p).unwrap()).collect();
        seen.push((contents(&archive), packs));
    }
    assert_eq!(seen[0], seen[1]);
}

#[test]
fn many_threads_read_one_archive_at_once() {
    for format in BOTH {
        let (_out, path, _) = Folder::sample().build(format);
        let archive = Archive::open(&path).unwrap();
        let whole = contents(&archive);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| assert_eq!(contents(&archive.clone()), whole));
            }
        });
        // Two half-read streams do not disturb each other.
        let (mut a, mut b) =
            (archive.reader("site/zeros.bin").unwrap(), archive.reader("packs/web.wasm").unwrap());
        let (mut x, mut y) = (vec![1; 200_000], vec![1; 200_000]);
        a.read_exact(&mut x).unwrap();
        b.read_exact(&mut y).unwrap();
        assert!(x.iter().all(|byte| *byte == 0));
        assert_eq!(y, archive.read("packs/web.wasm").unwrap()[..200_000]);
    }
}

/// Trees of up to three levels, with names that differ even when case does not count.
fn tree() -> impl Strategy<Value = Vec<(String, Vec<u8>, bool)>> {
    let part = "[a-z0-9 é$._-]{1,12}x";
    let path = prop::collection::vec(part, 1..4).prop_map(|parts| format!("d/{}", parts.join("/")));
    let sizes = prop_oneof![
        Just(0usize),
        1..300usize,
        4_000..9_000usize,
        Just(131_072),
        131_000..140_000usize
    ];
    let bytes = (sizes, any::<u64>(), any::<bool>()).prop_map(|(len, seed, plain)| {
        if plain { vec![seed as u8; len] } else { super::fixture::pseudo_random(len, seed | 1) }
    });
    prop::collection::vec((path, bytes, any::<bool>()), 0..12)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_tree_comes_back_and_reads_the_same_in_both_formats(files in tree()) {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = Folder::small();
        for (path, bytes, executable) in &files {
            let place = folder.at(path);
            let blocked = place.is_dir() || place.ancestors().skip(1).any(std::path::Path::is_file);
            let kept_out = path.contains("secrets") || path.contains("/.env");
            if blocked || kept_out {
                continue;
            }
            folder.write(path, bytes);
            let mode = if *executable { 0o755 } else { 0o644 };
            std::fs::set_permissions(place, std::fs::Permissions::from_mode(mode)).unwrap();
        }
        let mut seen = Vec::new();
        for format in BOTH {
            let (_out, path, built) = folder.build(format);
            prop_assert_eq!(built.left_out, vec![]);
            let archive = Archive::open(&path).unwrap();
            for entry in archive.entries().iter().filter(|e| e.kind == EntryKind::File) {
                let disk = std::fs::read(folder.at(&entry.path)).unwrap();
                prop_assert_eq!(archive.read(&entry.path).unwrap(), disk);
            }
            verify(&path, None).unwrap();
            let site = pack_digest(&archive, &archive.manifest().packs[1]).unwrap();
            seen.push((contents(&archive), site));
        }
        prop_assert_eq!(&seen[0], &seen[1]);
    }
}

#[test]
fn wrong_digests_and_strangers_are_told_apart() {
    let (out, path, built) = Folder::small().build(Format::Squashfs);
    let other = deploy_spec::Digest::of(b"other");
    let fault = verify(&path, Some(&other)).unwrap_err();
    assert_eq!(fault.kind, deploy_spec::Kind::Refused);
    assert!(
        fault.message.contains(other.as_str())
            && fault.message.contains(built.bundle_digest.as_str())
    );
    out.write("stranger", MANIFEST);
    let fault = Archive::open(&out.at("stranger")).unwrap_err();
    assert_eq!(fault.kind, deploy_spec::Kind::InvalidInput);
    assert_eq!(Archive::open(&out.at("gone")).unwrap_err().kind, deploy_spec::Kind::NotFound);
    assert_eq!(Archive::open(out.path()).unwrap_err().kind, deploy_spec::Kind::InvalidInput);
    assert_eq!(crate::digest_file(&path).unwrap(), (built.bundle_digest, built.size_bytes));
}
