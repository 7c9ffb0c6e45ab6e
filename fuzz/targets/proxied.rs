//! Any bytes as a header of the PROXY protocol: who reads what is missing reads no byte behind it.
#![no_main]

use ingress::proxy_protocol::{Malformed, Progress, read};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut at = 0;
    while at <= bytes.len() {
        match read(&bytes[..at]) {
            Ok(Progress::More(more)) => {
                assert!(more > 0);
                at += more;
            }
            Ok(Progress::Whole(_)) => {
                // With one byte more it would be none, and with one less it is not whole.
                let followed = [&bytes[..at], b"x"].concat();
                assert_eq!(read(&followed), Err(Malformed));
                assert!(!matches!(read(&bytes[..at - 1]), Ok(Progress::Whole(_))));
                return;
            }
            Err(Malformed) => return,
        }
    }
});
