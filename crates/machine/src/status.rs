//! What is described, what was last applied, and what is.

use deploy_spec::{Fault, Timestamp};
use serde::Serialize;
use single_vm::spec::{DeploymentName, MachinePath};
use single_vm::{Actual, Desired, Drift, Id, drift, drift_text, plan};

use crate::machine::Machine;
use crate::plan;

/// How long before its end a certificate is told of, in seconds: 30 days, when `apply` makes it anew.
const SOON: i64 = 30 * 86_400;

/// Where a deployment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Nothing of it is on the machine.
    Absent,
    /// Something was begun and not finished: the next `apply` goes on from there.
    Unfinished,
    /// It was applied, and all is as it was made.
    Applied,
    /// It was applied, and something is not as it was made.
    Drifted,
}

/// A certificate of the deployment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CertificateStatus {
    /// Its directory.
    pub path: MachinePath,
    /// When it ends; null when it cannot be read.
    pub not_after: Option<Timestamp>,
    /// Whether it ends within 30 days, or cannot be read: `apply` makes it anew.
    pub is_due: bool,
}

/// What is described, recorded and actual.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Status {
    /// Of which deployment.
    pub name: DeploymentName,
    /// Where it stands.
    pub state: State,
    /// Whether it answers that it is healthy.
    pub healthy: bool,
    /// Why it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// What is not as it was made, field by field.
    pub drift: Vec<Drift>,
    /// How many steps lead to what is described; none without a description.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps: Option<usize>,
    /// Its certificates.
    pub certificates: Vec<CertificateStatus>,
}

impl Status {
    /// The drift as people read it; empty without any.
    #[must_use]
    pub fn drift_text(&self) -> String {
        drift_text(&self.drift)
    }

    /// Fails with exit code 7 unless all is well.
    ///
    /// # Errors
    /// `unhealthy` when it is not healthy or not as it was made.
    pub fn check(&self) -> Result<(), Fault> {
        if self.state == State::Applied && self.healthy {
            return Ok(());
        }
        let why = match (&self.problem, self.state) {
            (Some(problem), _) => problem.clone(),
            (None, State::Drifted) => "it is not as it was made".into(),
            (None, _) => "it was not applied to the end".into(),
        };
        Err(Fault::unhealthy(format!("`{}` on this machine: {why}", self.name))
            .hint("gtc single-vm apply mends it"))
    }
}

/// What became of `name`, at `now`, beside what `desired` describes. Nothing is touched.
///
/// # Errors
/// `unavailable` when the machine cannot be read.
pub fn status(
    machine: &dyn Machine,
    name: &DeploymentName,
    desired: Option<&Desired>,
    now: Timestamp,
) -> Result<Status, Fault> {
    let found = plan::find(machine, name, desired)?;
    let applied = found.recorded.applied.as_ref();
    let drift = applied.map(|it| drift(it, &found.observed, &found.recorded)).unwrap_or_default();
    let noted = applied.is_some_and(|it| {
        found.recorded.entries.iter().all(|(id, entry)| {
            let of_it = it.resources.iter().find(|resource| resource.id() == *id);
            of_it.is_none_or(|of_it| is_unit(id) || *of_it == entry.resource)
        })
    });
    let state = match (applied, drift.is_empty()) {
        (None, _) if found.recorded.is_empty() => State::Absent,
        (None, _) => State::Unfinished,
        (Some(_), _) if !noted => State::Unfinished,
        (Some(_), true) => State::Applied,
        (Some(_), false) => State::Drifted,
    };
    let problem = match applied {
        Some(applied) => machine.probe(applied).err().map(|fault| fault.message),
        None => Some("nothing was applied".into()),
    };
    // What others made is no reason not to show the rest.
    let steps = desired.and_then(|it| plan(it, &found.observed, &found.recorded).ok());
    Ok(Status {
        name: name.clone(),
        state,
        healthy: problem.is_none(),
        problem,
        drift,
        steps: steps.map(|plan| plan.steps.len()),
        certificates: certificates(&found.observed.resources, now),
    })
}

const fn is_unit(id: &Id) -> bool {
    matches!(id, Id::Unit(_) | Id::Serving(_))
}

fn certificates<'a>(
    resources: impl IntoIterator<Item = (&'a Id, &'a Actual)>,
    now: Timestamp,
) -> Vec<CertificateStatus> {
    let all = resources.into_iter().filter_map(|(id, actual)| match (id, actual) {
        (Id::Certificate(path), Actual::Certificate { not_after, .. }) => {
            let ends = |at: Timestamp| at.as_second() - now.as_second() < SOON;
            let is_due = not_after.is_none_or(ends);
            Some(CertificateStatus { path: path.clone(), not_after: *not_after, is_due })
        }
        _ => None,
    });
    all.collect()
}
