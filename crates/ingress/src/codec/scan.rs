//! Finding the end of a request head: each byte is looked at once, however the reads are split.

use std::ops::Range;

use memchr::memchr;

use super::{Limits, Reject};

/// What the method, two spaces and the version may add to the target on the first line, in bytes.
const LINE_OVERHEAD: usize = 64;

/// Remembers how far a growing buffer has been looked at.
///
/// Feed it the same buffer again with more bytes at its end. Splitting the input differently never
/// changes what it says, only when.
#[derive(Debug, Clone, Default)]
pub struct HeadScan {
    at: usize,
    start: usize,
    line_start: usize,
    lines: u32,
}

impl HeadScan {
    /// The range of the whole head, its empty last line included, or `None` when bytes are missing.
    ///
    /// One empty line before the request is skipped (RFC 9112 §2.2). A line end that is not CR LF
    /// is refused as soon as it is seen, since its sender may be waiting for an answer.
    ///
    /// # Errors
    /// [`Reject`] when the bytes so far can no longer become a request.
    pub fn advance(
        &mut self,
        buffer: &[u8],
        limits: &Limits,
    ) -> Result<Option<Range<usize>>, Reject> {
        loop {
            self.check_first(buffer)?;
            let Some(offset) = memchr(b'\n', &buffer[self.at..]) else {
                self.at = buffer.len();
                self.check_size(buffer.len(), limits)?;
                return Ok(None);
            };
            let line_feed = self.at + offset;
            self.check_size(line_feed, limits)?;
            if line_feed == 0 || buffer[line_feed - 1] != b'\r' {
                return Err(Reject::BareLineFeed);
            }
            let empty = line_feed == self.line_start + 1;
            self.at = line_feed + 1;
            self.line_start = self.at;
            if !empty {
                self.lines += 1;
            } else if self.lines > 0 {
                return Ok(Some(self.start..self.at));
            } else if self.start > 0 {
                return Err(Reject::BlankLines);
            } else {
                self.start = self.at;
            }
        }
    }

    fn check_first(&self, buffer: &[u8]) -> Result<(), Reject> {
        match buffer.get(self.start) {
            Some(b'\r' | b'\n') => Ok(()),
            Some(byte) if self.lines == 0 && !is_token(*byte) => Err(Reject::NotHttp),
            _ => Ok(()),
        }
    }

    /// `seen` bytes hold no line end from `line_start` on.
    fn check_size(&self, seen: usize, limits: &Limits) -> Result<(), Reject> {
        if self.lines == 0 && seen - self.start > limits.target_bytes.saturating_add(LINE_OVERHEAD)
        {
            Err(Reject::TargetTooLong)
        } else if seen - self.start > limits.head_bytes {
            Err(Reject::HeadTooLarge)
        } else {
            Ok(())
        }
    }
}

/// `tchar` of RFC 9110 §5.6.2.
pub(crate) const fn is_token(byte: u8) -> bool {
    matches!(byte,
        b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`'
        | b'|' | b'~' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z')
}
