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

    /// The first value of a header, where it is text.
    fn text<'s>(&'s self, name: &'s HeaderName) -> Option<&'s str> {
        self.first(name).and_then(text)
    }
}

impl Says for HeaderMap {
    fn each<'s>(&'s self, name: &'s HeaderName) -> impl Iterator<Item = &'s [u8]> {
        self.get_all(name).iter().map(http::HeaderValue::as_bytes)
    }
}

/// The lines of a request head that go on to who answers, without those that this client may not
/// send.
pub(crate) struct Lines<'h> {
    host: &'h str,
    lines: SmallVec<[(&'h str, &'h [u8]); 16]>,
}

impl<'h> Lines<'h> {
    /// None without a host.
    pub(crate) fn of(head: &'h RequestHead<'_>, is_trusted: bool) -> Option<Self> {
        let may_say = |(name, _): &(&str, &[u8])| is_trusted || !is_of_trusted_peers(name);
        let host = head.host.as_ref()?.as_str();
        Some(Self { host, lines: head.end_to_end().filter(may_say).collect() })
    }

    /// The host, normalised.
    pub(crate) const fn host(&self) -> &'h str {
        self.host
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
        let named = self.lines.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
        host.into_iter().chain(named.map(|(_, value)| *value))
    }
}

/// Visible characters and blanks.
pub(crate) fn text(value: &[u8]) -> Option<&str> {
    let is_text = value.iter().all(|byte| matches!(byte, b'\t' | b' '..=b'~'));
    std::str::from_utf8(value).ok().filter(|_| is_text)
}
