//! Bytes that begin as this format does.
#![no_main]

mod opened;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    opened::open(&[&b"PK\x03\x04"[..], bytes.get(4..).unwrap_or_default()].concat());
});
