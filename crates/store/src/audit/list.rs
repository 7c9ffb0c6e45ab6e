//! Asking the audit log.

use std::io;
use std::str::FromStr;

use deploy_spec::{AuditEvent, AuditResult, Fault, Kind, Timestamp, document};
use serde::Serialize;

use crate::audit::files::{self, Backward};
use crate::corrupt::io_fault;
use crate::disk::{Disk, LockMode};
use crate::layout::AUDIT;
use crate::root::EnvironmentStore;

/// Which end of the log comes first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AuditOrder {
    /// What was written last. Reads no more than it needs, however long the log is.
    #[default]
    NewestFirst,
    /// What was written first.
    OldestFirst,
}

/// How an event ended, as it is asked for: `ok`, `error`, or the name of a [`Kind`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditOutcome {
    /// It was done.
    Ok,
    /// It was not, for whatever reason.
    Error,
    /// It was not, for this sort of reason.
    Kind(Kind),
}

impl FromStr for AuditOutcome {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "ok" => Ok(Self::Ok),
            "error" => Ok(Self::Error),
            _ => Kind::ALL.into_iter().find(|kind| kind.name() == text).map(Self::Kind).ok_or_else(
                || {
                    format!(
                        "{} is no outcome: ok, error, refused, conflict …",
                        document::shown(text)
                    )
                },
            ),
        }
    }
}

/// Which events are wanted; what is none does not matter.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// Not before this instant.
    pub since: Option<Timestamp>,
    /// Before this instant.
    pub until: Option<Timestamp>,
    /// The noun of the command.
    pub noun: Option<String>,
    /// The verb of the command.
    pub verb: Option<String>,
    /// The account of who did it.
    pub actor: Option<String>,
    /// The id of what it was done to.
    pub target: Option<String>,
    /// How it ended.
    pub outcome: Option<AuditOutcome>,
    /// How many at most.
    pub limit: Option<usize>,
    /// Which end comes first: the order of writing, whatever the clocks said.
    pub order: AuditOrder,
}

impl AuditFilter {
    fn wants(&self, event: &AuditEvent) -> bool {
        let is = |wanted: &Option<String>, found: &str| wanted.as_ref().is_none_or(|w| w == found);
        let target = event.target.as_deref().unwrap_or_default();
        let outcome = match (self.outcome, &event.result) {
            (None, _) | (Some(AuditOutcome::Ok), AuditResult::Ok) => true,
            (Some(AuditOutcome::Error), AuditResult::Error { .. }) => true,
            (Some(AuditOutcome::Kind(wanted)), AuditResult::Error { kind, .. }) => wanted == *kind,
            _ => false,
        };
        outcome
            && self.since.is_none_or(|since| event.ts >= since)
            && self.until.is_none_or(|until| event.ts < until)
            && is(&self.noun, &event.noun)
            && is(&self.verb, &event.verb)
            && is(&self.actor, &event.actor.user)
            && is(&self.target, target)
    }
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct AuditPage {
    /// The events, in the order that was asked for.
    pub events: Vec<AuditEvent>,
    /// How many lines on the way were no events; `audit verify` says which.
    pub unreadable: usize,
    /// Whether the limit was reached, so that there may be more.
    pub is_cut: bool,
}

impl AuditPage {
    /// Takes a line in; false when no more is wanted.
    fn take(&mut self, filter: &AuditFilter, line: &[u8]) -> bool {
        if filter.limit.is_some_and(|limit| self.events.len() >= limit) {
            self.is_cut = true;
            return false;
        }
        match document::from_json::<AuditEvent>(line) {
            Ok(event) if filter.wants(&event) => self.events.push(event),
            Ok(_) => {}
            Err(_) => self.unreadable += 1,
        }
        true
    }
}

impl EnvironmentStore {
    /// The events that `filter` wants. Writers wait only while the newest file is read.
    ///
    /// # Errors
    /// `not-found` when there is no such environment; `unavailable` when the log cannot be read.
    pub fn audit_list(&self, filter: &AuditFilter) -> Result<AuditPage, Fault> {
        self.must_exist()?;
        let guard = self.lock(LockMode::Shared)?;
        let disk = &*self.disk;
        let mut page = AuditPage::default();
        let list = || -> io::Result<()> {
            let mut full = files::rotated(disk)?;
            if files::is_half_rotated(disk, &full)? {
                full.pop();
            }
            match filter.order {
                AuditOrder::NewestFirst => {
                    let mut goes_on = backward(disk, AUDIT, filter, &mut page)?;
                    drop(guard);
                    for file in full.iter().rev() {
                        goes_on = goes_on && backward(disk, &file.path, filter, &mut page)?;
                    }
                }
                AuditOrder::OldestFirst => {
                    for path in full.iter().map(|file| file.path.as_str()).chain([AUDIT]) {
                        let text = disk.read(path)?.unwrap_or_default();
                        if !files::lines(&text).all(|line| page.take(filter, line)) {
                            break;
                        }
                    }
                    drop(guard);
                }
            }
            Ok(())
        };
        list().map_err(|error| io_fault(&self.id, "reading", AUDIT, &error))?;
        Ok(page)
    }
}

fn backward(
    disk: &dyn Disk,
    path: &str,
    filter: &AuditFilter,
    page: &mut AuditPage,
) -> io::Result<bool> {
    let mut lines = Backward::new(disk, path)?;
    while let Some(line) = lines.next_line()? {
        if !page.take(filter, &line) {
            return Ok(false);
        }
    }
    Ok(true)
}
