//! Whether what a pattern matched is a secret.

use crate::rule::{Allow, Match, Rule, Target};
use crate::rules::Rules;

/// A match, and what it stands in.
pub(crate) struct Candidate<'a> {
    pub(crate) path: &'a str,
    pub(crate) bytes: &'a [u8],
    pub(crate) at: Match,
}

impl Candidate<'_> {
    pub(crate) fn secret(&self) -> &[u8] {
        &self.bytes[self.at.secret.0..self.at.secret.1]
    }

    fn target(&self, target: Target) -> &[u8] {
        match target {
            Target::Secret => self.secret(),
            Target::Match => &self.bytes[self.at.start..self.at.end],
            Target::Line => {
                let is_break = |byte: &u8| *byte == b'\n';
                let from = self.bytes[..self.at.start].iter().rposition(is_break);
                let to = self.bytes[self.at.end..].iter().position(is_break);
                let to = to.map_or(self.bytes.len(), |to| self.at.end + to);
                &self.bytes[from.map_or(0, |from| from + 1)..to]
            }
        }
    }
}

/// Whether a rule may take the match for a secret.
pub(crate) fn is_secret(rules: &Rules, rule: &Rule, candidate: &Candidate) -> bool {
    let secret = candidate.secret();
    if rule.entropy > 0.0 && entropy(secret) <= rule.entropy {
        return false;
    }
    if rule.guesses && !secret.iter().any(u8::is_ascii_digit) {
        return false;
    }
    if rule.check.is_some_and(|check| !check.passes(secret)) {
        return false;
    }
    !rules.allow.iter().chain(&rule.allow).any(|allow| allow.says_no_to(candidate))
}

impl Allow {
    fn says_no_to(&self, candidate: &Candidate) -> bool {
        let target = candidate.target(self.target);
        let path = candidate.path.as_bytes();
        self.regexes.iter().any(|regex| regex.is_match(target))
            || self.paths.iter().any(|regex| regex.is_match(path))
    }
}

/// Bits per byte (Shannon 1948); 0 for nothing.
pub(crate) fn entropy(bytes: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    bytes.iter().for_each(|byte| counts[usize::from(*byte)] += 1);
    let whole = bytes.len() as f64;
    let part = |count: &u32| {
        let share = f64::from(*count) / whole;
        -share * share.log2()
    };
    counts.iter().filter(|count| **count > 0).map(part).sum()
}
