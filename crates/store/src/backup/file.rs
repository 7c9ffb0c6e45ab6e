//! The file of a backup: packed when it is written, checked in full when it is read.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;

use control::{Key, Record};
use deploy_spec::{Digest, Fault, document};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{BackupContent, BackupHeader, HEADER_MOST};
use crate::corrupt::newer_gtc;

/// The largest content once it is unpacked, in bytes.
const CONTENT_MOST: u64 = 1 << 30;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    key: Key,
    record: Box<RawValue>,
}

pub(super) fn pack(content: &BackupContent, records: &[Record]) -> io::Result<Vec<u8>> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(&document::to_line(content))?;
    gzip.write_all(b"\n")?;
    for record in records {
        let line = Line { key: record.key(), record: serde_json::value::to_raw_value(record)? };
        gzip.write_all(&document::to_line(&line))?;
        gzip.write_all(b"\n")?;
    }
    gzip.finish()
}

/// Reads a backup, wherever the file is, and checks all of it.
///
/// # Errors
/// `not-found` when there is no such file; `invalid-input` when it is no backup, or not whole;
/// `refused` when a newer gtc wrote it; `unavailable` when it cannot be read.
pub fn backup_read(file: &Path) -> Result<(BackupHeader, Vec<Record>), Fault> {
    let wrong = |why: String| not_whole(file, &why);
    let mut text = BufReader::new(open(file)?);
    let unreadable =
        |error: io::Error| Fault::unavailable(format!("reading `{}`: {error}", file.display()));
    let mut line = Vec::new();
    text.by_ref().take(HEADER_MOST).read_until(b'\n', &mut line).map_err(unreadable)?;
    let header: BackupHeader = document::from_json(&line).map_err(|why| {
        if newer_gtc(&why.message).is_some() {
            return Fault::refused(format!("`{}`: a newer gtc wrote it", file.display()))
                .hint("restore it with that gtc, or a newer one");
        }
        wrong(format!("its first line is no header: {}", why.message))
    })?;
    let mut packed = Vec::new();
    text.take(CONTENT_MOST).read_to_end(&mut packed).map_err(unreadable)?;
    let (found, wanted) = (packed.len() as u64, header.size_bytes);
    if found != wanted {
        return Err(wrong(format!("{found} bytes follow the header, which says {wanted}")));
    }
    if Digest::of(&packed) != header.digest {
        return Err(wrong("its content is not that of the digest in its header".into()));
    }
    let records = unpack(&header, &packed).map_err(wrong)?;
    Ok((header, records))
}

fn not_whole(file: &Path, why: &str) -> Fault {
    Fault::invalid(format!("`{}` is not a whole backup: {why}", file.display()))
        .hint("gtc op backups list")
}

fn open(file: &Path) -> Result<File, Fault> {
    let shown = file.display();
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => {
            Fault::not_found(format!("there is no file `{shown}`")).hint("gtc op backups list")
        }
        _ => Fault::unavailable(format!("reading `{shown}` failed: {error}")),
    };
    // Looked at first: opening a pipe would wait for whoever writes into it.
    if !std::fs::metadata(file).map_err(failed)?.is_file() {
        return Err(Fault::invalid(format!("`{shown}` is not a file")));
    }
    File::open(file).map_err(failed)
}

fn unpack(header: &BackupHeader, packed: &[u8]) -> Result<Vec<Record>, String> {
    let mut text = Vec::new();
    let unpacked = GzDecoder::new(packed).take(CONTENT_MOST + 1).read_to_end(&mut text);
    unpacked.map_err(|error| format!("its content cannot be unpacked: {error}"))?;
    if text.len() as u64 > CONTENT_MOST {
        return Err(format!("its content is larger than {CONTENT_MOST} bytes"));
    }
    let mut lines = text.split_inclusive(|&b| b == b'\n');
    let content = document::from_json::<BackupContent>(lines.next().unwrap_or_default());
    if content.as_ref() != Ok(&header.content) {
        return Err("its header was changed: the content tells of another backup".into());
    }
    let record = |(i, line): (usize, &[u8])| {
        let line = document::from_json::<Line>(line);
        let record = line.and_then(|l| Record::parse(&l.key, l.record.get().as_bytes()));
        record.map_err(|why| format!("record {}: {}", i + 1, why.message))
    };
    let records = lines.enumerate().map(record).collect::<Result<Vec<_>, String>>()?;
    if records.len() as u64 != header.content.records {
        let (found, wanted) = (records.len(), header.content.records);
        return Err(format!("it holds {found} records, its header says {wanted}"));
    }
    Ok(records)
}
