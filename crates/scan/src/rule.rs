//! One rule: as it is written, and as it is matched.

use std::sync::OnceLock;

use regex::bytes::{Regex, RegexBuilder};
use serde::Deserialize;

use crate::check::Check;

/// Bytes of a compiled pattern, at most; the largest of the set takes a tenth.
const COMPILED: usize = 32 << 20;
/// Between the beginning of a name and the value: in a program, a call, JSON, YAML, an environment.
const ASSIGNED: &str =
    r#"[A-Za-z0-9_.-]{0,40}(?:\\?["'`]|\])?[ \t]{0,8}(?:=>|:=|[:=(,])[ \t]{0,8}(?:\\?["'`])?"#;
/// After the value.
const ENDED: &str = r#"(?:["'`;,\s)\]}\\]|$)"#;

/// A rule as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rule {
    pub(crate) id: String,
    pub(crate) description: String,
    /// One of these, in any case, stands near every match.
    pub(crate) keywords: Vec<String>,
    /// What it looks like; the secret is the first group that took part, or else the whole.
    regex: Pattern,
    /// Where the shape alone is too common: a name, as a pattern, that it must be assigned to.
    #[serde(default)]
    assigned_to: Option<String>,
    /// How the names of files end, in lower case, where alone the shape is a secret; all if none.
    #[serde(default)]
    pub(crate) only_in: Vec<String>,
    /// What it must pass besides.
    #[serde(default)]
    pub(crate) check: Option<Check>,
    /// Bits per byte that a secret has more of (Shannon).
    #[serde(default)]
    pub(crate) entropy: f64,
    /// Whether it guesses from a broad keyword such as `key`, and makes sense in text alone.
    #[serde(default)]
    pub(crate) guesses: bool,
    #[serde(default)]
    pub(crate) allow: Vec<Allow>,
}

/// What makes a match no secret.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Allow {
    /// What the patterns are held against.
    #[serde(default)]
    pub(crate) target: Target,
    #[serde(default)]
    pub(crate) regexes: Vec<Pattern>,
    #[serde(default)]
    pub(crate) paths: Vec<Pattern>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Target {
    /// The secret alone.
    #[default]
    Secret,
    /// All that the rule matched, the name it is assigned to included.
    Match,
    /// The lines that the match stands in.
    Line,
}

/// A pattern, compiled when it is first needed: most never are.
#[derive(Debug, Deserialize)]
#[serde(from = "String")]
pub(crate) struct Pattern {
    text: String,
    compiled: OnceLock<Option<Regex>>,
}

impl From<String> for Pattern {
    fn from(text: String) -> Self {
        Self { text, compiled: OnceLock::new() }
    }
}

impl Pattern {
    /// The compiled pattern; `None` if it is none, which a test of the whole set rules out.
    ///
    /// Classes are those of ASCII: what is searched need not be UTF-8.
    pub(crate) fn get(&self) -> Option<&Regex> {
        let compile =
            || RegexBuilder::new(&self.text).unicode(false).size_limit(COMPILED).build().ok();
        self.compiled.get_or_init(compile).as_ref()
    }

    pub(crate) fn is_match(&self, bytes: &[u8]) -> bool {
        self.get().is_some_and(|regex| regex.is_match(bytes))
    }

    #[cfg(any(test, feature = "samples"))]
    pub(crate) fn text(&self) -> &str {
        &self.text
    }
}

/// A match of a rule's pattern: positions in what was searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Match {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) secret: (usize, usize),
}

impl Rule {
    /// Whether the shape is a secret in a file of this path.
    pub(crate) fn is_for(&self, path: &str) -> bool {
        let path = path.as_bytes();
        let ends = |ending: &String| {
            let at = path.len().checked_sub(ending.len());
            at.is_some_and(|at| path[at..].eq_ignore_ascii_case(ending.as_bytes()))
        };
        self.only_in.is_empty() || self.only_in.iter().any(ends)
    }

    /// The first match at or after `from`.
    pub(crate) fn find(&self, bytes: &[u8], from: usize) -> Option<Match> {
        let groups = self.regex.get()?.captures_at(bytes, from)?;
        let whole = groups.get(0)?;
        let secret = groups.iter().skip(1).flatten().find(|group| !group.is_empty());
        let secret = secret.unwrap_or(whole);
        let (start, end) = (whole.start(), whole.end());
        Some(Match { start, end, secret: (secret.start(), secret.end()) })
    }

    /// Puts the pattern behind the name that it must be assigned to, if it has one.
    pub(crate) fn complete(mut self) -> Self {
        if let Some(name) = self.assigned_to.take() {
            let value = &self.regex.text;
            self.regex = Pattern::from(format!("(?i:{name}){ASSIGNED}({value}){ENDED}"));
        }
        self
    }

    #[cfg(any(test, feature = "samples"))]
    pub(crate) fn regex(&self) -> &Pattern {
        &self.regex
    }
}
