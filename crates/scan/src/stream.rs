//! Scanning bytes as they come, in bounded memory: a window moves over the stream, and overlaps
//! with the one before it, so that a secret on a border is in one of the two as a whole.

use crate::finding::Finding;
use crate::judge::{self, Candidate};
use crate::rule::{Match, Rule};
use crate::rules::Rules;

/// Bytes that are searched at once.
const WINDOW: usize = 256 << 10;
/// The longest secret that is found wherever the border falls; the PEM of an RSA key of 16 384 bits
/// takes 13 KiB.
pub(crate) const OVERLAP: usize = 32 << 10;
/// Bytes kept before the part that is searched, for patterns that look at what is before them.
const BEFORE: usize = 512;

/// One stream of bytes under a scan.
#[derive(Debug)]
pub struct Stream<'r> {
    rules: &'r Rules,
    path: String,
    window: Vec<u8>,
    /// Where the window begins in the stream.
    base: u64,
    /// Where in the window the part begins that has not been searched.
    from: usize,
    /// Line breaks before the window.
    lines: u64,
    /// For each rule, where in the stream its last match ended.
    ends: Vec<u64>,
    found: Vec<Finding>,
}

impl<'r> Stream<'r> {
    /// Begins a stream; `path` is what its findings are named by.
    #[must_use]
    pub fn new(rules: &'r Rules, path: impl Into<String>) -> Self {
        let (window, found, ends) = (Vec::new(), Vec::new(), vec![0; rules.rules.len()]);
        Self { rules, path: path.into(), window, base: 0, from: 0, lines: 0, ends, found }
    }

    /// The next bytes of the stream.
    pub fn push(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = WINDOW - self.window.len();
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.window.extend_from_slice(now);
            bytes = later;
            if self.window.len() == WINDOW {
                self.search(WINDOW - OVERLAP);
                self.advance(WINDOW - OVERLAP);
            }
        }
    }

    /// The end of the stream: what was found, in the order in which it stands.
    #[must_use]
    pub fn finish(mut self) -> Vec<Finding> {
        self.search(self.window.len());
        self.found.sort_by(|a, b| (a.offset, &a.rule).cmp(&(b.offset, &b.rule)));
        self.found
    }

    /// Takes the matches that begin before `limit`; later ones may not be whole yet.
    fn search(&mut self, limit: usize) {
        let is_text = !self.window.contains(&0);
        let mut found = Vec::new();
        let worth = self.rules.worth_trying(&self.window[self.from.saturating_sub(BEFORE)..]);
        for (number, rule) in worth {
            if rule.guesses && !is_text || !rule.is_for(&self.path) {
                continue;
            }
            // What began before the window's last border may have ended after it.
            let ended = usize::try_from(self.ends[number].saturating_sub(self.base));
            let mut from = self.from.max(ended.unwrap_or(usize::MAX));
            while from <= self.window.len() {
                let Some(at) = rule.find(&self.window, from).filter(|at| at.start < limit) else {
                    break;
                };
                from = at.end.max(at.start + 1);
                self.ends[number] = self.base + from as u64;
                let candidate = Candidate { path: &self.path, bytes: &self.window, at };
                if judge::is_secret(self.rules, rule, &candidate) {
                    found.push(self.finding(rule, at, is_text));
                }
            }
        }
        self.found.append(&mut found);
    }

    fn finding(&self, rule: &Rule, at: Match, is_text: bool) -> Finding {
        let (start, end) = at.secret;
        let lines = || self.lines + breaks(&self.window[..start]) + 1;
        Finding {
            path: self.path.clone(),
            offset: self.base + start as u64,
            line: is_text.then(lines),
            rule: rule.id.clone(),
            description: rule.description.clone(),
            secret: Finding::fingerprint(&self.window[start..end]),
        }
    }

    /// Lets go of what was searched.
    fn advance(&mut self, searched: usize) {
        let gone = searched.saturating_sub(BEFORE);
        self.lines += breaks(&self.window[..gone]);
        self.window.drain(..gone);
        self.base += gone as u64;
        self.from = searched - gone;
    }
}

fn breaks(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|byte| **byte == b'\n').count() as u64
}
