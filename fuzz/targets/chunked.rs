//! Any bytes, in pieces of any size: a chunked body is the same or refused for the same reason, and
//! what lies behind it stays there.
#![no_main]

use bytes::BytesMut;
use ingress::codec::{ChunkedDecoder, Reject};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((size, text)) = bytes.split_first() else { return };
    let whole = in_pieces(text, text.len().max(1));
    assert_eq!(whole, in_pieces(text, usize::from(*size) + 1));
});

/// The data, the trailers, and how many bytes are not of the body; whether it is whole.
fn in_pieces(text: &[u8], size: usize) -> Result<(Vec<u8>, String, usize, bool), Reject> {
    let mut decoder = ChunkedDecoder::new(4096, 256);
    let mut data = BytesMut::new();
    let mut at = 0;
    let mut done = false;
    while at < text.len() && !done {
        let end = (at + size).min(text.len());
        let decoded = decoder.decode(&text[at..end], &mut data)?;
        at += decoded.consumed;
        done = decoded.done;
        assert!(done || at == end, "it stops before the end");
    }
    let trailers = if done { decoder.take_trailers()? } else { None };
    assert!(data.len() <= 4096);
    Ok((data.to_vec(), format!("{trailers:?}"), text.len() - at, done))
}
