//! Little-endian numbers, and the extra fields of ZIP headers: APPNOTE 4.5.

use deploy_spec::Fault;

use crate::names::refuse;

/// The two bytes at `at`; the caller has checked the length.
pub(super) fn u16_at(raw: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([raw[at], raw[at + 1]])
}

/// The four bytes at `at`; the caller has checked the length.
pub(super) fn u32_at(raw: &[u8], at: usize) -> u32 {
    u32::from(u16_at(raw, at)) | u32::from(u16_at(raw, at + 2)) << 16
}

/// The eight bytes at `at`; the caller has checked the length.
pub(super) fn u64_at(raw: &[u8], at: usize) -> u64 {
    u64::from(u32_at(raw, at)) | u64::from(u32_at(raw, at + 4)) << 32
}

const ZIP64: u16 = 0x0001;
/// A second name for the entry, which some readers would believe (Info-ZIP Unicode Path).
const UNICODE_PATH: u16 = 0x7075;
/// PKWARE's field for Unix: APPNOTE 4.5.7.
const PKWARE_UNIX: u16 = 0x000d;
/// Keys and certificates of PKWARE's encryption, and WinZip's AES.
const ENCRYPTION: [u16; 4] = [0x0014, 0x0015, 0x0017, 0x9901];

/// The ZIP64 field of a header, or an empty slice.
///
/// # Errors
/// `refused` for a field that would change what the entry is, comes twice, or runs past the end.
pub(super) fn zip64<'a>(path: &str, mut extra: &'a [u8]) -> Result<&'a [u8], Fault> {
    let mut found: Option<&[u8]> = None;
    while !extra.is_empty() {
        let body = extra.get(4..).and_then(|rest| rest.get(..usize::from(u16_at(extra, 2))));
        let Some(body) = body else {
            return Err(refuse(path, "has a damaged ZIP header"));
        };
        match u16_at(extra, 0) {
            ZIP64 if found.is_some() => return Err(refuse(path, "has its ZIP64 sizes twice")),
            ZIP64 => found = Some(body),
            // Times and owner take twelve bytes; what follows names the target of a link.
            PKWARE_UNIX if body.len() > 12 => {
                return Err(refuse(path, "has the target of a link in its ZIP header"));
            }
            UNICODE_PATH => return Err(refuse(path, "has a second name in its ZIP header")),
            id if ENCRYPTION.contains(&id) => return Err(refuse(path, "is encrypted")),
            _ => {}
        }
        extra = &extra[4 + body.len()..];
    }
    Ok(found.unwrap_or_default())
}

/// Replaces each 32-bit number that says "see ZIP64" by the next number of the ZIP64 field, in the
/// order of the format: expanded size, packed size, offset.
///
/// # Errors
/// `refused` when the field has too few numbers for that, or too many.
pub(super) fn widen(path: &str, numbers: &mut [u64], mut field: &[u8]) -> Result<(), Fault> {
    for number in numbers.iter_mut().filter(|n| **n == 0xffff_ffff) {
        if field.len() < 8 {
            return Err(refuse(path, "lacks the ZIP64 sizes that its header points at"));
        }
        *number = u64_at(field, 0);
        field = &field[8..];
    }
    // Some writers repeat sizes that fit; then they must say the same, which is not worth reading.
    if field.is_empty() {
        Ok(())
    } else {
        Err(refuse(path, "has ZIP64 sizes that it does not use"))
    }
}
