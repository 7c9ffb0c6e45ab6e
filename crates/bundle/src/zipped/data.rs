//! The bytes of files: stored or deflated, with their length and checksum held to what was said.

use std::io::{self, BufReader, Read};
use std::sync::Arc;

use flate2::Crc;
use flate2::bufread::DeflateDecoder;

use super::central::STORED;
use crate::image::{Image, into_io};
use crate::names::refuse_archive;

/// Where a file's bytes are.
#[derive(Debug, Clone, Copy)]
pub(super) struct FileAt {
    pub(super) start: u64,
    pub(super) packed: u64,
    pub(super) size: u64,
    pub(super) crc: u32,
    pub(super) method: u16,
}

/// The packed bytes of one entry, and not one more.
struct Packed {
    image: Arc<Image>,
    at: u64,
    left: u64,
}

impl Read for Packed {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).map_or(out.len(), |left| left.min(out.len()));
        let n = self.image.read_some(self.at, &mut out[..most])?;
        self.at += n as u64;
        self.left -= n as u64;
        Ok(n)
    }
}

enum Inner {
    Stored(Packed),
    Deflated(Box<DeflateDecoder<BufReader<Packed>>>),
}

/// Streams one file.
pub(super) struct Stream {
    inner: Inner,
    at: FileAt,
    left: u64,
    crc: Crc,
    checked: bool,
}

impl Stream {
    pub(super) fn new(image: Arc<Image>, at: FileAt) -> Self {
        let packed = Packed { image, at: at.start, left: at.packed };
        let inner = if at.method == STORED {
            Inner::Stored(packed)
        } else {
            let room = usize::try_from(at.packed).map_or(32 << 10, |n| n.clamp(1, 32 << 10));
            Inner::Deflated(Box::new(DeflateDecoder::new(BufReader::with_capacity(room, packed))))
        };
        Self { inner, at, left: at.size, crc: Crc::new(), checked: false }
    }

    fn pull(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match &mut self.inner {
            Inner::Stored(packed) => packed.read(out),
            Inner::Deflated(decoder) => decoder
                .read(out)
                .map_err(|_| into_io(refuse_archive("one of its files is damaged"))),
        }
    }

    /// Nothing may come after the declared size, packed or expanded.
    fn finish(&mut self) -> io::Result<()> {
        if self.checked {
            return Ok(());
        }
        if self.pull(&mut [0])? != 0 {
            let why = "one of its files expands past the size it declares";
            return Err(into_io(refuse_archive(why)));
        }
        let unread = match &self.inner {
            Inner::Stored(packed) => packed.left,
            Inner::Deflated(decoder) => self.at.packed - decoder.total_in().min(self.at.packed),
        };
        if unread != 0 || self.crc.sum() != self.at.crc {
            return Err(into_io(refuse_archive("one of its files is not what its checksum says")));
        }
        self.checked = true;
        Ok(())
    }
}

impl Read for Stream {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        if self.left == 0 {
            return self.finish().map(|()| 0);
        }
        let most = usize::try_from(self.left).map_or(out.len(), |left| left.min(out.len()));
        let n = self.pull(&mut out[..most])?;
        if n == 0 {
            return Err(into_io(refuse_archive("one of its files is shorter than it declares")));
        }
        self.crc.update(&out[..n]);
        self.left -= n as u64;
        Ok(n)
    }
}
