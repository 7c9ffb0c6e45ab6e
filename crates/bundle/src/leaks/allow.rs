//! `.gtbundle-allow.yaml`: what looks like a secret and may stay, each with its reason.

use ::scan::Rules;
use deploy_spec::{Fault, document};
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use serde::Deserialize;

use super::places::KEPT_OUT;

/// The file's name, at the root of a bundle or folder.
pub(crate) const NAME: &str = ".gtbundle-allow.yaml";
/// Bytes of the file, at most.
pub(super) const MOST_BYTES: u64 = 1 << 20;

#[derive(Debug, Deserialize)]
enum Schema {
    #[serde(rename = "greentic.bundle-allow.v1")]
    V1,
}

/// The file as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[expect(dead_code, reason = "that it can be read is all there is to it")]
    schema: Schema,
    allow: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    /// Which files, as in a `.gitignore`.
    path: String,
    /// Which rule.
    rule: String,
    /// Why that is no leak.
    reason: String,
}

/// What may stay.
#[derive(Debug, Default)]
pub(super) struct AllowList(Vec<(Gitignore, Entry)>);

impl AllowList {
    /// Reads the file's text.
    ///
    /// # Errors
    /// `invalid-input`, with the pointer of what is wrong.
    pub(super) fn parse(text: &[u8]) -> Result<Self, Fault> {
        let value: serde_json::Value = serde_saphyr::from_slice(text).map_err(|error| {
            let why = error.without_snippet().to_string();
            mend(Fault::invalid(format!("{NAME} is not YAML that can be read: {why}")))
        })?;
        let document: Document = document::from_value(value).map_err(mend)?;
        let entries = document.allow.into_iter().enumerate();
        entries.map(|(i, entry)| Self::entry(i, entry)).collect::<Result<_, _>>().map(Self)
    }

    fn entry(i: usize, entry: Entry) -> Result<(Gitignore, Entry), Fault> {
        let wrong =
            |field: &str, why: String| mend(Fault::invalid(why).at(format!("/allow/{i}/{field}")));
        if entry.reason.trim().is_empty() {
            return Err(wrong("reason", format!("what is allowed in {NAME} needs a reason")));
        }
        if entry.rule != KEPT_OUT && Rules::standard().description(&entry.rule).is_none() {
            let rule = entry.rule.escape_debug();
            return Err(wrong("rule", format!("{NAME} names the rule `{rule}`, which is none")));
        }
        let mut builder = GitignoreBuilder::new("");
        let pattern = builder.add_line(None, &entry.path).and_then(|builder| builder.build());
        match pattern {
            Ok(pattern) if pattern.num_ignores() == 1 => Ok((pattern, entry)),
            Ok(_) => Err(wrong("path", format!("{NAME} has an entry that names no file"))),
            Err(why) => Err(wrong("path", format!("{NAME} has a path that is no pattern: {why}"))),
        }
    }

    /// The refusal of an allow-list that is no file, or too large a one.
    pub(super) fn unfit() -> Fault {
        mend(Fault::invalid(format!("`{NAME}` is not a file of at most {MOST_BYTES} bytes")))
    }

    /// Why a finding of `rule` in the file `path` may stay.
    pub(super) fn reason(&self, path: &str, rule: &str) -> Option<&str> {
        let covers = |(pattern, entry): &&(Gitignore, Entry)| {
            entry.rule == rule && pattern.matched_path_or_any_parents(path, false).is_ignore()
        };
        self.0.iter().find(covers).map(|(_, entry)| entry.reason.as_str())
    }
}

fn mend(mut fault: Fault) -> Fault {
    fault.hint = Some(format!("mend {NAME}: each entry has `path`, `rule` and `reason`"));
    fault
}
