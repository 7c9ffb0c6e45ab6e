//! The trace that a request belongs to, as W3C Trace Context passes it on.

use deploy_spec::Bps;

use crate::sample;

/// The length of a `traceparent` of version 00, and of the part of any later one that is known.
const LENGTH: usize = 55;
const SAMPLED: u8 = 1;

/// Which traces are recorded that begin here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sampler {
    /// None, and none that began elsewhere: nobody here records any.
    Off,
    /// A share of them, and all that were begun elsewhere and are recorded there.
    Share(Bps),
}

/// Where a request is in its trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trace {
    /// The trace, never 0.
    pub trace_id: u128,
    /// What is done here, never 0.
    pub span_id: u64,
    /// What it is part of; none where the trace begins here.
    pub parent_id: Option<u64>,
    /// Whether it is recorded.
    pub is_sampled: bool,
    passes_on: PassesOn,
}

/// Whose `traceparent` goes on to who answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PassesOn {
    /// The one that came in.
    Theirs,
    Ours,
}

impl Trace {
    /// Goes on with the trace that came in, or begins one where none did, or none that can be read
    /// (§3.2: an invalid `traceparent` is as good as none).
    #[must_use]
    pub fn begin(came: Option<&[u8]>, random: u128, sampler: Sampler) -> Self {
        let low = u64::try_from(random & u128::from(u64::MAX)).unwrap_or(1);
        let high = u64::try_from(random >> 64).unwrap_or(1);
        let span_id = (high ^ low).max(1);
        match (came.and_then(parse), sampler) {
            (Some((trace_id, parent_id, is_sampled)), sampler) => Self {
                trace_id,
                span_id,
                parent_id: Some(parent_id),
                is_sampled,
                passes_on: match sampler {
                    Sampler::Off => PassesOn::Theirs,
                    Sampler::Share(_) => PassesOn::Ours,
                },
            },
            (None, sampler) => {
                let trace_id = random.max(1);
                let is_sampled = match sampler {
                    Sampler::Off => false,
                    Sampler::Share(share) => sample::is_in(trace_id, share),
                };
                let passes_on = PassesOn::Ours;
                Self { trace_id, span_id, parent_id: None, is_sampled, passes_on }
            }
        }
    }

    /// Whether it begins here. What `tracestate` says then belongs to no trace (§3.3).
    #[must_use]
    pub const fn begins_here(&self) -> bool {
        self.parent_id.is_none()
    }

    /// The `traceparent` for who answers; none where the one that came in goes on as it is.
    #[must_use]
    pub fn traceparent(&self) -> Option<[u8; LENGTH]> {
        if self.passes_on == PassesOn::Theirs {
            return None;
        }
        let mut text = *b"00-00000000000000000000000000000000-0000000000000000-00";
        put_hex(&mut text[3..35], &self.trace_id.to_be_bytes());
        put_hex(&mut text[36..52], &self.span_id.to_be_bytes());
        if self.is_sampled {
            text[54] = b'1';
        }
        Some(text)
    }

    /// The id of the trace, as it is written.
    #[must_use]
    pub fn id_text(&self) -> [u8; 32] {
        let mut text = [0; 32];
        put_hex(&mut text, &self.trace_id.to_be_bytes());
        text
    }
}

/// Trace, parent and whether it is recorded; none when it is no `traceparent` (§3.2.2, and §4 for
/// versions to come).
fn parse(text: &[u8]) -> Option<(u128, u64, bool)> {
    let known = text.get(..LENGTH)?;
    let [version, trace, parent, flags] =
        [&known[..2], &known[3..35], &known[36..52], &known[53..]];
    let has_dashes = [2, 35, 52].iter().all(|at| known[*at] == b'-');
    let ends = match hex(version)? {
        0 => text.len() == LENGTH,
        255 => false,
        _ => text.get(LENGTH).is_none_or(|next| *next == b'-'),
    };
    let (trace, parent) = (hex(trace)?, hex(parent)?);
    let flags = u8::try_from(hex(flags)?).ok()?;
    let is_whole = has_dashes && ends && trace != 0 && parent != 0;
    is_whole.then_some((trace, u64::try_from(parent).ok()?, flags & SAMPLED != 0))
}

