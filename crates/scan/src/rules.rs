//! The rule set as a whole, and which of its rules a piece of text is worth trying.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use serde::Deserialize;

use crate::rule::{Allow, Rule};

const FILES: &[&str] = &[
    include_str!("../rules/cloud.json"),
    include_str!("../rules/tools.json"),
    include_str!("../rules/models.json"),
    include_str!("../rules/services.json"),
    include_str!("../rules/keys.json"),
    include_str!("../rules/general.json"),
];

#[expect(clippy::expect_used, reason = "the files are part of the program, and a test reads them")]
static STANDARD: LazyLock<Rules> =
    LazyLock::new(|| Rules::read(FILES).expect("the rules that are built in can be read"));

/// A file of rules.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// Whose secrets these are.
    #[expect(dead_code, reason = "for who reads the file")]
    about: String,
    /// What no rule takes for a secret, of this file or another.
    #[serde(default)]
    allow: Allow,
    rules: Vec<Rule>,
}

/// A rule set.
#[derive(Debug)]
pub struct Rules {
    pub(crate) rules: Vec<Rule>,
    /// What no rule takes for a secret.
    pub(crate) allow: Vec<Allow>,
    keywords: AhoCorasick,
    /// For each keyword, the rules that it calls for.
    called: Vec<Vec<usize>>,
}

impl Rules {
    /// The rules that every scan uses.
    #[must_use]
    pub fn standard() -> &'static Self {
        &STANDARD
    }

    /// What a rule looks for; `None` when there is no rule of this name.
    #[must_use]
    pub fn description(&self, id: &str) -> Option<&str> {
        self.rules.iter().find(|rule| rule.id == id).map(|rule| rule.description.as_str())
    }

    fn read(files: &[&str]) -> Result<Self, Box<dyn std::error::Error>> {
        let (mut rules, mut allow) = (Vec::new(), Vec::new());
        for text in files {
            let file: File = serde_json::from_str(text)?;
            rules.extend(file.rules.into_iter().map(Rule::complete));
            allow.push(file.allow);
        }
        let mut words: Vec<&str> =
            rules.iter().flat_map(|rule: &Rule| &rule.keywords).map(String::as_str).collect();
        words.sort_unstable();
        words.dedup();
        let called = words.iter().map(|word| {
            let calls = |(_, rule): &(usize, &Rule)| rule.keywords.iter().any(|k| k == word);
            rules.iter().enumerate().filter(calls).map(|(i, _)| i).collect()
        });
        let called = called.collect();
        let keywords = AhoCorasick::builder()
            .match_kind(MatchKind::Standard)
            // Every byte of every bundle goes through it.
            .kind(Some(AhoCorasickKind::DFA))
            .ascii_case_insensitive(true)
            .build(&words)?;
        Ok(Self { rules, allow, keywords, called })
    }

    /// The rules with a keyword in `bytes`.
    pub(crate) fn worth_trying(&self, bytes: &[u8]) -> impl Iterator<Item = (usize, &Rule)> {
        let mut seen = vec![false; self.called.len()];
        let mut tried = vec![false; self.rules.len()];
        for hit in self.keywords.find_overlapping_iter(bytes) {
            let word = hit.pattern().as_usize();
            if !std::mem::replace(&mut seen[word], true) {
                self.called[word].iter().for_each(|rule| tried[*rule] = true);
            }
        }
        self.rules.iter().enumerate().filter(move |(i, _)| tried[*i])
    }
}
