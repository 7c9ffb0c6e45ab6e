//! Any bytes, in pieces of any size: the head of a request is the same or refused for the same
//! reason, and what is accepted has one reading.
#![no_main]

use ingress::codec::{HeadScan, Limits, Reject, RequestHead, header_slots};

const LIMITS: Limits = Limits { head_bytes: 8192, target_bytes: 1024, headers: 64 };

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((size, text)) = bytes.split_first() else { return };
    let whole = in_pieces(text, text.len().max(1));
    assert_eq!(whole, in_pieces(text, usize::from(*size) + 1));
});

/// Every field of the head; nothing when bytes are missing.
fn in_pieces(text: &[u8], size: usize) -> Result<Option<String>, Reject> {
    let mut scan = HeadScan::default();
    let ends = (0..text.len()).step_by(size).map(|start| (start + size).min(text.len()));
    for end in ends {
        if let Some(range) = scan.advance(&text[..end], &LIMITS)? {
            return read(&text[range]).map(Some);
        }
    }
    Ok(None)
}

fn read(raw: &[u8]) -> Result<String, Reject> {
    let mut slots = header_slots();
    let head = RequestHead::parse(raw, &mut slots, &LIMITS)?;
    let request = head.to_request(()).expect("what the parser takes, the http crate takes");
    let path = request.uri().path();
    if path != "*" {
        let again = ingress::path::normalise(path).expect("a normal path is not refused");
        assert_eq!(again, path);
    }
    assert!(request.headers().get_all("host").iter().count() <= 1);
    assert!(request.headers().get_all("content-length").iter().count() <= 1);
    Ok(format!("{head:?} {request:?}"))
}
