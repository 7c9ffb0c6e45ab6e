//! Local headers: each must say what the central directory says, and they must follow each other
//! without gap or overlap: APPNOTE 4.3.7 and 4.3.9.

use deploy_spec::Fault;

use super::central::Header;
use super::data::FileAt;
use super::extra::{u16_at, u32_at, u64_at, widen, zip64};
use crate::image::Image;
use crate::names::{refuse, refuse_archive};

const FIXED: usize = 30;
/// Sizes and checksum follow the data in a descriptor.
const DESCRIPTOR: u16 = 1 << 3;
/// How hard the deflater tried; says nothing about what is there.
const EFFORT: u16 = 1 << 1 | 1 << 2;

/// Finds where every entry's data is. `end` is where the central directory begins.
pub(super) fn place(
    image: &Image,
    mut headers: Vec<Header>,
    end: u64,
) -> Result<Vec<(Header, FileAt)>, Fault> {
    headers.sort_by_key(|header| header.offset);
    let mut placed = Vec::with_capacity(headers.len());
    let mut next = 0;
    for header in headers {
        if header.offset < next {
            return Err(refuse(&header.path, "overlaps another entry"));
        }
        if header.offset > next {
            return Err(refuse(&header.path, "comes after bytes that belong to no entry"));
        }
        let start = data_start(image, &header)?;
        let stop = start.checked_add(header.packed).filter(|stop| *stop <= end);
        let Some(stop) = stop else {
            return Err(refuse(&header.path, "is cut short, or overlaps the ZIP directory"));
        };
        next = stop + descriptor(image, &header, stop, end)?;
        let Header { method, crc, packed, size, .. } = header;
        placed.push((header, FileAt { start, packed, size, crc, method }));
    }
    if next == end {
        Ok(placed)
    } else {
        Err(refuse_archive("bytes that belong to no entry come before its ZIP directory"))
    }
}

fn data_start(image: &Image, header: &Header) -> Result<u64, Fault> {
    let path = header.path.as_str();
    let raw = image.bytes(header.offset, FIXED)?;
    if &raw[..4] != b"PK\x03\x04" {
        return Err(refuse(path, "is not where the ZIP directory says"));
    }
    let name_len = usize::from(u16_at(&raw, 26));
    let extra_len = usize::from(u16_at(&raw, 28));
    let rest = image.bytes(header.offset + FIXED as u64, name_len + extra_len)?;
    let (name, extra) = rest.split_at(name_len);
    let mut sizes = [22, 18].map(|at| u64::from(u32_at(&raw, at)));
    let mut crc = u32_at(&raw, 14);
    let field = zip64(path, extra)?;
    if header.flags & DESCRIPTOR != 0 {
        // What was not known when this was written is 0 or all ones, and the descriptor is held
        // against the directory instead; what was known must be right.
        for (said, known) in sizes.iter_mut().zip([header.size, header.packed]) {
            if *said == 0 || *said == 0xffff_ffff {
                *said = known;
            }
        }
        if crc == 0 {
            crc = header.crc;
        }
    } else {
        widen(path, &mut sizes, field)?;
    }
    let same = name == header.name
        && (u16_at(&raw, 6) ^ header.flags) & !EFFORT == 0
        && u16_at(&raw, 8) == header.method
        && crc == header.crc
        && sizes == [header.size, header.packed];
    if !same {
        return Err(refuse(path, "is one thing in the ZIP directory and another by itself"));
    }
    Ok(header.offset + (FIXED + name_len + extra_len) as u64)
}

/// The length of the data descriptor at `at`, which must repeat what the directory says. Its
/// signature is optional, and so is its ZIP64 form; only one reading can match.
fn descriptor(image: &Image, header: &Header, at: u64, end: u64) -> Result<u64, Fault> {
    if header.flags & DESCRIPTOR == 0 {
        return Ok(0);
    }
    let len = (end - at).min(24);
    let raw = image.bytes(at, usize::try_from(len).unwrap_or_default())?;
    let body = raw.strip_prefix(b"PK\x07\x08").unwrap_or(&raw);
    let signature = (raw.len() - body.len()) as u64;
    let crc = |body: &[u8]| u32_at(body, 0) == header.crc;
    if body.len() >= 12
        && crc(body)
        && u64::from(u32_at(body, 4)) == header.packed
        && u64::from(u32_at(body, 8)) == header.size
        && !(header.packed == 0 && header.size == 0 && wide(body, header))
    {
        return Ok(signature + 12);
    }
    if body.len() >= 20 && crc(body) && wide(body, header) {
        return Ok(signature + 20);
    }
    Err(refuse(&header.path, "has a ZIP descriptor that disagrees with the directory"))
}

fn wide(body: &[u8], header: &Header) -> bool {
    body.len() >= 20 && u64_at(body, 4) == header.packed && u64_at(body, 12) == header.size
}
