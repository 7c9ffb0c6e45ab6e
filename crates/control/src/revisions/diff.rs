//! `revisions diff`: what differs between two revisions, out of their records and their bundles.

mod parts;

use std::collections::BTreeMap;

use deploy_spec::{BundleManifest, Digest, Fault, Revision};
use serde::Serialize;
use serde_json::Value;

use super::list::{RevisionSummary, summary};
use crate::handle::{Handle, resolve_revision};
use crate::view::View;

/// What the bundle of a revision holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Contents {
    /// What it says of itself.
    pub manifest: BundleManifest,
    /// Its files and links.
    pub files: Vec<FileFound>,
}

/// A file or a link in a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileFound {
    /// A file.
    File {
        /// Where it is.
        path: String,
        /// How long it is, in bytes.
        size_bytes: u64,
        /// Of what is in it.
        digest: Digest,
        /// Whether it may be executed.
        executable: bool,
    },
    /// A link.
    Link {
        /// Where it is.
        path: String,
        /// What it points at, as it was written.
        target: String,
    },
}

/// How something differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// Only the second has it.
    Added,
    /// Only the first has it.
    Removed,
    /// Both have it, and not the same.
    Changed,
}

/// One thing that differs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// What.
    pub name: String,
    /// How.
    pub change: How,
    /// What the first has; null when it has none.
    pub from: Value,
    /// What the second has; null when it has none.
    pub to: Value,
}

/// How much of one part differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PartSummary {
    /// The field that lists it.
    pub part: &'static str,
    /// How many there are in the second only.
    pub added: usize,
    /// How many there are in the first only.
    pub removed: usize,
    /// How many are not the same.
    pub changed: usize,
    /// How many of these are not listed: `--limit` lists more.
    pub not_shown: usize,
}

/// The result of `revisions diff`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RevisionsDiff {
    /// The first revision.
    pub from: RevisionSummary,
    /// The second.
    pub to: RevisionSummary,
    /// Whether both run the same, whatever else their records say.
    pub identical: bool,
    /// How much of each part differs.
    pub summary: Vec<PartSummary>,
    /// What the records say of the whole: version, digests, signature, engine, readiness, drain.
    pub revision: Vec<Difference>,
    /// The packs, by name.
    pub packs: Vec<Difference>,
    /// What the bundles ask for: secrets, hosts to call, memory and time.
    pub permissions: Vec<Difference>,
    /// The configuration, by name; never a secret.
    pub config: Vec<Difference>,
    /// The versions of secrets that are pinned; never a value.
    pub secrets: Vec<Difference>,
    /// The files in the bundles, by path.
    pub files: Vec<Difference>,
}

/// The two revisions that are meant.
///
/// # Errors
/// As [`resolve_revision`].
pub fn pair(
    view: &dyn View,
    deployment: Option<&Handle>,
    [from, to]: [&Handle; 2],
) -> Result<[(RevisionSummary, Revision); 2], Fault> {
    let one = |handle: &Handle| -> Result<_, Fault> {
        let (record, revision) = resolve_revision(view, deployment, handle)?;
        Ok((summary(&record, revision.clone()), revision))
    };
    Ok([one(from)?, one(to)?])
}

/// What differs between two revisions whose bundles hold `contents`; at most `limit` of each part
/// are listed.
#[must_use]
pub fn diff(
    [from, to]: [(RevisionSummary, Revision); 2],
    contents: &[Contents; 2],
    limit: usize,
) -> RevisionsDiff {
    let (a, b) = ((&from.1, &contents[0]), (&to.1, &contents[1]));
    let mut summary = Vec::new();
    let mut part = |name, of: fn(&Revision, &Contents) -> Named| {
        let (counted, listed) = differences(name, of(a.0, a.1), of(b.0, b.1), limit);
        summary.push(counted);
        listed
    };
    let revision = part("revision", parts::revision);
    let packs = part("packs", parts::packs);
    let permissions = part("permissions", parts::permissions);
    let config = part("config", parts::config);
    let secrets = part("secrets", parts::secrets);
    let files = part("files", parts::files);
    let runs = summary.iter().map(|part| part.added + part.removed + part.changed);
    RevisionsDiff {
        identical: runs.sum::<usize>() == 0,
        from: from.0,
        to: to.0,
        summary,
        revision,
        packs,
        permissions,
        config,
        secrets,
        files,
    }
}

/// The things of one part, by name.
type Named = BTreeMap<String, Value>;

fn differences(
    part: &'static str,
    mut from: Named,
    to: Named,
    limit: usize,
) -> (PartSummary, Vec<Difference>) {
    let mut all = Vec::new();
    for (name, to) in to {
        match from.remove(&name) {
            Some(from) if from == to => {}
            Some(from) => all.push(Difference { name, change: How::Changed, from, to }),
            None => all.push(Difference { name, change: How::Added, from: Value::Null, to }),
        }
    }
    let removed = |(name, from)| Difference { name, change: How::Removed, from, to: Value::Null };
    all.extend(from.into_iter().map(removed));
    all.sort_by(|a, b| a.name.cmp(&b.name));
    let count = |how| all.iter().filter(|one| one.change == how).count();
    let summary = PartSummary {
        part,
        added: count(How::Added),
        removed: count(How::Removed),
        changed: count(How::Changed),
        not_shown: all.len().saturating_sub(limit),
    };
    all.truncate(limit);
    (summary, all)
}