/// Lower-case hexadecimal digits, at most 32 of them.
fn hex(digits: &[u8]) -> Option<u128> {
    digits.iter().try_fold(0, |number, digit| {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(number << 4 | u128::from(value))
    })
}

/// Writes bytes in hex, lower case, two digits each.
pub fn put_hex(out: &mut [u8], bytes: &[u8]) {
    for (pair, byte) in out.as_chunks_mut().0.iter_mut().zip(bytes) {
        *pair = HEX[usize::from(*byte)];
    }
}

/// Every byte in hex.
static HEX: [[u8; 2]; 256] = {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut all = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        all[byte] = [DIGITS[byte >> 4], DIGITS[byte & 15]];
        byte += 1;
    }
    all
};

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TRACE: u128 = 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c;
    const PARENT: u64 = 0xb7ad_6b71_6920_3331;

    fn all() -> Sampler {
        Sampler::Share(Bps::new(10_000).unwrap())
    }

    fn came(text: &str) -> Trace {
        Trace::begin(Some(text.as_bytes()), 0x77 << 64 | 0x11, all())
    }

    #[test]
    fn a_valid_parent_is_gone_on_with_by_a_span_of_our_own() {
        let trace = came("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
        assert_eq!((trace.trace_id, trace.parent_id), (TRACE, Some(PARENT)));
        assert!(trace.is_sampled && !trace.begins_here());
        let told = trace.traceparent().unwrap();
        assert_eq!(&told, b"00-0af7651916cd43dd8448eb211c80319c-0000000000000066-01");
        assert_eq!(&trace.id_text(), b"0af7651916cd43dd8448eb211c80319c");
        // What its beginning decided holds, whatever the share is here.
        let not = came("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00");
        assert!(!not.is_sampled && not.traceparent().unwrap().ends_with(b"-00"));
    }

    #[test]
    fn where_nobody_records_a_valid_parent_goes_on_as_it_came() {
        let text = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let trace = Trace::begin(Some(text), 1, Sampler::Off);
        assert_eq!((trace.trace_id, trace.traceparent()), (TRACE, None));
        let begun = Trace::begin(None, 0, Sampler::Off);
        assert!(begun.traceparent().unwrap().ends_with(b"-00"));
        assert!(begun.trace_id != 0 && begun.span_id != 0);
    }

    #[test]
    fn what_is_no_traceparent_begins_a_trace() {
        let id = "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331";
        for (text, is_valid) in [
            (format!("00-{id}-01"), true),
            (format!("00-{id}-ff"), true),
            (format!("00-{id}-01-"), false),
            (format!("00-{id}-01-more"), false),
            (format!("cc-{id}-01"), true),
            (format!("cc-{id}-01-what-the-future-will-be-like"), true),
            (format!("cc-{id}-01.what"), false),
            (format!("ff-{id}-01"), false),
            (format!("00-{id}-1"), false),
            (format!("00-{id}-0g"), false),
            (format!("0-{id}-001"), false),
            (format!("00-{id}-01").to_uppercase(), false),
            (format!("00_{id}_01"), false),
            (format!(" 00-{id}-01"), false),
            ("00-00000000000000000000000000000000-b7ad6b7169203331-01".into(), false),
            ("00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01".into(), false),
            (String::new(), false),
            ("00".into(), false),
        ] {
            assert_eq!(!came(&text).begins_here(), is_valid, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_we_pass_on_is_read_by_the_next_as_we_meant_it(
            random: u128, next: u128, junk in prop::collection::vec(any::<u8>(), 0..80),
        ) {
            let trace = Trace::begin(Some(&junk), random, all());
            let told = trace.traceparent().unwrap();
            let behind = Trace::begin(Some(&told), next, Sampler::Off);
            prop_assert_eq!(behind.trace_id, trace.trace_id);
            prop_assert_eq!(behind.parent_id, Some(trace.span_id));
            prop_assert_eq!(behind.is_sampled, trace.is_sampled);
        }
    }
}
