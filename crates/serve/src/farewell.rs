//! How a stream says goodbye when its revision has drained, so that its client comes back at once
//! and to another: a WebSocket by a Close frame, server-sent events by the time after which to come
//! back. Both only between two messages.

use bytes::Bytes;
use http::{Response, StatusCode, header};

/// A Close frame with the status 1012, "service restart" (RFC 6455 §5.5.1, IANA).
const CLOSE_1012: &[u8] = &[0x88, 0x02, 0x03, 0xF4];
/// Tells an `EventSource` to come back after half a second.
const RETRY: &[u8] = b"retry: 500\n\n";

/// What kind of stream an answer is.
#[derive(Debug, Clone, Default)]
pub(crate) enum Manner {
    /// None: it has an end of its own.
    #[default]
    Answer,
    /// Frames of a WebSocket.
    WebSocket(Frames),
    /// Server-sent events.
    Events(Events),
}

impl Manner {
    /// By what the head of an answer says.
    pub(crate) fn of<B>(response: &Response<B>) -> Self {
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            return Self::WebSocket(Frames::default());
        }
        let kind = response.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let essence = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default().trim();
        let is_plain = !response.headers().contains_key(header::CONTENT_ENCODING);
        if is_plain && essence.eq_ignore_ascii_case("text/event-stream") {
            return Self::Events(Events::default());
        }
        Self::Answer
    }

    /// Whether it goes on until somebody ends it.
    pub(crate) const fn is_stream(&self) -> bool {
        !matches!(self, Self::Answer)
    }

    /// Looks at bytes that go to the client.
    pub(crate) fn watch(&mut self, bytes: &[u8]) {
        match self {
            Self::Answer => {}
            Self::WebSocket(frames) => frames.watch(bytes),
            Self::Events(events) => events.watch(bytes),
        }
    }

    /// The last words, if this is a moment for them.
    pub(crate) const fn last_words(&self) -> Option<Bytes> {
        match self {
            Self::WebSocket(frames) if frames.is_between() => Some(Bytes::from_static(CLOSE_1012)),
            Self::Events(events) if events.is_between() => Some(Bytes::from_static(RETRY)),
            _ => None,
        }
    }
}

/// Where in the frames of a WebSocket its server is (RFC 6455 §5.2).
#[derive(Debug, Clone, Default)]
pub(crate) struct Frames {
    /// What came of a frame's header.
    header: [u8; 14],
    has: usize,
    /// What is still to come of its payload.
    payload: u64,
    /// Whether a Close frame went by: nothing may follow it.
    is_closed: bool,
}

impl Frames {
    const fn is_between(&self) -> bool {
        // A control frame may stand between the frames of a message.
        self.has == 0 && self.payload == 0 && !self.is_closed
    }

    fn watch(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.payload > 0 {
                let n = usize::try_from(self.payload).unwrap_or(usize::MAX).min(bytes.len());
                self.payload -= n as u64;
                bytes = &bytes[n..];
                continue;
            }
            self.header[self.has] = bytes[0];
            self.has += 1;
            bytes = &bytes[1..];
            if self.has == self.header_length() {
                self.begin_payload();
            }
        }
    }

    fn header_length(&self) -> usize {
        if self.has < 2 {
            return 2;
        }
        let mask = if self.header[1] & 0x80 == 0 { 0 } else { 4 };
        2 + mask
            + match self.header[1] & 0x7F {
                126 => 2,
                127 => 8,
                _ => 0,
            }
    }

    fn begin_payload(&mut self) {
        let long = |bytes: &[u8]| bytes.iter().fold(0, |sum: u64, b| (sum << 8) | u64::from(*b));
        self.payload = match self.header[1] & 0x7F {
            126 => long(&self.header[2..4]),
            127 => long(&self.header[2..10]),
            short => short.into(),
        };
        self.is_closed |= self.header[0] & 0x0F == 0x8;
        self.has = 0;
    }
}

/// Whether an event of a stream of them is complete: behind an empty line, or at the beginning.
#[derive(Debug, Clone, Default)]
pub(crate) struct Events {
    /// How many line ends came last, without the CR in front of an LF.
    ends: u8,
    has_begun: bool,
    last: u8,
}

impl Events {
    const fn is_between(&self) -> bool {
        !self.has_begun || self.ends >= 2
    }

    fn watch(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.has_begun = true;
            match byte {
                b'\n' if self.last == b'\r' => {}
                b'\n' | b'\r' => self.ends = self.ends.saturating_add(1),
                _ => self.ends = 0,
            }
            self.last = *byte;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(first: u8, length: usize, masked: bool) -> Vec<u8> {
        let mask = if masked { 0x80 } else { 0 };
        let mut out = vec![first];
        match length {
            0..126 => out.push(mask | u8::try_from(length).unwrap()),
            126..65_536 => {
                out.push(mask | 126);
                out.extend_from_slice(&u16::try_from(length).unwrap().to_be_bytes());
            }
            _ => {
                out.push(mask | 127);
                out.extend_from_slice(&(length as u64).to_be_bytes());
            }
        }
        out.extend_from_slice(&[7; 4][..if masked { 4 } else { 0 }]);
        // What looks like a Close frame inside of a payload is none.
        out.extend(std::iter::repeat_n(0x88, length));
        out
    }

    proptest! {
        #[test]
        fn a_close_frame_stands_between_two_frames_wherever_they_are_split(
            lengths in prop::collection::vec((prop_oneof![0_usize..200, 65_500_usize..65_600], any::<bool>()), 1..5),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        ) {
            let frames: Vec<_> = lengths.iter().map(|(length, mask)| frame(0x82, *length, *mask)).collect();
            let mut ends: Vec<usize> = vec![0];
            for frame in &frames {
                ends.push(ends.last().unwrap() + frame.len());
            }
            let all = frames.concat();
            let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(all.len() + 1)).collect();
            at.extend([0, all.len()]);
            at.sort_unstable();
            let mut manner = Manner::WebSocket(Frames::default());
            for pair in at.windows(2) {
                manner.watch(&all[pair[0]..pair[1]]);
                let may = manner.last_words().is_some();
                prop_assert_eq!(may, ends.contains(&pair[1]), "at {}", pair[1]);
            }
        }
    }

    #[test]
    fn nothing_follows_a_close_frame() {
        let mut manner = Manner::WebSocket(Frames::default());
        assert!(manner.last_words().is_some());
        manner.watch(&frame(0x88, 2, false));
        assert_eq!(manner.last_words(), None);
    }

    #[test]
    fn the_hint_stands_between_two_events() {
        for (sent, may) in [
            ("", true),
            ("data: x\n\n", true),
            ("data: x\r\n\r\n", true),
            ("data: x\r\r", true),
            ("data: x\n", false),
            ("data: x\r\n", false),
            ("data: x\n\ndata", false),
        ] {
            let mut manner = Manner::Events(Events::default());
            sent.as_bytes().iter().for_each(|byte| manner.watch(std::slice::from_ref(byte)));
            assert_eq!(manner.last_words().is_some(), may, "{sent:?}");
        }
    }

    #[test]
    fn what_goes_on_is_told_by_its_head() {
        let of = |status: u16, name: &str, value: &str| {
            let response = Response::builder().status(status).header(name, value).body(()).unwrap();
            Manner::of(&response)
        };
        assert!(matches!(of(101, "upgrade", "websocket"), Manner::WebSocket(_)));
        let kind = "Text/Event-Stream; charset=utf-8";
        assert!(matches!(of(200, "content-type", kind), Manner::Events(_)));
        assert!(!of(200, "content-type", "text/html").is_stream());
    }
}
