//! What the codec promises, whatever the bytes and however they are split into reads.

mod framing;
mod rejects;
mod splits;

use bytes::BytesMut;
use http::HeaderMap;

use super::{ChunkedDecoder, Framing, HeadScan, Limits, Reject, RequestHead, header_slots};

const LIMITS: Limits = Limits { head_bytes: 1024, target_bytes: 128, headers: 16 };
const BODY_LIMIT: u64 = 512;
const TRAILER_LIMIT: usize = 128;

/// What a stream of bytes turned out to be.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    /// The head is not complete.
    Incomplete,
    Refused(Reject),
    Request {
        /// Every field of the head, as text.
        head: String,
        framing: Framing,
        /// The body, when it is chunked.
        chunked: Option<Chunked>,
    },
}

#[derive(Debug, PartialEq, Eq)]
struct Chunked {
    data: Vec<u8>,
    done: bool,
    trailers: Option<HeaderMap>,
    /// How many bytes lie behind it.
    behind: usize,
}

/// Reads `bytes` in pieces that end at `cuts`, as a connection would.
fn read(bytes: &[u8], cuts: &[usize]) -> Verdict {
    read_pieces(bytes, cuts).unwrap_or_else(Verdict::Refused)
}

fn read_pieces(bytes: &[u8], cuts: &[usize]) -> Result<Verdict, Reject> {
    let mut ends: Vec<usize> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
    ends.push(bytes.len());
    ends.sort_unstable();
    let mut scan = HeadScan::default();
    for (index, end) in ends.iter().enumerate() {
        let Some(range) = scan.advance(&bytes[..*end], &LIMITS)? else { continue };
        let start = range.end;
        let mut slots = header_slots();
        let head = RequestHead::parse(&bytes[range], &mut slots, &LIMITS)?;
        let request = head.to_request(()).expect("what the parser takes, the http crate takes");
        let chunked = match head.framing {
            Framing::Chunked => Some(read_chunked(bytes, start, &ends[index..])?),
            Framing::None | Framing::Length(_) => None,
        };
        let framing = head.framing;
        return Ok(Verdict::Request { head: format!("{head:?} {request:?}"), framing, chunked });
    }
    Ok(Verdict::Incomplete)
}

fn read_chunked(bytes: &[u8], start: usize, ends: &[usize]) -> Result<Chunked, Reject> {
    let mut decoder = ChunkedDecoder::new(BODY_LIMIT, TRAILER_LIMIT);
    let mut out = BytesMut::new();
    let (mut at, mut done) = (start, false);
    for end in ends {
        let piece = &bytes[at..*end];
        let decoded = decoder.decode(piece, &mut out)?;
        assert!(decoded.done || decoded.consumed == piece.len(), "it stops before the end");
        at += decoded.consumed;
        done = decoded.done;
        if done {
            break;
        }
    }
    let trailers = if done { decoder.take_trailers()? } else { None };
    Ok(Chunked { data: out.to_vec(), done, trailers, behind: bytes.len() - at })
}
