//! Where we see an archive, everybody sees the same one: what we list and read is held against
//! unsquashfs, the kernel, unzip and Python, also for damaged archives that we accept.

use std::collections::BTreeMap;
use std::path::Path;

use super::fixture::{BOTH, Folder, Random};
use super::mutation::damage;
use super::tools::{Mounted, run, same};
use crate::{Archive, Entry, EntryKind, Format};

/// Path, kind, and what tells two of a kind apart: the size of a file, the target of a link.
type Row = (String, char, String);

fn ours(archive: &Archive) -> Vec<Row> {
    let row = |entry: &Entry| match entry.kind {
        EntryKind::Directory => (entry.path.clone(), 'd', String::new()),
        EntryKind::File => (entry.path.clone(), '-', entry.size.to_string()),
        EntryKind::Symlink => (entry.path.clone(), 'l', entry.target.clone().unwrap()),
    };
    archive.entries().iter().map(row).collect()
}

/// What `unsquashfs` lists; `None` when it refuses the image.
fn theirs(image: &Path) -> Option<Vec<Row>> {
    let mut command = std::process::Command::new("unsquashfs");
    let output = command.args(["-lln", "-UTC"]).arg(image).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let mut rows = Vec::new();
    for line in text.lines() {
        let mut rest = line;
        let mut columns = [""; 5];
        for column in &mut columns {
            (*column, rest) = rest.trim_start().split_once(' ')?;
        }
        let path = rest.trim_start().strip_prefix("squashfs-root")?;
        let Some(path) = path.strip_prefix('/') else { continue };
        rows.push(match columns[0].chars().next()? {
            'l' => {
                let (path, target) = path.split_once(" -> ")?;
                (path.to_owned(), 'l', target.to_owned())
            }
            '-' => (path.to_owned(), '-', columns[2].to_owned()),
            kind => (path.to_owned(), kind, String::new()),
        });
    }
    rows.sort();
    output.status.success().then_some(rows)
}

/// Every file's name and checksum, as Python reads them; `None` for an archive that it refuses.
fn pythons(folder: &Path) -> BTreeMap<String, Option<BTreeMap<String, u32>>> {
    const PROGRAM: &str = "
import json, os, zipfile, zlib
seen = {}
for name in os.listdir('.'):
    try:
        with zipfile.ZipFile(name) as z:
            seen[name] = {i.filename: zlib.crc32(z.read(i)) for i in z.infolist() if not i.is_dir()}
    except Exception:
        seen[name] = None
print(json.dumps(seen))
";
    serde_json::from_str(&run("python3", &["-c", PROGRAM], folder)).unwrap()
}

fn checksums(archive: &Archive) -> Option<BTreeMap<String, u32>> {
    let mut seen = BTreeMap::new();
    for entry in archive.entries().iter().filter(|entry| entry.kind != EntryKind::Directory) {
        let mut crc = flate2::Crc::new();
        match &entry.target {
            Some(target) => crc.update(target.as_bytes()),
            None => crc.update(&archive.read(&entry.path).ok()?),
        }
        seen.insert(entry.path.clone(), crc.sum());
    }
    Some(seen)
}

/// Damaged copies of `good` that are still accepted, in a folder of their own.
fn accepted(good: &[u8], rounds: usize, seed: u64) -> (Folder, Vec<(String, Archive)>) {
    let (folder, mut random, mut kept) = (Folder::empty(), Random(seed), Vec::new());
    for round in 0..rounds {
        let mut bytes = good.to_vec();
        damage(&mut bytes, &mut random);
        let name = round.to_string();
        folder.write(&name, &bytes);
        match Archive::open(&folder.at(&name)) {
            Ok(archive) if bytes != good => kept.push((name, archive)),
            _ => std::fs::remove_file(folder.at(&name)).unwrap(),
        }
    }
    (folder, kept)
}

#[test]
fn python_reads_the_same_files_out_of_damaged_zips_that_we_accept() {
    let folder = Folder::small();
    folder.write("site/zeros", vec![0; 5_000]);
    std::os::unix::fs::symlink("site", folder.at("link")).unwrap();
    let (_out, path, _) = folder.build(Format::Zip);
    let (folder, kept) = accepted(&std::fs::read(path).unwrap(), 2_000, 5);
    let theirs = pythons(folder.path());
    let mut compared = 0;
    for (name, archive) in kept {
        if let (Some(ours), Some(theirs)) = (checksums(&archive), &theirs[&name]) {
            assert_eq!(&ours, theirs, "{name}");
            compared += 1;
        }
    }
    assert!(compared > 15, "{compared}: too few to say anything");
}

#[test]
fn unsquashfs_lists_the_same_entries_of_damaged_images_that_we_accept() {
    let folder = Folder::small();
    folder.write("site/blocks", vec![5; 9_000]);
    std::os::unix::fs::symlink("site", folder.at("link")).unwrap();
    let out = Folder::empty();
    let source = folder.path().to_str().unwrap();
    let fixed = [source, "image", "-noappend", "-no-progress", "-quiet", "-no-xattrs", "-nopad"];
    let plain = ["-all-root", "-b", "4096", "-noI", "-noF", "-noD"];
    run("mksquashfs", &[&fixed[..], &plain].concat(), out.path());
    assert_eq!(theirs(&out.at("image")), Some(ours(&Archive::open(&out.at("image")).unwrap())));
    let (folder, kept) = accepted(&std::fs::read(out.at("image")).unwrap(), 400, 9);
    let mut compared = 0;
    for (name, archive) in kept {
        if let Some(theirs) = theirs(&folder.at(&name)) {
            assert_eq!(ours(&archive), theirs, "{name}");
            compared += 1;
        }
    }
    assert!(compared > 15, "{compared}: too few to say anything");
}

#[test]
fn the_kernel_and_unsquashfs_list_what_we_list_of_the_images_of_mksquashfs() {
    let folder = Folder::sample();
    std::fs::hard_link(folder.at("site/index.html"), folder.at("site/again.html")).unwrap();
    for i in 0..700 {
        folder.write(&format!("many/{i}-{}", "n".repeat(i % 90)), i.to_string());
    }
    let source = folder.path().to_str().unwrap();
    for compressor in ["gzip", "xz", "lz4", "zstd"] {
        let out = Folder::empty();
        let fixed = [source, "image", "-noappend", "-no-progress", "-quiet", "-all-root"];
        run("chmod", &["755", "bin/run"], folder.path());
        run("mksquashfs", &[&fixed[..], &["-comp", compressor]].concat(), out.path());
        let archive = Archive::open(&out.at("image")).unwrap();
        assert_eq!(theirs(&out.at("image")), Some(ours(&archive)), "{compressor}");
        let mounted = Mounted::new(out.path(), "image");
        same(&archive, &mounted.root());
    }
}

#[test]
fn unzip_and_unsquashfs_list_what_we_list_of_what_we_built() {
    let folder = Folder::sample();
    for format in BOTH {
        let (out, path, _) = folder.build(format);
        let archive = Archive::open(&path).unwrap();
        let listed: Vec<Row> = match format {
            Format::Squashfs => theirs(&path).unwrap(),
            Format::Zip => {
                let names = run("unzip", &["-Z1", "out.gtbundle"], out.path());
                let mut names: Vec<&str> = names.lines().map(|l| l.trim_end_matches('/')).collect();
                names.sort_unstable();
                let all: Vec<&str> = archive.entries().iter().map(|e| e.path.as_str()).collect();
                assert_eq!(names, all);
                ours(&archive)
            }
        };
        assert_eq!(listed, ours(&archive));
    }
}
