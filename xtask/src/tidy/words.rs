//! Words that must not be in the tree, each with its reason. A word begins where a name begins:
//! `no_sleep(` is not `sleep(`.

use super::code::{code_only, inline_tests, is_test_file, is_word};
use super::finding::Finding;
use crate::house::File;

/// Where a word is forbidden.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// In every text file.
    Anywhere,
    /// In Rust code; comments and strings may name it.
    Code,
    /// In the code of Rust tests.
    Tests,
}

const MACHINE: &str = "is a path of one machine";
const HOST: &str = "names a package host; packages come through the ordinary client, wherever the \
                    reader's machine points it";
const REDIRECT: &str = "points a package client elsewhere; that is the reader's to decide";
const LATER: &str = "is a stub; a stub called done is a defect";
const NOTE: &str = "is a note to oneself; do it, or open an issue";
const HIDDEN: &str = "hides dead code or a warning; remove the code, or `#[expect(…, reason = …)]`";

// Written in two pieces, so that this table does not find itself.
const WORDS: &[(&str, Place, &str)] = &[
    (concat!("/wor", "k/"), Place::Anywhere, MACHINE),
    (concat!("/roo", "t/"), Place::Anywhere, MACHINE),
    (concat!("/far", "m/"), Place::Anywhere, MACHINE),
    (concat!("/Use", "rs/"), Place::Anywhere, MACHINE),
    (concat!(".libr", "ary"), Place::Anywhere, MACHINE),
    (concat!("static.crat", "es.io"), Place::Anywhere, HOST),
    (concat!("files.pythonhost", "ed.org"), Place::Anywhere, HOST),
    (concat!("registry.npm", "js.org"), Place::Anywhere, HOST),
    (concat!("deb.debi", "an.org"), Place::Anywhere, HOST),
    (concat!("replace", "-with"), Place::Anywhere, REDIRECT),
    (concat!("sparse", "+http"), Place::Anywhere, REDIRECT),
    (concat!("--index", "-url"), Place::Anywhere, REDIRECT),
    (concat!("PIP_IND", "EX_URL"), Place::Anywhere, REDIRECT),
    (concat!("CARGO_REGIS", "TRIES_"), Place::Anywhere, REDIRECT),
    (concat!("FIX", "ME"), Place::Anywhere, NOTE),
    (concat!("TO", "DO"), Place::Anywhere, NOTE),
    (concat!("not yet impl", "emented"), Place::Anywhere, LATER),
    ("todo!", Place::Code, LATER),
    ("unimplemented!", Place::Code, LATER),
    ("allow(dead_code", Place::Code, HIDDEN),
    ("allow(unused", Place::Code, HIDDEN),
    ("#[ignore", Place::Code, "is a test that does not run; mend it or remove it"),
    ("sleep(", Place::Tests, "waits for a time in a test; wait for the event"),
    ("assert!(true", Place::Tests, "is an assertion that cannot fail"),
];

/// Where a forbidden word stands.
pub(crate) fn check(files: &[File]) -> Vec<Finding> {
    files.iter().flat_map(check_one).collect()
}

fn check_one(file: &File) -> Vec<Finding> {
    let code = if file.is_rust() { code_only(&file.text) } else { String::new() };
    let tests = if is_test_file(&file.path) { vec![(0, usize::MAX)] } else { inline_tests(&code) };
    let is_test = |line: usize| tests.iter().any(|&(from, to)| (from..=to).contains(&line));
    let mut findings = Vec::new();
    for &(word, place, reason) in WORDS {
        let text = if place == Place::Anywhere { &file.text } else { &code };
        for (i, line) in text.lines().enumerate() {
            if (place != Place::Tests || is_test(i)) && stands_in(line, word) {
                findings.push(Finding::line(&file.path, i, format!("`{word}` {reason}")));
            }
        }
    }
    findings
}

fn stands_in(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| !line[..at].ends_with(is_word))
}

#[cfg(test)]
mod tests {
    use super::super::finding::{file, shown};
    use super::*;

    #[test]
    fn every_word_is_found_where_it_is_forbidden() {
        for &(word, place, _) in WORDS {
            let (path, text) = match place {
                Place::Anywhere => ("README.md", format!("See {word} here.")),
                Place::Code => ("a/src/b.rs", format!("fn a() {{\n    {word} }}")),
                Place::Tests => ("a/tests/b.rs", format!("    thread::{word})")),
            };
            let found = shown(&check(&[file(path, &text)]));
            assert_eq!(found.len(), 1, "{word}: {found:?}");
        }
    }

    #[test]
    fn words_are_left_alone_elsewhere() {
        let comment =
            "//! Says `todo!()`.\nfn no_sleep() {\n    sleep(x);\n    let a = \"todo!\";\n}\n";
        assert!(check(&[file("a/src/b.rs", comment)]).is_empty());
        let relative = concat!("See crates/store/src/roo", "t/tests.rs");
        assert!(check(&[file("a.md", relative)]).is_empty());
    }

    #[test]
    fn tests_inside_a_file_do_not_sleep_either() {
        let text = "fn a() {\n    sleep(x);\n}\n#[cfg(test)]\nmod tests {\n    sleep(x);\n}\n";
        assert_eq!(
            shown(&check(&[file("a/src/b.rs", text)])),
            ["a/src/b.rs:6: `sleep(` waits for a time in a test; wait for the event"]
        );
    }
}
