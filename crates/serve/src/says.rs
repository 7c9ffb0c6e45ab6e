//! What a request says, whichever way it goes: as a map of headers, or as the lines it came in.

use http::{HeaderMap, HeaderName, header};
use ingress::codec::RequestHead;
use smallvec::SmallVec;

use crate::forward::is_of_trusted_peers;

/// The headers of a request that concern more than its connection.
pub(crate) trait Says {
    /// Every value of a header, in order. `host` is normalised.
    fn each<'s>(&'s self, name: &'s HeaderName) -> impl Iterator<Item = &'s [u8]>;

    /// The first value of a header.
    fn first<'s>(&'s self, name: &'s HeaderName) -> Option<&'s [u8]> {
        self.each(name).next()
    }

    /// The host, where it is text.
    fn host(&self) -> Option<&str>;

    /// The first value of a header, where it is text.
    fn text<'s>(&'s self, name: &'s HeaderName) -> Option<&'s str> {
        self.first(name).and_then(text)
    }
}

impl Says for HeaderMap {
    fn each<'s>(&'s self, name: &'s HeaderName) -> impl Iterator<Item = &'s [u8]> {
        self.get_all(name).iter().map(http::HeaderValue::as_bytes)
    }

    fn host(&self) -> Option<&str> {
        self.text(&header::HOST)
    }
}

/// The lines of a request head that go on to who answers, without those that this client may not
/// send.
pub(crate) struct Lines<'h> {
    host: &'h str,
    lines: SmallVec<[(&'h str, &'h [u8]); 16]>,
    names: Names,
}

/// Which names there may be, as a Bloom filter of one hash: most of what is asked for is not there.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Names(u64);

impl Names {
    pub(crate) const fn add(&mut self, name: &str) {
        self.0 |= Self::bit(name);
    }

    /// False for certain, true perhaps.
    pub(crate) const fn may_have(self, name: &str) -> bool {
        self.0 & Self::bit(name) != 0
    }

    /// The same for a name in any case.
    const fn bit(name: &str) -> u64 {
        let bytes = name.as_bytes();
        let last = if bytes.is_empty() { 0 } else { bytes[bytes.len() - 1] | 0x20 };
        1 << ((bytes.len().wrapping_mul(11) ^ last as usize) % 64)
    }
}

impl<'h> Lines<'h> {
    /// None without a host.
    pub(crate) fn of(head: &'h RequestHead<'_>, is_trusted: bool) -> Option<Self> {
        let may_say = |(name, _): &(&str, &[u8])| is_trusted || !is_of_trusted_peers(name);
        let host = head.host.as_ref()?.as_str();
        let mut names = Names::default();
        let lines = head.end_to_end().filter(may_say).inspect(|(name, _)| names.add(name));
        Some(Self { host, lines: lines.collect(), names })
    }

    /// All but `host`.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'h str, &'h [u8])> {
        self.lines.iter().copied()
    }
}

impl Says for Lines<'_> {
    fn each<'s>(&'s self, name: &'s HeaderName) -> impl Iterator<Item = &'s [u8]> {
        let host = (*name == header::HOST).then_some(self.host.as_bytes());
        let name = name.as_str();
        let lines = if self.names.may_have(name) { self.lines.as_slice() } else { &[] };
        let named = lines.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
        host.into_iter().chain(named.map(|(_, value)| *value))
    }

    fn host(&self) -> Option<&str> {
        Some(self.host)
    }
}

/// Visible characters and blanks.
pub(crate) fn text(value: &[u8]) -> Option<&str> {
    let may_be = |byte: &u8| matches!(byte, b'\t' | b' '..=b'~');
    // Without a stop at the first that may not, many are looked at together.
    let is_text = value.iter().fold(true, |is_text, byte| is_text & may_be(byte));
    if is_text { std::str::from_utf8(value).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_name_that_is_there_may_be_there(names in prop::collection::vec("[a-zA-Z-]{0,20}", 0..9)) {
            let mut seen = Names::default();
            names.iter().for_each(|name| seen.add(name));
            for name in &names {
                prop_assert!(seen.may_have(&name.to_ascii_uppercase()));
                prop_assert!(seen.may_have(&name.to_ascii_lowercase()));
            }
            prop_assert!(!Names::default().may_have("host"));
        }

        #[test]
        fn text_is_what_can_be_seen(bytes in prop::collection::vec(any::<u8>(), 0..70)) {
            let is_text = bytes.iter().all(|byte| matches!(byte, b'\t' | b' '..=b'~'));
            prop_assert_eq!(text(&bytes).is_some(), is_text);
        }
    }
}
