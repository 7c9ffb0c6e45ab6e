//! Small trees and bundles to test with.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::{Archive, Built, Format, build};

pub(crate) const BOTH: [Format; 2] = [Format::Squashfs, Format::Zip];

pub(crate) const MANIFEST: &str = "schema: greentic.bundle.v1
bundle_id: sample
version: 1.2.3
packs:
  - {pack_id: web, kind: http-component, path: packs/web.wasm, public_path: /}
  - {pack_id: site, kind: static, path: site, public_path: /site}
";

/// A folder that is removed with the test.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn empty() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A bundle's source with every kind of thing that a bundle may hold.
    pub(crate) fn sample() -> Self {
        let folder = Self::empty();
        folder.write("bundle.yaml", MANIFEST);
        folder.write("packs/web.wasm", pseudo_random(300_000, 1));
        folder.write("site/index.html", "<h1>hello</h1>");
        folder.write("site/empty", "");
        folder.write("site/größe/ß.txt", "unicode");
        folder.write("site/zeros.bin", vec![0; 400_000]);
        folder.write("site/block.bin", vec![7; 131_072]);
        folder.write("bin/run", "#!/bin/sh\n");
        fs::set_permissions(folder.at("bin/run"), fs::Permissions::from_mode(0o700)).unwrap();
        fs::create_dir(folder.at("site/nothing")).unwrap();
        std::os::unix::fs::symlink("../packs/web.wasm", folder.at("site/web")).unwrap();
        std::os::unix::fs::symlink("site", folder.at("public")).unwrap();
        folder
    }

    /// The least that is a bundle.
    pub(crate) fn small() -> Self {
        let folder = Self::empty();
        folder.write("bundle.yaml", MANIFEST);
        folder.write("packs/web.wasm", "\0asm");
        folder.write("site/index.html", "hello");
        folder
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn at(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    pub(crate) fn write(&self, path: &str, bytes: impl AsRef<[u8]>) {
        let path = self.at(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// Builds this folder into a file of another folder.
    pub(crate) fn build(&self, format: Format) -> (Folder, PathBuf, Built) {
        let out = Self::empty();
        let path = out.at("out.gtbundle");
        let built = build(self.path(), &path, format).unwrap();
        (out, path, built)
    }
}

/// Every path with its contents: `None` for a folder, the target for a link.
pub(crate) fn contents(archive: &Archive) -> Vec<(String, bool, Option<Vec<u8>>)> {
    let entry = |entry: &crate::Entry| {
        let bytes = match entry.kind {
            crate::EntryKind::Directory => None,
            crate::EntryKind::Symlink => entry.target.clone().map(String::into_bytes),
            crate::EntryKind::File => Some(archive.read(&entry.path).unwrap()),
        };
        (entry.path.clone(), entry.executable, bytes)
    };
    archive.entries().iter().map(entry).collect()
}

/// Bytes that do not compress, the same on every run (xorshift64*, Marsaglia 2003).
pub(crate) fn pseudo_random(len: usize, seed: u64) -> Vec<u8> {
    let mut random = Random(seed);
    (0..len).map(|_| random.next() as u8).collect()
}

/// A seeded generator.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }
}
