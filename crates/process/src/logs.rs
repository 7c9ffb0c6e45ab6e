//! What a program prints: lines, bounded in length and in number.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe::Receiver;

use crate::sink::{Output, Sink};

/// The longest line, in bytes; a longer one is broken.
const LINE_MAX: usize = 4 << 10;

/// How many lines may come at once.
const BURST: u32 = 1_000;

/// How many lines per second may go on coming; the rest is dropped, and said so.
const PER_SECOND: u32 = 100;

/// The pause between two reads of a program that prints too much: it is then read with no more
/// than 64 KiB, a pipe full, every 10 ms, and waits for that when it writes.
const PAUSE: Duration = Duration::from_millis(10);

/// Cuts what is printed into lines, and counts them.
#[derive(Debug)]
struct Lines {
    line: Vec<u8>,
    left: u32,
    counted_from: Instant,
    dropped: u64,
}

impl Lines {
    const fn new(now: Instant) -> Self {
        Self { line: Vec::new(), left: BURST, counted_from: now, dropped: 0 }
    }

    fn feed(&mut self, bytes: &[u8], now: Instant, say: &mut dyn FnMut(&str)) {
        self.refill(now);
        for &byte in bytes {
            match byte {
                b'\n' => self.end_line(say),
                byte => self.line.push(byte),
            }
            if self.line.len() == LINE_MAX {
                self.end_line(say);
            }
        }
    }

    fn refill(&mut self, now: Instant) {
        let since = now.saturating_duration_since(self.counted_from);
        let more = since.as_millis().saturating_mul(PER_SECOND.into()) / 1_000;
        if more > 0 {
            self.counted_from = now;
            let more = u32::try_from(more).unwrap_or(u32::MAX);
            self.left = self.left.saturating_add(more).min(BURST);
        }
    }

    fn end_line(&mut self, say: &mut dyn FnMut(&str)) {
        if self.line.is_empty() {
            return;
        }
        if self.left == 0 {
            self.dropped += 1;
            self.line.clear();
            return;
        }
        self.tell_dropped(say);
        self.left -= 1;
        let is_unsafe = |c: char| c.is_control() && c != '\t';
        say(&String::from_utf8_lossy(&self.line).replace(is_unsafe, "\u{fffd}"));
        self.line.clear();
    }

    fn tell_dropped(&mut self, say: &mut dyn FnMut(&str)) {
        match std::mem::take(&mut self.dropped) {
            0 => {}
            1 => say("[one line dropped: too many at once]"),
            count => say(&format!("[{count} lines dropped: too many at once]")),
        }
    }

    fn end(&mut self, say: &mut dyn FnMut(&str)) {
        self.end_line(say);
        self.tell_dropped(say);
    }
}

/// Reads one output to its end.
pub(crate) async fn pump(mut pipe: Receiver, output: Output, sink: Arc<dyn Sink>) {
    let mut say = |line: &str| sink.line(output, line);
    let mut lines = Lines::new(Instant::now());
    let mut bytes = vec![0; 64 << 10];
    while let Ok(count @ 1..) = pipe.read(&mut bytes).await {
        lines.feed(&bytes[..count], Instant::now(), &mut say);
        if lines.left == 0 {
            tokio::time::sleep(PAUSE).await;
        }
    }
    lines.end(&mut say);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(lines: &mut Lines, bytes: &[u8], now: Instant) -> Vec<String> {
        let mut said = Vec::new();
        lines.feed(bytes, now, &mut |line| said.push(line.to_owned()));
        said
    }

    #[test]
    fn lines_are_cut_and_made_harmless() {
        let now = Instant::now();
        let mut lines = Lines::new(now);
        assert_eq!(
            told(&mut lines, b"a\n\nb\r\x1b[2J\tc\n\xff\nrest", now),
            ["a", "b\u{fffd}\u{fffd}[2J\tc", "\u{fffd}"]
        );
        assert_eq!(told(&mut lines, b"!\n", now), ["rest!"]);
        let long = told(&mut lines, &[b'x'; 2 * LINE_MAX + 1], now);
        assert_eq!(long.iter().map(String::len).collect::<Vec<_>>(), [LINE_MAX, LINE_MAX]);
        let mut last = Vec::new();
        lines.end(&mut |line| last.push(line.to_owned()));
        assert_eq!(last, ["x"]);
    }

    #[test]
    fn what_is_too_much_is_dropped_and_counted() {
        let now = Instant::now();
        let mut lines = Lines::new(now);
        let burst = usize::try_from(BURST).unwrap();
        assert_eq!(told(&mut lines, &b"x\n".repeat(burst + 7), now).len(), burst);
        let later = now + Duration::from_millis(30);
        let said = told(&mut lines, b"y\ny\ny\ny\n", later);
        assert_eq!(said, ["[7 lines dropped: too many at once]", "y", "y", "y"]);
        let much_later = now + Duration::from_secs(3_600);
        let said = told(&mut lines, &b"z\n".repeat(2 * burst), much_later);
        assert_eq!(said.len(), burst + 1);
        let mut last = Vec::new();
        lines.end(&mut |line| last.push(line.to_owned()));
        assert_eq!(last, [format!("[{burst} lines dropped: too many at once]")]);
    }
}
