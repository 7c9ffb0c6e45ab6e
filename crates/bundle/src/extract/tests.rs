//! What is unpacked is what was packed, and it stays in its folder whatever happens around it.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use deploy_spec::Kind;
use rustix::fs::RenameFlags;

use super::extract;
use super::unpacked::Unpacked;
use crate::tests::fixture::{BOTH, Folder};
use crate::tests::tools::{run, same};
use crate::{Archive, Format};

/// Makes an entry.
type Make = fn(&mut Unpacked) -> Result<(), deploy_spec::Fault>;

#[test]
fn both_formats_unpack_into_what_was_packed() {
    for format in BOTH {
        let (out, path, _) = Folder::sample().build(format);
        let archive = Archive::open(&path).unwrap();
        let done = extract(&archive, &out.at("there")).unwrap();
        assert_eq!(done.entries, archive.entries().len());
        assert_eq!(done.bytes, archive.entries().iter().map(|entry| entry.size).sum::<u64>());
        same(&archive, &out.at("there"));
        assert_eq!(fs::metadata(out.at("there")).unwrap().permissions().mode() & 0o7777, 0o755);
        let fault = extract(&archive, &out.at("there")).unwrap_err();
        assert_eq!(fault.kind, Kind::Conflict, "{fault}");
        symlink("nowhere", out.at("dangling")).unwrap();
        assert_eq!(extract(&archive, &out.at("dangling")).unwrap_err().kind, Kind::Conflict);
        assert_eq!(extract(&archive, &out.at("no/there")).unwrap_err().kind, Kind::NotFound);
        assert_eq!(extract(&archive, Path::new("/")).unwrap_err().kind, Kind::InvalidInput);
    }
}

/// The test above, under a mask that would take everything from everybody else.
#[test]
fn the_mask_of_the_process_does_not_matter() {
    let itself = std::env::current_exe().unwrap();
    let name = "extract::tests::both_formats_unpack_into_what_was_packed";
    let script = "umask 077 && exec \"$0\" --exact \"$1\"";
    let said = run("sh", &["-c", script, itself.to_str().unwrap(), name], Path::new("."));
    assert!(said.contains("1 passed"), "{said}");
}

#[test]
fn what_fails_leaves_nothing() {
    let folder = Folder::small();
    folder.write("site/block", crate::tests::fixture::pseudo_random(50_000, 3));
    let (out, path, _) = folder.build(Format::Zip);
    let mut bytes = fs::read(&path).unwrap();
    let at = bytes.windows(10).position(|window| window == b"site/block").unwrap();
    bytes[at + 20_000] ^= 1;
    out.write("spoiled", bytes);
    let archive = Archive::open(&out.at("spoiled")).unwrap();
    let fault = extract(&archive, &out.at("there")).unwrap_err();
    assert_eq!((fault.kind, &fault.details["entry"]), (Kind::Refused, &"site/block".into()));
    let left: Vec<_> = fs::read_dir(out.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

#[test]
fn a_link_in_the_place_of_a_folder_redirects_nothing() {
    let (home, outside) = (Folder::empty(), Folder::empty());
    let parent = fs::File::open(home.path()).unwrap();
    let start = |name: &str| {
        fs::create_dir(home.at(name)).unwrap();
        let mut unpacked = Unpacked::open(&parent, name).unwrap();
        unpacked.folder("site").unwrap();
        unpacked
    };
    let swap = |name: &str| {
        fs::rename(home.at(name).join("site"), home.at(name).join("moved")).unwrap();
        symlink(outside.path(), home.at(name).join("site")).unwrap();
    };
    // Swapped before anything was put in, once for each kind of entry.
    let kinds: [Make; 3] = [
        |unpacked| unpacked.file("site/x", false).map(drop),
        |unpacked| unpacked.folder("site/x"),
        |unpacked| unpacked.link("site/x", "y"),
    ];
    for (i, make) in kinds.into_iter().enumerate() {
        let name = i.to_string();
        let mut unpacked = start(&name);
        swap(&name);
        let fault = make(&mut unpacked).unwrap_err();
        assert_eq!(
            (fault.kind, &fault.details["entry"]),
            (Kind::Refused, &"site/x".into()),
            "{fault}"
        );
    }
    // Swapped while its handle is open: what follows goes where the folder went.
    let mut unpacked = start("open");
    drop(unpacked.file("site/a", false).unwrap());
    swap("open");
    drop(unpacked.file("site/b", false).unwrap());
    assert!(home.at("open/moved/b").is_file());
    // A link or a file where the entry itself belongs.
    let mut unpacked = start("entry");
    symlink(outside.at("x"), home.at("entry/x")).unwrap();
    for made in [unpacked.file("x", true).map(drop), unpacked.folder("x"), unpacked.link("x", "y")]
    {
        assert_eq!(made.unwrap_err().kind, Kind::Refused);
    }
    // The folder itself.
    symlink(outside.path(), home.at("link")).unwrap();
    assert!(Unpacked::open(&parent, "link").is_err());
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
}

/// A neighbour who swaps a folder and a link to elsewhere, over and over, in one step each.
#[test]
fn a_racing_neighbour_redirects_nothing() {
    const SWAPS: usize = 20_000;
    let (home, outside) = (Folder::empty(), Folder::empty());
    let parent = fs::File::open(home.path()).unwrap();
    fs::create_dir_all(home.at("root/site")).unwrap();
    symlink(outside.path(), home.at("root/link")).unwrap();
    let (mut made, mut refused) = (0, 0);
    std::thread::scope(|scope| {
        let racer = scope.spawn(|| {
            let root = fs::File::open(home.at("root")).unwrap();
            for _ in 0..SWAPS {
                let swap = RenameFlags::EXCHANGE;
                rustix::fs::renameat_with(&root, "site", &root, "link", swap).unwrap();
            }
        });
        while !racer.is_finished() {
            let mut unpacked = Unpacked::open(&parent, "root").unwrap();
            match unpacked.file(&format!("site/{made}"), false) {
                Ok(_) => made += 1,
                Err(fault) => {
                    assert_eq!(fault.kind, Kind::Refused, "{fault}");
                    refused += 1;
                }
            }
        }
    });
    assert!(made > 0 && refused > 0, "{made} made, {refused} refused: there was no race");
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
}
