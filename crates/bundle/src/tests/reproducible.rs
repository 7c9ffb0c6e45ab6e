//! The same tree gives the same bytes, whoever builds it, wherever and whenever.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::fixture::{BOTH, Folder, Random};
use crate::{Archive, Format};

/// A copy of `from` that was made in another order, at another time, under another umask.
fn another(from: &Path, seed: u64) -> Folder {
    let folder = Folder::empty();
    let mut random = Random(seed);
    let mut paths = Vec::new();
    list(from, &mut paths);
    for i in (1..paths.len()).rev() {
        paths.swap(i, random.below(i + 1));
    }
    for path in &paths {
        let (old, new) = (from.join(path), folder.at(path));
        fs::create_dir_all(new.parent().unwrap()).unwrap();
        let meta = old.symlink_metadata().unwrap();
        if meta.is_dir() {
            fs::create_dir_all(&new).unwrap();
        } else if meta.is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(&old).unwrap(), &new).unwrap();
        } else {
            fs::copy(&old, &new).unwrap();
            let executable = meta.permissions().mode() & 0o111 != 0;
            let modes = if executable { [0o700, 0o755, 0o4775] } else { [0o600, 0o644, 0o664] };
            fs::set_permissions(&new, Permissions::from_mode(modes[random.below(3)])).unwrap();
            let when = SystemTime::UNIX_EPOCH + Duration::from_secs(random.next() % 2_000_000_000);
            File::options().append(true).open(&new).unwrap().set_modified(when).unwrap();
        }
    }
    for path in paths.iter().filter(|path| from.join(path).is_dir()) {
        if !folder.at(path).is_symlink() {
            let mode = [0o700, 0o755, 0o2775][random.below(3)];
            fs::set_permissions(folder.at(path), Permissions::from_mode(mode)).unwrap();
        }
    }
    folder
}

fn list(root: &Path, into: &mut Vec<String>) {
    let mut todo = vec![root.to_owned()];
    while let Some(folder) = todo.pop() {
        for child in fs::read_dir(folder).unwrap() {
            let path = child.unwrap().path();
            into.push(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned());
            if path.is_dir() && !path.is_symlink() {
                todo.push(path);
            }
        }
    }
}

#[test]
fn order_times_umask_and_place_do_not_change_a_byte() {
    let folder = Folder::sample();
    for format in BOTH {
        let (_out, path, built) = folder.build(format);
        let first = fs::read(path).unwrap();
        for seed in 1..6 {
            let (_out, path, again) = another(folder.path(), seed).build(format);
            assert_eq!(again.bundle_digest, built.bundle_digest);
            assert_eq!(fs::read(path).unwrap(), first, "{format}");
        }
    }
}

/// These change only when a compressor or an archive writer does, which everybody who pins
/// digests of rebuilt bundles will notice.
#[test]
fn digests_are_the_same_on_every_machine() {
    let digests = BOTH.map(|format| Folder::sample().build(format).2.bundle_digest.to_string());
    assert_eq!(
        digests,
        [
            "sha256:f3240946af0d33e00d023175bb5467039e0353d835b477a5414f10170d6a9ffa",
            "sha256:ee351fdc56f920c11c1b6025d9d7d297f84a9b605353066c49edb40e1ae91e9e",
        ]
    );
}

#[test]
fn a_bit_of_content_a_name_or_the_executable_bit_changes_the_digest() {
    for format in BOTH {
        let folder = Folder::small();
        let mut seen = vec![folder.build(format).2.bundle_digest];
        folder.write("site/index.html", "hellp");
        seen.push(folder.build(format).2.bundle_digest);
        let mode = Permissions::from_mode(0o755);
        fs::set_permissions(folder.at("site/index.html"), mode).unwrap();
        seen.push(folder.build(format).2.bundle_digest);
        fs::rename(folder.at("site/index.html"), folder.at("site/other.html")).unwrap();
        seen.push(folder.build(format).2.bundle_digest);
        fs::create_dir(folder.at("site/empty")).unwrap();
        seen.push(folder.build(format).2.bundle_digest);
        let count = seen.len();
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), count, "{format}");
    }
}

#[test]
fn an_output_inside_the_folder_is_not_packed_into_itself() {
    for format in BOTH {
        let folder = Folder::small();
        let expected = folder.build(format).2.bundle_digest;
        for name in ["out.gtbundle", "plain-name", "site/out"] {
            for _ in 0..2 {
                let built = crate::build(folder.path(), &folder.at(name), format).unwrap();
                assert_eq!(built.bundle_digest, expected, "{name}");
            }
            let archive = Archive::open(&folder.at(name)).unwrap();
            assert!(archive.entry(name).is_none());
            fs::remove_file(folder.at(name)).unwrap();
        }
    }
    // By a relative path and through a link to the folder as well.
    let folder = Folder::small();
    let elsewhere = Folder::empty();
    std::os::unix::fs::symlink(folder.path(), elsewhere.at("link")).unwrap();
    let built = crate::build(&elsewhere.at("link"), &folder.at("o"), Format::Zip).unwrap();
    let again = crate::build(folder.path(), &elsewhere.at("link/o"), Format::Zip).unwrap();
    assert_eq!(built.bundle_digest, again.bundle_digest);
}
