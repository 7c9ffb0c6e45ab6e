//! The formats that are looked into: by what they are known, and how what is in them is had.

use std::fs::File;
use std::io::{self, Read, Seek as _};
use std::sync::Arc;

use deploy_spec::Fault;
use flate2::read::MultiGzDecoder;
use lzma_rust2::XzReader;
use zip::ZipArchive;

use super::look::{DEPTH, Look, too_much};
use super::tar;
use crate::entry::EntryKind;
use crate::image::Image;
use crate::limits::Limits;
use crate::squash::Squash;

/// KiB that expanding xz may take: the dictionary of `xz -9`, and the decoder's own tables.
const XZ_MEMORY_KIB: u32 = 80 << 10;
/// Two to the power of this is the window of zstd, in bytes: what its own program accepts unasked.
const ZSTD_WINDOW: u32 = 27;

/// How something is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packing {
    Gzip,
    Zstd,
    Xz,
    Tar,
    Zip,
    Squashfs,
    /// One that is told and not looked into.
    Other(&'static str),
}

/// What files begin with.
const MAGIC: &[(&[u8], Packing)] = &[
    (b"\x1f\x8b\x08", Packing::Gzip),
    (b"\x28\xb5\x2f\xfd", Packing::Zstd),
    (b"\xfd7zXZ\0", Packing::Xz),
    (b"PK\x03\x04", Packing::Zip),
    (b"hsqs", Packing::Squashfs),
    (b"7z\xbc\xaf\x27\x1c", Packing::Other("7z")),
    (b"Rar!\x1a\x07", Packing::Other("RAR")),
    (b"\x04\x22\x4d\x18", Packing::Other("lz4")),
];

impl Packing {
    /// How a file that begins like this is packed; `None` for any other file.
    pub(super) fn of(head: &[u8]) -> Option<Self> {
        let known = MAGIC.iter().find(|(magic, _)| head.starts_with(magic));
        if let Some((_, packing)) = known {
            return Some(*packing);
        }
        if head.starts_with(b"BZh") && head.get(4..10) == Some(b"1AY&SY") {
            return Some(Self::Other("bzip2"));
        }
        tar::is_header(head).then_some(Self::Tar)
    }
}

/// Looks through what is packed in `whole`, which is `depth` deep itself.
///
/// # Errors
/// Why it is not looked into, or not to its end.
pub(super) fn open(
    look: &Look,
    packing: Packing,
    path: &str,
    whole: &mut dyn Read,
    depth: usize,
) -> io::Result<()> {
    if depth == DEPTH {
        return Err(too_much(&format!("it is packed more than {DEPTH} times over")));
    }
    match packing {
        Packing::Gzip => look.inner(path, stem(path), &mut MultiGzDecoder::new(whole), depth),
        Packing::Zstd => {
            let mut decoder = zstd::stream::read::Decoder::new(whole)?;
            decoder.window_log_max(ZSTD_WINDOW)?;
            look.inner(path, stem(path), &mut decoder, depth)
        }
        Packing::Xz => {
            let mut reader = XzReader::new_mem_limit(whole, true, XZ_MEMORY_KIB);
            look.inner(path, stem(path), &mut reader, depth)
        }
        Packing::Tar => tar::each(whole, |name, from| look.inner(path, name, from, depth)),
        Packing::Zip => zip(look, path, spooled(whole)?, depth),
        Packing::Squashfs => squashfs(look, path, spooled(whole)?, depth),
        Packing::Other(name) => {
            Err(too_much(&format!("{name} is not a format that is looked into")))
        }
    }
}

/// What the one file in a compressed file is called.
fn stem(path: &str) -> &str {
    let name = path.rsplit(['/', '!']).next().unwrap_or(path);
    name.rsplit_once('.').map_or("contents", |(stem, _)| stem)
}

/// The bytes in a file without a name: these formats are read from their end.
fn spooled(whole: &mut dyn Read) -> io::Result<File> {
    let mut file = tempfile::tempfile()?;
    io::copy(whole, &mut file)?;
    file.rewind()?;
    Ok(file)
}

fn zip(look: &Look, path: &str, file: File, depth: usize) -> io::Result<()> {
    let mut archive = ZipArchive::new(io::BufReader::new(file)).map_err(io::Error::other)?;
    for i in 0..archive.len() {
        let name = archive.name_for_index(i).and_then(Result::ok).unwrap_or_default().into_owned();
        match archive.by_index(i) {
            Ok(mut entry) => look.inner(path, &name, &mut entry, depth)?,
            Err(error) => look.closed(path, &name, &error.to_string())?,
        }
    }
    Ok(())
}

fn squashfs(look: &Look, path: &str, file: File, depth: usize) -> io::Result<()> {
    let cannot = |fault: Fault| io::Error::other(fault.message);
    let image = Arc::new(Image::of(file).map_err(io::Error::other)?);
    let (squash, entries) = Squash::open(image, &Limits::default()).map_err(cannot)?;
    let squash = Arc::new(squash);
    for (i, entry) in entries.iter().enumerate() {
        match squash.reader(i).filter(|_| entry.kind == EntryKind::File) {
            Some(mut from) => look.inner(path, &entry.path, &mut from, depth)?,
            None => _ = look.name(path, &entry.path)?,
        }
    }
    Ok(())
}
