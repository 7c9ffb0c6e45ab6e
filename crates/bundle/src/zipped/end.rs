//! The end of central directory record, ZIP64 or not: APPNOTE 4.3.14 to 4.3.16.

use deploy_spec::Fault;

use super::extra::{u16_at, u32_at, u64_at};
use crate::image::Image;
use crate::limits::Limits;
use crate::names::refuse_archive;

const END: u64 = 22;
const LOCATOR: u64 = 20;
const END64: u64 = 56;

/// Where the central directory is, and how many entries it lists.
pub(super) struct End {
    pub(super) directory_start: u64,
    pub(super) directory_len: u64,
    pub(super) count: u64,
}

/// Finds the record at the very end of the file: nothing may follow it, not even a comment, so
/// that no other reader can find another one.
pub(super) fn read(image: &Image, limits: &Limits) -> Result<End, Fault> {
    let cut = || refuse_archive("it has no ZIP directory at its end, or something follows it");
    let at = image.len().checked_sub(END).ok_or_else(cut)?;
    let raw = image.bytes(at, END as usize)?;
    if &raw[..4] != b"PK\x05\x06" || u16_at(&raw, 20) != 0 {
        return Err(cut());
    }
    let here = Numbers {
        disks: [u32::from(u16_at(&raw, 4)), u32::from(u16_at(&raw, 6))],
        counts: [u64::from(u16_at(&raw, 8)), u64::from(u16_at(&raw, 10))],
        len: u64::from(u32_at(&raw, 12)),
        start: u64::from(u32_at(&raw, 16)),
    };
    let (numbers, end) = match locator(image, at)? {
        Some(at64) => (here.in_zip64(image, at64)?, at64),
        None if here.has_marker() => {
            return Err(refuse_archive("it points at a ZIP64 record that is not there"));
        }
        None => (here, at),
    };
    if numbers.disks != [0, 0] || numbers.counts[0] != numbers.counts[1] {
        return Err(refuse_archive("it is one part of a ZIP in several files"));
    }
    if numbers.start.checked_add(numbers.len) != Some(end) {
        return Err(refuse_archive("its ZIP directory is not where its end says"));
    }
    let count = numbers.counts[1];
    crate::tree::too_many(usize::try_from(count).unwrap_or(usize::MAX), limits)?;
    if numbers.len > limits.table_bytes {
        return Err(refuse_archive("its ZIP directory is larger than the limit"));
    }
    Ok(End { directory_start: numbers.start, directory_len: numbers.len, count })
}

struct Numbers {
    disks: [u32; 2],
    counts: [u64; 2],
    len: u64,
    start: u64,
}

impl Numbers {
    fn has_marker(&self) -> bool {
        self.disks.contains(&0xffff)
            || self.counts.contains(&0xffff)
            || [self.len, self.start].contains(&0xffff_ffff)
    }

    /// The numbers of the ZIP64 record at `at`; each must be what this one says, or this one must
    /// say that it does not know.
    fn in_zip64(&self, image: &Image, at: u64) -> Result<Self, Fault> {
        let raw = image.bytes(at, END64 as usize)?;
        if &raw[..4] != b"PK\x06\x06" || u64_at(&raw, 4) != END64 - 12 {
            return Err(refuse_archive("its ZIP64 record is damaged or of an unknown length"));
        }
        let wide = Self {
            disks: [u32_at(&raw, 16), u32_at(&raw, 20)],
            counts: [u64_at(&raw, 24), u64_at(&raw, 32)],
            len: u64_at(&raw, 40),
            start: u64_at(&raw, 48),
        };
        let agrees = |narrow: u64, wide: u64, marker: u64| narrow == wide || narrow == marker;
        let same = agrees(self.counts[0], wide.counts[0], 0xffff)
            && agrees(self.counts[1], wide.counts[1], 0xffff)
            && agrees(self.len, wide.len, 0xffff_ffff)
            && agrees(self.start, wide.start, 0xffff_ffff)
            && self.disks.iter().zip(wide.disks).all(|(n, w)| *n == w || *n == 0xffff);
        if same { Ok(wide) } else { Err(refuse_archive("its ZIP and ZIP64 records disagree")) }
    }
}

/// Where the ZIP64 record is, when there is one: right before its locator.
fn locator(image: &Image, end: u64) -> Result<Option<u64>, Fault> {
    let Some(at) = end.checked_sub(LOCATOR) else { return Ok(None) };
    let raw = image.bytes(at, LOCATOR as usize)?;
    if &raw[..4] != b"PK\x06\x07" {
        return Ok(None);
    }
    let at64 = u64_at(&raw, 8);
    if u32_at(&raw, 4) != 0 || u32_at(&raw, 16) != 1 || at64.checked_add(END64) != Some(at) {
        return Err(refuse_archive("its ZIP64 record is not where its locator says"));
    }
    Ok(Some(at64))
}
