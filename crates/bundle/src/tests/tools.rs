//! Other people's readers and writers agree with ours: the kernel, unsquashfs, mksquashfs, unzip.

use std::path::Path;
use std::process::Command;

use super::fixture::{BOTH, Folder, contents};
use crate::{Archive, EntryKind, Format};

/// Runs a tool that these tests need.
pub(super) fn run(program: &str, arguments: &[&str], at: &Path) -> String {
    let output = Command::new(program).args(arguments).current_dir(at).output();
    let output = output.unwrap_or_else(|error| {
        panic!("`{program}` is needed by the tests ({error}): apt-get install squashfs-tools unzip")
    });
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {text}{error}");
    text
}

/// As [`run`], as root.
fn run_as_root(program: &str, arguments: &[&str], at: &Path) {
    use std::os::unix::fs::MetadataExt as _;
    if std::fs::metadata("/proc/self").unwrap().uid() == 0 {
        run(program, arguments, at);
    } else {
        run("sudo", &[&["-n", program], arguments].concat(), at);
    }
}

/// Holds a folder on disk against an archive, both ways.
fn same(archive: &Archive, root: &Path) {
    for entry in archive.entries() {
        use std::os::unix::fs::PermissionsExt as _;
        let place = root.join(&entry.path);
        let meta = place.symlink_metadata().unwrap();
        let mode = meta.permissions().mode() & 0o7777;
        match entry.kind {
            EntryKind::Directory => assert!(meta.is_dir() && mode == 0o755, "{}", entry.path),
            EntryKind::Symlink => {
                let target = std::fs::read_link(&place).unwrap();
                assert_eq!(target.to_str(), entry.target.as_deref());
            }
            EntryKind::File => {
                assert_eq!(mode, if entry.executable { 0o755 } else { 0o644 }, "{}", entry.path);
                assert!(std::fs::read(&place).unwrap() == archive.read(&entry.path).unwrap());
            }
        }
    }
    let listed = run("find", &[".", "-mindepth", "1"], root).lines().count();
    assert_eq!(listed, archive.entries().len());
}

#[test]
fn the_kernel_mounts_what_was_built() {
    struct Mounted<'a>(&'a Path);
    impl Drop for Mounted<'_> {
        fn drop(&mut self) {
            run_as_root("umount", &["mnt"], self.0);
        }
    }
    let (out, path, _) = Folder::sample().build(Format::Squashfs);
    std::fs::create_dir(out.at("mnt")).unwrap();
    let options = ["-t", "squashfs", "-o", "loop,ro", "out.gtbundle", "mnt"];
    run_as_root("mount", &options, out.path());
    let _mounted = Mounted(out.path());
    same(&Archive::open(&path).unwrap(), &out.at("mnt"));
}

#[test]
fn unsquashfs_lists_and_unpacks_what_was_built() {
    let (out, path, built) = Folder::sample().build(Format::Squashfs);
    let listing = run("unsquashfs", &["-lln", "-UTC", "out.gtbundle"], out.path());
    let lines: Vec<_> = listing.lines().collect();
    assert_eq!(lines.len(), built.entries + 1, "{listing}");
    for line in lines {
        assert!(line.contains(" 0/0 ") && line.contains(" 1970-01-01 00:00 "), "{line}");
    }
    run("unsquashfs", &["-no-progress", "-d", "unpacked", "out.gtbundle"], out.path());
    same(&Archive::open(&path).unwrap(), &out.at("unpacked"));
}

#[test]
fn unzip_tests_and_unpacks_what_was_built() {
    let (out, path, _) = Folder::sample().build(Format::Zip);
    assert!(run("unzip", &["-t", "out.gtbundle"], out.path()).contains("No errors detected"));
    run("unzip", &["-q", "out.gtbundle", "-d", "unpacked"], out.path());
    same(&Archive::open(&path).unwrap(), &out.at("unpacked"));
    // And a second reader in Rust.
    let mut zip = zip::ZipArchive::new(std::fs::File::open(&path).unwrap()).unwrap();
    let archive = Archive::open(&path).unwrap();
    assert_eq!(zip.len(), archive.entries().len());
    for entry in archive.entries().iter().filter(|entry| entry.kind == EntryKind::File) {
        let mut bytes = Vec::new();
        std::io::copy(&mut zip.by_name(&entry.path).unwrap(), &mut bytes).unwrap();
        assert_eq!(bytes, archive.read(&entry.path).unwrap());
    }
}

#[test]
fn images_of_mksquashfs_open_with_gzip_and_zstd() {
    let folder = Folder::sample();
    let (_kept, path, _) = folder.build(Format::Zip);
    let expected = contents(&Archive::open(&path).unwrap());
    let out = Folder::empty();
    let source = folder.path().to_str().unwrap();
    for options in [
        "-comp gzip",
        "-comp zstd",
        "-comp zstd -b 4096",
        "-comp gzip -b 1M -always-use-fragments",
        "-comp gzip -no-fragments -noI -noD",
    ] {
        let options: Vec<_> = options.split(' ').collect();
        let fixed = [source, "image", "-noappend", "-no-progress", "-quiet", "-no-xattrs"];
        run("mksquashfs", &[&fixed[..], &options].concat(), out.path());
        let archive = Archive::open(&out.at("image")).unwrap();
        assert_eq!(contents(&archive), expected, "{options:?}");
    }
    let fixed = [source, "image", "-noappend", "-no-progress", "-quiet", "-comp", "xz"];
    run("mksquashfs", &fixed, out.path());
    assert!(Archive::open(&out.at("image")).unwrap_err().message.contains("zstd nor gzip"));
}

#[test]
fn both_formats_hold_many_entries() {
    let folder = Folder::small();
    for i in 0..1_200 {
        folder.write(&format!("site/{}/{i:05}-{}.txt", i % 7, "n".repeat(60)), i.to_string());
    }
    for format in BOTH {
        let (out, path, built) = folder.build(format);
        assert_eq!(built.entries, 1_200 + 7 + 5);
        let archive = Archive::open(&path).unwrap();
        for i in [0, 1, 600, 1_199] {
            let name = format!("site/{}/{i:05}-{}.txt", i % 7, "n".repeat(60));
            assert_eq!(archive.read(&name).unwrap(), i.to_string().as_bytes());
        }
        if format == Format::Squashfs {
            run("unsquashfs", &["-no-progress", "-d", "unpacked", "out.gtbundle"], out.path());
            same(&archive, &out.at("unpacked"));
        }
    }
}
