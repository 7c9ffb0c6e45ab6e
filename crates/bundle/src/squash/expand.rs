//! The four ways in which the blocks of an image may be compressed. Each expands into as many bytes
//! as it was told and not one more, whatever a block says about itself.

use std::io::Read as _;

use backhand::compression::{CompressionAction as _, Compressor, DefaultCompressor};
use deploy_spec::Fault;
use flate2::{Decompress, FlushDecompress, Status};
use lzma_rust2::XzReader;

use crate::names::refuse_archive;

/// KiB that expanding one block of xz may take: a dictionary of 1 MiB, the largest block, and the
/// decoder's own tables.
const XZ_MEMORY_KIB: u32 = 4 << 10;

/// How blocks are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Codec {
    Gzip,
    Xz,
    Lz4,
    Zstd,
}

impl Codec {
    /// The codec of a superblock's compressor number.
    ///
    /// # Errors
    /// `refused` for those that only old images have.
    pub(super) fn of(number: u16) -> Result<Self, Fault> {
        match number {
            1 => Ok(Self::Gzip),
            4 => Ok(Self::Xz),
            5 => Ok(Self::Lz4),
            6 => Ok(Self::Zstd),
            2 | 3 => {
                let name = if number == 2 { "lzma" } else { "lzo" };
                let why = format!("its SquashFS compressor is {name}, not zstd, xz, lz4 or gzip");
                Err(refuse_archive(why))
            }
            _ => Err(refuse_archive("its SquashFS compressor is unknown")),
        }
    }

    /// Expands `packed` into at most `most` bytes.
    ///
    /// # Errors
    /// `refused` when it is damaged or expands to more.
    pub(super) fn expand(self, packed: &[u8], most: usize) -> Result<Vec<u8>, Fault> {
        // One byte more than there may be, so that too much can be told from enough.
        let mut bytes = vec![0; most + 1];
        let len = match self {
            Self::Gzip => gzip(packed, &mut bytes),
            Self::Xz => xz(packed, &mut bytes),
            Self::Lz4 => lz4_flex::block::decompress_into(packed, &mut bytes).ok(),
            Self::Zstd => zstd(packed, &mut bytes),
        };
        match len {
            Some(len) if len <= most => {
                bytes.truncate(len);
                Ok(bytes)
            }
            Some(_) => Err(refuse_archive("one of its blocks expands past the size it declares")),
            None => Err(refuse_archive("one of its compressed blocks is damaged")),
        }
    }
}

/// The length of what was expanded; a full buffer when there is more; `None` for damage.
fn gzip(packed: &[u8], out: &mut [u8]) -> Option<usize> {
    let mut decoder = Decompress::new(true);
    let status = decoder.decompress(packed, out, FlushDecompress::Finish).ok()?;
    let len = usize::try_from(decoder.total_out()).ok()?;
    (status == Status::StreamEnd || len == out.len()).then_some(len)
}

fn xz(packed: &[u8], out: &mut [u8]) -> Option<usize> {
    let mut reader = XzReader::new_mem_limit(packed, false, XZ_MEMORY_KIB);
    let mut len = 0;
    while len < out.len() {
        match reader.read(&mut out[len..]).ok()? {
            0 => return Some(len),
            n => len += n,
        }
    }
    Some(len)
}

fn zstd(packed: &[u8], out: &mut Vec<u8>) -> Option<usize> {
    let room = out.len();
    out.clear();
    // It writes into the capacity that is there, and fails when that is not enough.
    out.shrink_to(room);
    DefaultCompressor.decompress(packed, out, Compressor::Zstd).ok()?;
    let len = out.len();
    out.resize(room.max(len), 0);
    Some(len)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    const MOST: usize = 8192;

    fn deflated(len: usize) -> Vec<u8> {
        let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(&vec![1; len]).unwrap();
        packed.finish().unwrap()
    }

    #[test]
    fn a_block_may_not_expand_past_what_it_may_hold() {
        for (len, fits) in [(1, true), (MOST, true), (MOST + 1, false), (64 << 20, false)] {
            let expanded = Codec::Gzip.expand(&deflated(len), MOST);
            assert_eq!(expanded.as_ref().ok(), fits.then(|| vec![1; len]).as_ref(), "{len}");
            if let Err(fault) = expanded {
                assert!(fault.message.contains("past the size"), "{fault}");
            }
        }
        let packed = deflated(MOST);
        assert!(Codec::Gzip.expand(&packed[..packed.len() - 5], MOST).is_err());
        for codec in [Codec::Xz, Codec::Lz4, Codec::Zstd] {
            assert!(codec.expand(&packed, MOST).is_err(), "{codec:?}");
        }
    }

    /// A block whose header asks for a dictionary of almost 4 GiB, to hold one byte.
    #[test]
    fn an_xz_block_may_not_ask_for_more_memory_than_a_block_needs() {
        let header = [0xfd, b'7', b'z', b'X', b'Z', 0, 0, 1, 0x69, 0x22, 0xde, 0x36];
        let read = |dictionary: u8| {
            let mut block = vec![2, 0, 0x21, 1, dictionary, 0, 0, 0];
            block.extend(crc(&block).to_le_bytes());
            let whole = [&header[..], &block, &[1, 0, 0, b'x', 0], &[0; 3]].concat();
            let mut reader = XzReader::new_mem_limit(&whole[..], false, XZ_MEMORY_KIB);
            reader.read(&mut [0; 8]).map_err(|why| why.to_string())
        };
        assert_eq!(read(16), Ok(1), "1 MiB");
        assert!(read(40).unwrap_err().contains("mem"));
    }

    fn crc(bytes: &[u8]) -> u32 {
        let mut crc = flate2::Crc::new();
        crc.update(bytes);
        crc.sum()
    }
}
