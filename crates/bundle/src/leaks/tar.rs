//! Just enough of tar (POSIX.1-2017, `pax`; and what GNU adds) to look through its files: names are
//! for messages, owners, modes and links are passed over, and nothing is unpacked.

use std::io::{self, Read};

const BLOCK: usize = 512;
/// Bytes of a name, or of what pax says about an entry, that are read.
const NOTES: u64 = 64 << 10;

/// Whether these bytes are the header of an entry: its checksum is right.
pub(super) fn is_header(bytes: &[u8]) -> bool {
    let Some(header) = bytes.first_chunk::<BLOCK>() else { return false };
    let field = 148..156;
    let sum = |(at, byte): (usize, &u8)| u64::from(if field.contains(&at) { b' ' } else { *byte });
    header[0] != 0 && number(&header[148..156]) == Some(header.iter().enumerate().map(sum).sum())
}

/// Gives each file with its name, in the order in which they stand.
///
/// # Errors
/// Of reading, of `give`, and when it is no tar or ends too early.
pub(super) fn each(
    mut from: &mut dyn Read,
    mut give: impl FnMut(&str, &mut dyn Read) -> io::Result<()>,
) -> io::Result<()> {
    let mut longer = None;
    let mut header = [0; BLOCK];
    loop {
        from.read_exact(&mut header)?;
        if header == [0; BLOCK] {
            return Ok(());
        }
        let size = number(&header[124..136]).filter(|_| is_header(&header));
        let size = size.ok_or_else(|| io::Error::other("its tar is damaged"))?;
        let mut entry = from.take(size);
        match header[156] {
            b'L' => longer = Some(trimmed(&notes(&mut entry)?)),
            b'x' => longer = pax_path(&notes(&mut entry)?).or(longer),
            _ => {
                let name = longer.take().unwrap_or_else(|| short_name(&header));
                give(&name, &mut entry)?;
            }
        }
        // What nobody read, and the zeros up to a whole block.
        let rest = entry.limit() + size.next_multiple_of(BLOCK as u64) - size;
        from = entry.into_inner();
        if io::copy(&mut (&mut *from).take(rest), &mut io::sink())? < rest {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

fn notes(entry: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    entry.take(NOTES).read_to_end(&mut text)?;
    Ok(text)
}

/// The name of 100 bytes, behind its prefix of 155 where there is one.
fn short_name(header: &[u8; BLOCK]) -> String {
    let name = trimmed(&header[..100]);
    let prefix = trimmed(&header[345..500]);
    if prefix.is_empty() || !header[257..].starts_with(b"ustar\0") {
        return name;
    }
    format!("{prefix}/{name}")
}

/// The record `path` of a pax header: records are `length key=value` and a line break.
fn pax_path(records: &[u8]) -> Option<String> {
    let mut lines = records.split(|byte| *byte == b'\n');
    let path = lines.find_map(|line| {
        let at = line.iter().position(|byte| *byte == b' ')?;
        line[at + 1..].strip_prefix(b"path=")
    });
    path.map(trimmed)
}

fn trimmed(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

/// Octal digits, or a binary number where the first bit is set, as GNU has it for large ones.
fn number(field: &[u8]) -> Option<u64> {
    if let [0x80, zeros @ .., _, _, _, _, _, _, _, _] = field {
        let low = field.last_chunk().map(|low| u64::from_be_bytes(*low));
        let small = zeros.iter().all(|byte| *byte == 0);
        return low.filter(|low| small && *low < 1 << 62);
    }
    let text = std::str::from_utf8(field).ok()?;
    let digits = text.trim_matches(|c| c == ' ' || c == '\0');
    if digits.is_empty() { Some(0) } else { u64::from_str_radix(digits, 8).ok() }
}
