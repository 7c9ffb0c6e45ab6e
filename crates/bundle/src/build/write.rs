//! The two writers, with every setting that could vary fixed.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::Path;
use std::thread;

use backhand::compression::{CompressionOptions, Compressor, Zstd};
use backhand::kind::Kind;
use backhand::{FilesystemCompressor, FilesystemWriter, NodeHeader};
use deploy_spec::Fault;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use super::ahead::Ahead;
use super::source::Source;
use super::walk::Item;
use crate::entry::{Entry, EntryKind};
use crate::image::from_io;

/// Close to the smallest files that packing at tens of MB/s gives; reading costs the same.
const ZSTD_LEVEL: u32 = 9;
const DEFLATE_LEVEL: i64 = 6;
/// From here on a ZIP entry carries ZIP64 sizes; deflate may add a little to what it is given.
const ZIP64_FROM: u64 = 0xf000_0000;

fn mode(entry: &Entry) -> u16 {
    match entry.kind {
        EntryKind::File if !entry.executable => 0o644,
        EntryKind::File | EntryKind::Directory => 0o755,
        EntryKind::Symlink => 0o777,
    }
}

/// Writes a SquashFS 4.0 image, the same with any number of threads.
pub(super) fn squashfs(items: &[Item], out: &mut File, threads: usize) -> Result<(), Fault> {
    let failed = |error: backhand::BackhandError| from_io(io::Error::from(error));
    let mut image = FilesystemWriter::default();
    let options = CompressionOptions::Zstd(Zstd { compression_level: ZSTD_LEVEL });
    let how = FilesystemCompressor::new(Compressor::Zstd, Some(options)).map_err(failed)?;
    image.set_compressor(how);
    // The writer wants a compressor that is always there. What stays behind is a few words.
    let ahead: &'static Ahead = Box::leak(Box::default());
    image.set_kind(Kind::new_v4(ahead));
    image.set_time(0);
    image.set_only_root_id();
    image.set_root_mode(0o755);
    // Its search for equal files trusts a 64-bit hash that anybody can make collide.
    image.set_no_duplicate_files(false);
    let mut items: Vec<&Item> = items.iter().collect();
    items.sort_by(|a, b| Path::new(&a.entry.path).cmp(Path::new(&b.entry.path)));
    for Item { entry, source } in &items {
        let header = NodeHeader::new(mode(entry), 0, 0, 0);
        let path = entry.path.as_str();
        match entry.kind {
            EntryKind::Directory => image.push_dir(path, header),
            EntryKind::File => image.push_file(Source::new(source.clone()), path, header),
            EntryKind::Symlink => {
                image.push_symlink(entry.target.as_deref().unwrap_or_default(), path, header)
            }
        }
        .map_err(failed)?;
    }
    let mut out = BufWriter::with_capacity(1 << 20, out);
    let files = items.iter().filter(|item| item.entry.kind == EntryKind::File);
    let files = files.map(|item| item.source.as_path()).collect();
    thread::scope(|scope| {
        let _ahead = (threads > 1).then(|| ahead.start(scope, threads, files, how));
        image.write(&mut out).map_err(failed)
    })?;
    out.flush().map_err(from_io)
}

/// Writes a ZIP.
pub(super) fn zip(items: &[Item], out: &mut File) -> Result<(), Fault> {
    let failed = |error: zip::result::ZipError| from_io(io::Error::from(error));
    let mut archive = ZipWriter::new(BufWriter::with_capacity(1 << 20, out));
    for Item { entry, source } in items {
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .compression_level(Some(DEFLATE_LEVEL))
            .last_modified_time(DateTime::default())
            .unix_permissions(u32::from(mode(entry)))
            .large_file(entry.size >= ZIP64_FROM);
        let path = entry.path.as_str();
        match entry.kind {
            EntryKind::Directory => archive.add_directory(path, options).map_err(failed)?,
            EntryKind::Symlink => {
                let target = entry.target.as_deref().unwrap_or_default();
                archive.add_symlink(path, target, options).map_err(failed)?;
            }
            EntryKind::File => {
                archive.start_file(path, options).map_err(failed)?;
                io::copy(&mut Source::new(source.clone()), &mut archive).map_err(from_io)?;
            }
        }
    }
    archive.finish().map_err(failed)?.flush().map_err(from_io)
}
