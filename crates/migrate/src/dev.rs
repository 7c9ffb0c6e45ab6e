//! Finding the name `dev`, and rewriting it where that is safe.

mod document;
mod file;
mod json;
mod names;
mod place;
mod toml;
mod tree;
mod walk;
mod yaml;

use std::fs::Metadata;
use std::path::{Path, PathBuf};

use control::env::{DevAction, DevFinding, DevUse};
use deploy_spec::EnvironmentId;

use document::{Format, Use};
use file::Content;
use walk::{Into, Met};

/// Where to look, and what the name becomes.
#[derive(Debug, Clone)]
pub struct Search {
    /// The folders, each looked at with everything below it; absent ones hold nothing.
    pub roots: Vec<PathBuf>,
    /// The folder of environments, whose records are never looked into.
    pub store_root: PathBuf,
    /// What `dev` becomes.
    pub to: EnvironmentId,
    /// How much is looked at.
    pub bounds: Bounds,
}

/// How much is looked at; what lies beyond is a finding of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// How many bytes a file may have.
    pub file_bytes: u64,
    /// How many files and folders there may be.
    pub entries: usize,
    /// How many folders may lie within one another.
    pub depth: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { file_bytes: 4 * 1024 * 1024, entries: 100_000, depth: 32 }
    }
}

/// What was done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Migrated {
    /// Where the name was rewritten.
    pub rewritten: Vec<DevFinding>,
    /// Where it stays; with any of these the caller leaves the alias.
    pub left: Vec<DevFinding>,
}

/// Every use of the name, in order of path and line; nothing is changed.
#[must_use]
pub fn find(search: &Search) -> Vec<DevFinding> {
    let mut findings = Vec::new();
    each(search, &mut |examined| findings.extend(examined.findings));
    findings.sort();
    findings
}

/// Rewrites the name where that is safe: one file after the other, each whole or not at all, so that
/// whoever is interrupted begins again and goes on.
#[must_use]
pub fn migrate(search: &Search) -> Migrated {
    let mut findings = Vec::new();
    each(search, &mut |mut examined| {
        if let Some(Replacement { path, before, text }) = &examined.replacement
            && let Err(error) = file::replace(path, before, text)
        {
            for finding in &mut examined.findings {
                finding.action = DevAction::Leave;
                finding.detail = format!("the file cannot be replaced: {error}");
            }
        }
        findings.extend(examined.findings);
    });
    findings.sort();
    let (rewritten, left) =
        findings.into_iter().partition(|finding| finding.action == DevAction::Rewrite);
    Migrated { rewritten, left }
}

/// What is known of one file or folder.
#[derive(Default)]
struct Examined {
    findings: Vec<DevFinding>,
    replacement: Option<Replacement>,
}

/// A file that says `local` instead.
struct Replacement {
    path: PathBuf,
    before: Metadata,
    text: String,
}

fn each(search: &Search, take: &mut dyn FnMut(Examined)) {
    let own = search.store_root.join(names::DEV);
    if own.symlink_metadata().is_ok() {
        take(left(
            &own,
            DevUse::Environment,
            "it is an environment, and the name goes on meaning it",
        ));
    }
    walk::walk(search, &mut |met| {
        match met {
            Met::File(path, meta) => take(examine(search, path, meta)),
            Met::Folder(path) => {
                if let Some(why) = place::folder_use(path) {
                    take(left(path, DevUse::Folder, why));
                    return Into::PassBy;
                }
            }
            Met::Unseen(path, why) => take(left(path, DevUse::Unknown, why)),
        }
        Into::Enter
    });
}

fn examine(search: &Search, path: &Path, meta: &Metadata) -> Examined {
    if file::is_draft(path) {
        return Examined::default();
    }
    if place::is_secret_store(path) {
        let why = "it holds secrets under that name; put them anew with `gtc op secrets put`";
        return left(path, DevUse::SecretStore, why);
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let text = match file::read(path, search.bounds.file_bytes) {
        Ok(Content::Text(text)) => text,
        Ok(Content::Binary) => return Examined::default(),
        Ok(Content::TooLarge) => {
            let why = format!("has more than {} bytes", search.bounds.file_bytes);
            return left(path, DevUse::Unknown, why);
        }
        Err(error) => return left(path, DevUse::Unknown, format!("cannot be read: {error}")),
    };
    // Most files are about something else, and reading them as documents is what takes time.
    if !text.contains(names::DEV) && !text.contains("\\u") {
        return Examined::default();
    }
    let Some(format) = Format::of(&name) else { return lines(path, &text, None) };
    match document::examine(format, &text, search.to.as_str()) {
        Ok((uses, new)) => of_document(search, path, meta, &text, &uses, new),
        Err(why) => lines(path, &text, Some(&why)),
    }
}

fn of_document(
    search: &Search,
    path: &Path,
    meta: &Metadata,
    text: &str,
    uses: &[Use],
    new: Option<String>,
) -> Examined {
    let kept = place::why_fixed(path).or_else(|| file::why_kept(meta));
    let finding = |found: &Use| {
        let (action, detail) = match kept.or(found.why) {
            Some(why) => (DevAction::Leave, why.to_owned()),
            None => (DevAction::Rewrite, format!("`{}` becomes `{}`", names::DEV, search.to)),
        };
        let line = Some(line_at(text, found.span.start));
        DevFinding { path: shown(path), line, kind: found.kind, action, detail }
    };
    let findings = uses.iter().map(finding).collect();
    let replace = |text| Replacement { path: path.to_owned(), before: meta.clone(), text };
    Examined { findings, replacement: new.filter(|_| kept.is_none()).map(replace) }
}

/// The lines of a file that name it, when the file is no document that can be rewritten.
fn lines(path: &Path, text: &str, why: Option<&str>) -> Examined {
    let detail = why.map_or_else(
        || "the file is neither JSON, YAML nor TOML; change it by hand".to_owned(),
        |why| format!("the file {why}"),
    );
    let numbered = text.lines().zip(1..).filter(|(line, _)| names::line_names_dev(line));
    let finding = |(_, number)| DevFinding {
        path: shown(path),
        line: Some(number),
        kind: DevUse::Text,
        action: DevAction::Leave,
        detail: detail.clone(),
    };
    // A script that names it often is one thing to look at.
    Examined { findings: numbered.take(100).map(finding).collect(), replacement: None }
}

fn left(path: &Path, kind: DevUse, why: impl std::convert::Into<String>) -> Examined {
    let finding = DevFinding {
        path: shown(path),
        line: None,
        kind,
        action: DevAction::Leave,
        detail: why.into(),
    };
    Examined { findings: vec![finding], replacement: None }
}

fn line_at(text: &str, at: usize) -> u64 {
    1 + text[..at].bytes().map(|byte| u64::from(byte == b'\n')).sum::<u64>()
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
