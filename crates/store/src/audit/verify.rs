//! Proving that the audit log is what was written.

use std::io;

use deploy_spec::{AuditEvent, Digest, Fault, Timestamp, document};
use serde::Serialize;

use crate::audit::files::{self, Rotated};
use crate::audit::head::{self, HEAD, Head, PRUNED, Pruned};
use crate::corrupt::io_fault;
use crate::disk::LockMode;
use crate::layout::AUDIT;
use crate::root::EnvironmentStore;

/// What is wrong with the log, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditProblem {
    /// The file, relative to the environment's folder.
    pub file: String,
    /// The line in the file, from 1; none when it is about the file.
    pub line: Option<u64>,
    /// What, in one sentence.
    pub why: String,
}

/// What a check of the whole log has found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct AuditReport {
    /// How many lines there are.
    pub lines: u64,
    /// How many older lines were pruned; the check begins behind them.
    pub pruned_lines: u64,
    /// How many files there are.
    pub files: u64,
    /// When the first line was written.
    pub first: Option<Timestamp>,
    /// When the last line was written.
    pub last: Option<Timestamp>,
    /// How many lines stand behind the anchor: written just before a crash.
    pub unanchored_lines: u64,
    /// How many bytes of a line stand at the end that a crash cut off; the next writer removes them.
    pub torn_bytes: u64,
    /// What is wrong; the log is whole when this is empty.
    pub problems: Vec<AuditProblem>,
}

impl EnvironmentStore {
    /// Checks every line of the audit log: that none was changed, removed, inserted or moved, that
    /// no full file is gone and that the end was not cut off. Writers wait only while the newest
    /// file is read.
    ///
    /// # Errors
    /// `not-found` when there is no such environment; `unavailable` when the log cannot be read.
    pub fn audit_verify(&self) -> Result<AuditReport, Fault> {
        self.must_exist()?;
        self.verified().map_err(|error| io_fault(&self.id, "reading", AUDIT, &error))?
    }

    fn verified(&self) -> io::Result<Result<AuditReport, Fault>> {
        let disk = &*self.disk;
        let guard = match self.lock(LockMode::Shared) {
            Ok(guard) => guard,
            Err(fault) => return Ok(Err(fault)),
        };
        let head = head::read::<Head>(disk, HEAD)?;
        let pruned = head::read::<Pruned>(disk, PRUNED)?;
        let full = files::rotated(disk)?;
        let is_half_rotated = files::is_half_rotated(disk, &full)?;
        let newest = disk.read(AUDIT)?.filter(|_| !is_half_rotated);
        drop(guard);
        let mut check = Check::new(head, pruned);
        for Rotated { first, path } in full {
            if check.begins(&path, first) {
                match disk.read(&path)? {
                    Some(text) => check.file(&path, &text),
                    None => check.problem(&path, None, "it was removed during this check"),
                }
            }
        }
        if let Some(text) = newest {
            let whole = whole(&text);
            check.file(AUDIT, &text[..whole]);
            check.report.torn_bytes = (text.len() - whole) as u64;
        }
        Ok(Ok(check.end()))
    }
}

/// The length of the text without the torn line that a loss of power may have left at its end,
/// perhaps with blocks that were never written; those read as zeros, which JSON has none of.
fn whole(text: &[u8]) -> usize {
    let newline = |text: &[u8]| text.iter().rposition(|&b| b == b'\n');
    let end = newline(text).map_or(0, |i| i + 1);
    let start = newline(&text[..end.saturating_sub(1)]).map_or(0, |i| i + 1);
    if text[start..end].contains(&0) { start } else { end }
}

/// A check under way.
struct Check {
    head: Option<Head>,
    /// The number of the line that was seen last.
    number: u64,
    last: Option<Digest>,
    /// The hash of the line that the anchor is about.
    anchored: Option<Digest>,
    report: AuditReport,
}

impl Check {
    fn new(head: Option<Head>, pruned: Option<Pruned>) -> Self {
        let (number, last) = pruned.map_or((0, None), |pruned| (pruned.count, Some(pruned.hash)));
        let report = AuditReport { pruned_lines: number, ..AuditReport::default() };
        let anchored = head.as_ref().filter(|head| head.count == number).and(last.clone());
        Self { head, number, last, anchored, report }
    }

    fn problem(&mut self, file: &str, line: Option<u64>, why: impl Into<String>) {
        self.report.problems.push(AuditProblem { file: file.into(), line, why: why.into() });
    }

    /// Whether a full file is to be read; false when all of it was pruned and only its name is
    /// left, after a crash.
    fn begins(&mut self, path: &str, first: u64) -> bool {
        if first <= self.report.pruned_lines {
            return false;
        }
        let wanted = self.number + 1;
        if first > wanted {
            let why = format!("lines {wanted} to {} were removed before this file", first - 1);
            self.problem(path, None, why);
        } else if first < wanted {
            self.problem(path, None, format!("it should begin with line {wanted}, not {first}"));
        }
        self.number = first - 1;
        true
    }

    fn file(&mut self, path: &str, text: &[u8]) {
        self.report.files += 1;
        for (i, line) in files::lines(text).enumerate() {
            self.line(path, i as u64 + 1, line);
        }
        if text.last().is_some_and(|&last| last != b'\n') {
            self.problem(path, None, "it ends in the middle of a line");
        }
    }

    fn line(&mut self, path: &str, at: u64, line: &[u8]) {
        self.number += 1;
        self.report.lines += 1;
        let event = match document::from_json::<AuditEvent>(line) {
            Ok(event) => event,
            Err(why) => {
                let why = format!("it is no audit event: {}", why.message);
                return self.problem(path, Some(at), why);
            }
        };
        if event.hash.as_ref() != Some(&event.expected_hash()) || document::to_line(&event) != line
        {
            self.problem(path, Some(at), "it was changed: its hash is that of another line");
        }
        if event.prev_hash != self.last {
            let why =
                "it does not follow the line before it: lines were removed, inserted or moved";
            self.problem(path, Some(at), why);
        }
        self.last.clone_from(&event.hash);
        if self.head.as_ref().is_some_and(|head| head.count == self.number) {
            self.anchored.clone_from(&event.hash);
        }
        self.report.first.get_or_insert(event.ts);
        self.report.last = Some(event.ts);
    }

    fn end(mut self) -> AuditReport {
        match self.head.take() {
            None if self.number == 0 => {}
            None => {
                let why =
                    "it is gone or spoiled: whether the end of the log was cut off cannot be told";
                self.problem(HEAD, None, why);
            }
            Some(head) if head.count > self.number => {
                let missing = head.count - self.number;
                let why = format!("{missing} line(s) were removed from the end of the log");
                self.problem(AUDIT, None, why);
            }
            Some(head) => {
                self.report.unanchored_lines = self.number - head.count;
                if self.anchored != head.hash {
                    let why = format!("line {} of the log is not the one it was", head.count);
                    self.problem(HEAD, None, why);
                }
            }
        }
        self.report
    }
}
