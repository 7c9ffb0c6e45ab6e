//! The central directory: APPNOTE 4.3.12.

use deploy_spec::Fault;

use super::end::End;
use super::extra::{u16_at, u32_at, widen, zip64};
use crate::entry::EntryKind;
use crate::image::Image;
use crate::limits::Limits;
use crate::names::{checked_path, refuse, refuse_archive};

const FIXED: usize = 46;
/// Encrypted, patched, strongly encrypted, and masked headers: APPNOTE 4.4.4.
const REFUSED_FLAGS: u16 = 1 | 1 << 5 | 1 << 6 | 1 << 13;
const UTF8: u16 = 1 << 11;
/// Hosts whose external attributes hold a Unix mode: Unix and macOS.
const UNIX_HOSTS: [u16; 2] = [3, 19];
/// Deflate gives at most 1 032 bytes for one; more is a lie that need not be tried.
const DEFLATE_MOST: u64 = 1032;

pub(super) const STORED: u16 = 0;
pub(super) const DEFLATED: u16 = 8;

/// One entry as the central directory has it.
pub(super) struct Header {
    pub(super) path: String,
    /// The name as written: a folder's ends with a slash.
    pub(super) name: Vec<u8>,
    pub(super) kind: EntryKind,
    pub(super) executable: bool,
    pub(super) flags: u16,
    pub(super) method: u16,
    pub(super) crc: u32,
    pub(super) packed: u64,
    pub(super) size: u64,
    pub(super) offset: u64,
}

/// Reads every header of the central directory, which they must fill exactly.
pub(super) fn read(image: &Image, end: &End, limits: &Limits) -> Result<Vec<Header>, Fault> {
    let len = usize::try_from(end.directory_len).unwrap_or(usize::MAX);
    let directory = image.bytes(end.directory_start, len)?;
    let mut rest = directory.as_slice();
    let mut headers = Vec::new();
    for _ in 0..end.count {
        headers.push(header(&mut rest, limits)?);
    }
    if rest.is_empty() {
        Ok(headers)
    } else {
        Err(refuse_archive("its ZIP directory holds more than it counts"))
    }
}

fn take<'a>(rest: &mut &'a [u8], len: usize) -> Result<&'a [u8], Fault> {
    let (head, tail) = rest
        .split_at_checked(len)
        .ok_or_else(|| refuse_archive("its ZIP directory is cut short"))?;
    *rest = tail;
    Ok(head)
}

fn header(rest: &mut &[u8], limits: &Limits) -> Result<Header, Fault> {
    let raw = take(rest, FIXED)?;
    if &raw[..4] != b"PK\x01\x02" {
        return Err(refuse_archive("its ZIP directory is damaged"));
    }
    let name = take(rest, usize::from(u16_at(raw, 28)))?;
    let extra = take(rest, usize::from(u16_at(raw, 30)))?;
    take(rest, usize::from(u16_at(raw, 32)))?; // the comment
    let path = checked_path(name.strip_suffix(b"/").unwrap_or(name), limits)?.to_owned();
    let flags = u16_at(raw, 8);
    // Info-ZIP on Unix writes UTF-8 and does not say so. A reader that takes it for code page 437 sees
    // other letters, but never another folder: those bytes are letters and lines there too.
    let made_on_unix = UNIX_HOSTS.contains(&(u16_at(raw, 4) >> 8));
    if flags & UTF8 == 0 && !name.is_ascii() && !made_on_unix {
        return Err(refuse(&path, "has a name that is not marked as UTF-8"));
    }
    if flags & REFUSED_FLAGS != 0 {
        return Err(refuse(&path, "is encrypted or patched"));
    }
    let method = u16_at(raw, 10);
    if method != STORED && method != DEFLATED {
        return Err(refuse(&path, format!("is packed by ZIP method {method}, not deflate")));
    }
    if u16_at(raw, 34) != 0 {
        return Err(refuse(&path, "is in another part of a ZIP in several files"));
    }
    let mut sizes = [24, 20, 42].map(|at| u64::from(u32_at(raw, at)));
    widen(&path, &mut sizes, zip64(&path, extra)?)?;
    let [size, packed, offset] = sizes;
    let (kind, executable) = kind(&path, name, raw)?;
    let crc = u32_at(raw, 16);
    let name = name.to_vec();
    let header = Header { path, name, kind, executable, flags, method, crc, packed, size, offset };
    header.check_sizes()?;
    Ok(header)
}

impl Header {
    fn check_sizes(&self) -> Result<(), Fault> {
        let lie = match self.method {
            STORED => self.packed != self.size,
            _ => self.size > self.packed.saturating_mul(DEFLATE_MOST),
        };
        if lie {
            return Err(refuse(&self.path, "declares sizes that cannot be true"));
        }
        if self.kind == EntryKind::Directory && self.size != 0 {
            return Err(refuse(&self.path, "is a folder with bytes of its own"));
        }
        Ok(())
    }
}

/// What the entry is, by its Unix mode when it has one, and always by the slash at its end.
fn kind(path: &str, name: &[u8], raw: &[u8]) -> Result<(EntryKind, bool), Fault> {
    let slash = name.ends_with(b"/");
    let made_on_unix = UNIX_HOSTS.contains(&(u16_at(raw, 4) >> 8));
    let mode = if made_on_unix { u32_at(raw, 38) >> 16 } else { 0 };
    if mode & 0o6000 != 0 {
        return Err(refuse(path, "is setuid or setgid"));
    }
    let executable = mode & 0o111 != 0;
    match mode & 0o170_000 {
        0 if slash => Ok((EntryKind::Directory, false)),
        0 => Ok((EntryKind::File, executable)),
        0o040_000 if slash => Ok((EntryKind::Directory, false)),
        0o100_000 if !slash => Ok((EntryKind::File, executable)),
        0o120_000 if !slash => Ok((EntryKind::Symlink, false)),
        0o040_000 | 0o100_000 | 0o120_000 => {
            Err(refuse(path, "is a folder by its name or by its mode, but not by both"))
        }
        0o020_000 | 0o060_000 => Err(refuse(path, "is a device")),
        0o010_000 => Err(refuse(path, "is a named pipe")),
        0o140_000 => Err(refuse(path, "is a socket")),
        _ => Err(refuse(path, "is of an unknown kind")),
    }
}
