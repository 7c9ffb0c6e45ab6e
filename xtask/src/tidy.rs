//! The rules of the house that a compiler does not know. Each rule is a pure function over text
//! and manifests, in its own file, with an example that it refuses.

mod code;
mod decisions;
mod dependencies;
mod finding;
mod fresh;
mod layers;
mod links;
mod manifests;
mod openings;
mod roots;
mod sizes;
mod verbs;
mod words;

use finding::Finding;

use crate::house::{File, House};

/// A rule: what it is called, and what it finds.
type Rule = (&'static str, fn(&House, &[File]) -> Vec<Finding>);

const RULES: &[Rule] = &[
    ("arrows point down", |house, _| layers::arrows(&house.members)),
    ("pure crates stay pure", |house, _| layers::pure(&house.members)),
    ("lints and versions come from the workspace", |_, files| manifests::check(files)),
    ("every dependency is explained", |house, files| dependencies::check(&house.members, files)),
    ("files stay small", |_, files| sizes::check(files)),
    ("a file says what it is for", |_, files| openings::check(files)),
    ("forbidden words", |_, files| words::check(files)),
    ("the root holds only what belongs there", |_, files| roots::check(files)),
    ("decisions are numbered", |_, files| decisions::check(files)),
    ("links lead somewhere", |_, files| links::check(files)),
    ("every verb's answers are described", |_, files| verbs::check(files)),
    ("generated files are fresh", |_, files| fresh::check(files)),
];

/// Applies every rule and shows what it finds.
///
/// # Errors
/// When a rule finds something.
pub(crate) fn run(house: &House) -> Result<(), String> {
    let files = house.files()?;
    let mut count = 0;
    for (rule, check) in RULES {
        let findings = check(house, &files);
        if !findings.is_empty() {
            println!("{rule}:");
        }
        for finding in &findings {
            println!("  {finding}");
        }
        count += findings.len();
    }
    println!("{}", sizes::report(&files));
    match count {
        0 => Ok(()),
        1 => Err("tidy: one finding".into()),
        count => Err(format!("tidy: {count} findings")),
    }
}
