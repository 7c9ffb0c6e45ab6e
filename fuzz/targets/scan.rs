//! Any bytes, in pieces of any size: what the secret scanner finds does not depend on the pieces.
#![no_main]

use scan::{Finding, Rules, Stream};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((size, text)) = bytes.split_first() else { return };
    let whole = in_pieces(text, text.len().max(1));
    let pieces = in_pieces(text, usize::from(*size) + 1);
    assert_eq!(whole, pieces);
    assert!(whole.iter().all(|finding| finding.offset < text.len() as u64));
});

fn in_pieces(text: &[u8], size: usize) -> Vec<Finding> {
    let mut stream = Stream::new(Rules::standard(), "fuzzed.yaml");
    text.chunks(size).for_each(|piece| stream.push(piece));
    stream.finish()
}
