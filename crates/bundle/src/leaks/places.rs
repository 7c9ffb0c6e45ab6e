//! Walking what is scanned, and keeping what was found.

use std::collections::HashMap;
use std::io::{self, Read};
use std::path::Path;

use ::scan::{Rules, Stream};
use deploy_spec::Fault;

use super::allow::{self, AllowList};
use super::look::{Looked, look};
use super::{Allowed, Finding, NotLookedInto, Place, Scan, ScanKind};
use crate::build::leak;
use crate::entry::Entry;
use crate::image::io_fault;

/// The rule of files that are a leak by their name, such as `.env`.
pub(super) const KEPT_OUT: &str = "kept-out-file";
/// Findings that are kept; who has more has seen enough.
const MOST: usize = 1_000;
const VERSION_CONTROL: &[&str] = &[".git", ".hg", ".svn", ".jj"];

/// What was found so far.
pub(super) struct Found {
    allow: AllowList,
    files: usize,
    bytes: u64,
    findings: Vec<Finding>,
    allowed: Vec<Allowed>,
    not_looked_into: Vec<NotLookedInto>,
    /// Every secret in names and contents, allowed or not: the archive's bytes may hold it again.
    secrets: Vec<::scan::Finding>,
    /// Names with a secret in them, and what is shown instead.
    masked: HashMap<String, String>,
}

impl Found {
    pub(super) fn new(allow: AllowList) -> Self {
        Self {
            allow,
            files: 0,
            bytes: 0,
            findings: Vec::new(),
            allowed: Vec::new(),
            not_looked_into: Vec::new(),
            secrets: Vec::new(),
            masked: HashMap::new(),
        }
    }

    /// Looks at the names of an archive's entries, and at what its links point at.
    pub(super) fn names(&mut self, entries: &[Entry]) {
        for entry in entries {
            self.name(&entry.path, entry.target.as_deref());
        }
    }

    fn name(&mut self, path: &str, target: Option<&str>) {
        for text in [Some(path), target].into_iter().flatten() {
            let mut stream = Stream::new(Rules::standard(), path);
            stream.push(text.as_bytes());
            for finding in stream.finish() {
                if text == path {
                    let kept = usize::try_from(finding.offset).unwrap_or(0);
                    let kept = path.get(..kept).unwrap_or_default();
                    self.masked.entry(path.to_owned()).or_insert_with(|| format!("{kept}…"));
                }
                self.add(path, Place::Name, finding);
            }
        }
        let name = path.rsplit('/').next().unwrap_or(path);
        // A folder of that kind is told once, not again for each file in it.
        let parent = path.strip_suffix(name).and_then(|parent| parent.strip_suffix('/'));
        if let Some(reason) = leak(path).filter(|_| parent.is_none_or(|p| leak(p).is_none())) {
            self.decide(path, kept_out(path.to_owned(), reason));
        }
    }

    /// Looks through one file of `len` bytes.
    pub(super) fn file(&mut self, path: &str, len: u64, from: &mut dyn Read) -> io::Result<()> {
        self.looked(path, look(path, len, from)?);
        Ok(())
    }

    /// Takes what was found in one file, and in what is packed in it.
    pub(super) fn looked(&mut self, path: &str, looked: Looked) {
        self.files += 1;
        self.bytes += looked.bytes;
        looked.findings.into_iter().for_each(|(place, found)| self.add(path, place, found));
        looked
            .kept_out
            .into_iter()
            .for_each(|(inner, why)| self.decide(path, kept_out(inner, why)));
        let room = MOST.saturating_sub(self.not_looked_into.len());
        self.not_looked_into.extend(looked.not_looked_into.into_iter().take(room));
    }

    /// Takes what was found in the archive's own bytes: what no entry shows.
    pub(super) fn raw(&mut self, findings: Vec<(Place, ::scan::Finding)>) {
        for (place, finding) in findings {
            if !self.secrets.iter().any(|known| known.is_same_secret(&finding)) {
                let path = finding.path.clone();
                self.add(&path, place, finding);
            }
        }
    }

    /// Takes what was found in `file`, or in what is packed in that.
    fn add(&mut self, file: &str, place: Place, finding: ::scan::Finding) {
        if self.secrets.len() < MOST {
            self.secrets.push(finding.clone());
        }
        self.decide(
            file,
            Finding {
                path: finding.path,
                place,
                offset: (place != Place::Name).then_some(finding.offset),
                line: finding.line.filter(|_| place != Place::Name),
                rule: finding.rule,
                description: finding.description,
            },
        );
    }

    fn decide(&mut self, file: &str, mut finding: Finding) {
        if self.findings.len() + self.allowed.len() >= MOST {
            return;
        }
        let allowed = |path: &str| self.allow.reason(path, &finding.rule);
        let reason = allowed(&finding.path).or_else(|| allowed(file)).map(str::to_owned);
        if let (Some(masked), Some(inner)) =
            (self.masked.get(file), finding.path.strip_prefix(file))
        {
            finding.path = format!("{masked}{inner}");
        }
        match reason {
            Some(reason) => self.allowed.push(Allowed { finding, reason }),
            None => self.findings.push(finding),
        }
    }

    pub(super) fn finish(mut self, path: &Path, kind: ScanKind) -> Scan {
        self.findings
            .sort_by(|a, b| (&a.path, a.place, a.offset).cmp(&(&b.path, b.place, b.offset)));
        Scan {
            path: path.display().to_string(),
            kind,
            files: self.files,
            bytes: self.bytes,
            findings: self.findings,
            allowed: self.allowed,
            not_looked_into: self.not_looked_into,
        }
    }
}

fn kept_out(path: String, reason: &str) -> Finding {
    Finding {
        path,
        place: Place::Name,
        offset: None,
        line: None,
        rule: KEPT_OUT.to_owned(),
        description: reason.to_owned(),
    }
}

/// Looks through everything below a folder but version control data. Links are not followed.
pub(super) fn folder(root: &Path) -> Result<Scan, Fault> {
    let failed = |place: &Path, error: &io::Error| io_fault("read", place, error);
    let place = root.join(allow::NAME);
    let allow = match std::fs::symlink_metadata(&place) {
        Ok(meta) if meta.is_file() && meta.len() <= allow::MOST_BYTES => {
            AllowList::parse(&std::fs::read(&place).map_err(|e| failed(&place, &e))?)?
        }
        Ok(_) => return Err(AllowList::unfit()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => AllowList::default(),
        Err(error) => return Err(failed(&place, &error)),
    };
    let mut found = Found::new(allow);
    let mut todo = vec![(String::new(), root.to_owned())];
    while let Some((folder, place)) = todo.pop() {
        let children = std::fs::read_dir(&place).map_err(|e| failed(&place, &e))?;
        for child in children {
            let child = child.map_err(|e| failed(&place, &e))?;
            let name = child.file_name().to_string_lossy().into_owned();
            let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
            let source = child.path();
            let kind = child.file_type().map_err(|e| failed(&source, &e))?;
            if VERSION_CONTROL.contains(&name.as_str()) {
                continue;
            }
            found.name(&path, None);
            if kind.is_dir() {
                todo.push((path, source));
            } else if kind.is_file() {
                let read = std::fs::File::open(&source).and_then(|mut file| {
                    let len = file.metadata()?.len();
                    found.file(&path, len, &mut file)
                });
                read.map_err(|e| failed(&source, &e))?;
            }
        }
    }
    Ok(found.finish(root, ScanKind::Folder))
}
