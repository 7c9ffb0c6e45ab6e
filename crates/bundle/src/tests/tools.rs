//! Other people's readers and writers agree with ours: the kernel, unsquashfs, mksquashfs, unzip.

use std::path::Path;
use std::process::Command;

use super::fixture::{BOTH, Folder, contents};
use crate::{Archive, EntryKind, Format};

/// Runs a tool that these tests need.
pub(crate) fn run(program: &str, arguments: &[&str], at: &Path) -> String {
    let output = Command::new(program).args(arguments).current_dir(at).output();
    let output = output.unwrap_or_else(|error| {
        panic!("`{program}` is needed by the tests ({error}): apt-get install squashfs-tools unzip zip python3")
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
pub(crate) fn same(archive: &Archive, root: &Path) {
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

/// An image that the kernel has mounted at `mnt` in `folder`; unmounted when it is dropped.
pub(super) struct Mounted<'a>(&'a Path);

impl<'a> Mounted<'a> {
    pub(super) fn new(folder: &'a Path, image: &str) -> Self {
        std::fs::create_dir(folder.join("mnt")).unwrap();
        let known = std::fs::read_to_string("/proc/filesystems").unwrap_or_default();
        let loops = Path::new("/dev/loop-control").exists();
        assert!(loops, "this test mounts an image, and this machine has no loop devices");
        // A kernel that has it as a module names it once it was asked for.
        let hint = if known.contains("squashfs") { "" } else { "; its kernel names no SquashFS" };
        println!("mounting{hint}; this takes root or `sudo -n`");
        run_as_root("mount", &["-t", "squashfs", "-o", "loop,ro", image, "mnt"], folder);
        Self(folder)
    }

    pub(super) fn root(&self) -> std::path::PathBuf {
        self.0.join("mnt")
    }
}

impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        run_as_root("umount", &["mnt"], self.0);
    }
}

#[test]
fn the_kernel_mounts_what_was_built() {
    let (out, path, _) = Folder::sample().build(Format::Squashfs);
    let mounted = Mounted::new(out.path(), "out.gtbundle");
    same(&Archive::open(&path).unwrap(), &mounted.root());
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
fn images_of_mksquashfs_open_with_every_compressor_but_the_forgotten_ones() {
    let folder = Folder::sample();
    folder.write("packs/code.bin", std::fs::read("/bin/sh").unwrap());
    std::fs::hard_link(folder.at("site/index.html"), folder.at("site/again.html")).unwrap();
    let (_kept, path, _) = folder.build(Format::Zip);
    let expected = contents(&Archive::open(&path).unwrap());
    let out = Folder::empty();
    let source = folder.path().to_str().unwrap();
    for options in [
        "-comp gzip",
        "-comp zstd",
        "-comp xz",
        "-comp xz -Xbcj x86,arm -b 1M -Xdict-size 100%",
        "-comp lz4",
        "-comp lz4 -Xhc -b 4096",
        "-comp zstd -b 4096",
        "-comp gzip -b 1M -always-use-fragments",
        "-comp gzip -no-fragments -noI -noD",
        "-comp xz -tailends -no-duplicates -no-exports",
    ] {
        let options: Vec<_> = options.split(' ').collect();
        let fixed = [source, "image", "-noappend", "-no-progress", "-quiet", "-no-xattrs"];
        run("mksquashfs", &[&fixed[..], &options].concat(), out.path());
        let archive = Archive::open(&out.at("image")).unwrap();
        assert_eq!(contents(&archive), expected, "{options:?}");
    }
    for compressor in ["lzo", "lzma"] {
        let fixed = [source, "image", "-noappend", "-no-progress", "-quiet", "-comp", compressor];
        run("mksquashfs", &fixed, out.path());
        let fault = Archive::open(&out.at("image")).unwrap_err();
        assert!(fault.message.contains(compressor), "{fault}");
    }
}

#[test]
fn zips_of_info_zip_open() {
    let folder = Folder::sample();
    let (_kept, path, _) = folder.build(Format::Zip);
    let expected = contents(&Archive::open(&path).unwrap());
    let out = Folder::empty();
    let zip = out.at("made.zip");
    let zip = zip.to_str().unwrap();
    for line in [
        "zip -q -r -y ZIP .",
        "zip -q -r -y -0 ZIP .",
        "zip -q -r -y -9 -X ZIP .",
        "zip -q -r -y -fz ZIP .",
        "zip -q -r -y -D ZIP . ; zip -q ZIP site/nothing",
    ] {
        run("sh", &["-c", &line.replace("ZIP", zip)], folder.path());
        let archive = Archive::open(&out.at("made.zip")).unwrap_or_else(|f| panic!("{line}: {f}"));
        assert_eq!(contents(&archive), expected, "{line}");
        std::fs::remove_file(zip).unwrap();
    }
    // Into a pipe it writes no links.
    let plain = Folder::small();
    run("sh", &["-c", &format!("zip -q -r - . | cat > {zip}")], plain.path());
    let (_kept, path, _) = plain.build(Format::Zip);
    let expected = contents(&Archive::open(&path).unwrap());
    assert_eq!(contents(&Archive::open(&out.at("made.zip")).unwrap()), expected);
    std::fs::remove_file(zip).unwrap();
    run("zip", &["-q", "-r", "-Z", "bzip2", zip, "."], folder.path());
    assert!(Archive::open(&out.at("made.zip")).unwrap_err().message.contains("method 12"));
}

#[test]
fn zips_of_python_open() {
    let folder = Folder::small();
    folder.write("site/größe.txt", "unicode");
    folder.write("site/zeros.bin", vec![0; 400_000]);
    let (_kept, path, _) = folder.build(Format::Zip);
    let expected = contents(&Archive::open(&path).unwrap());
    let out = Folder::empty();
    let head = "import io, os, shutil, sys, zipfile\n\
         to = sys.argv[1]\n\
         files = [os.path.join(d, f) for d, _, fs in os.walk('.') for f in fs]\n";
    for body in [
        "shutil.make_archive(to[:-4], 'zip', '.')",
        "z = zipfile.ZipFile(to, 'w')\nfor f in files: z.write(f)\nz.close()",
        "z = zipfile.ZipFile(to, 'w', zipfile.ZIP_DEFLATED, compresslevel=9)\n\
         for f in files: z.writestr(f[2:], open(f, 'rb').read())\nz.close()",
        "z = zipfile.ZipFile(to, 'w')\n\
         for f in files:\n  with z.open(f[2:], 'w', force_zip64=True) as o: o.write(open(f, 'rb').read())\n\
         z.close()",
        "class Pipe(io.RawIOBase):\n  def writable(self): return True\n  \
         def write(self, b): return os.write(self.fd, b)\n\
         p = Pipe()\np.fd = os.open(to, os.O_CREAT | os.O_WRONLY)\n\
         z = zipfile.ZipFile(p, 'w', zipfile.ZIP_DEFLATED)\nfor f in files: z.write(f)\nz.close()",
    ] {
        let made = out.at("made.zip");
        let program = format!("{head}{body}");
        run("python3", &["-c", &program, made.to_str().unwrap()], folder.path());
        let archive = Archive::open(&made).unwrap_or_else(|fault| panic!("{body}: {fault}"));
        assert_eq!(contents(&archive), expected, "{body}");
        std::fs::remove_file(made).unwrap();
    }
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
