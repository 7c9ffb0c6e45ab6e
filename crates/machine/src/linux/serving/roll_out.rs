//! A bundle takes over from the one that served, and what served is drained to its end.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use deploy_spec::{Digest, Fault};
use single_vm::spec::Strategy;

use super::super::patience::look_until;
use super::{COMMAND, Revision, Service, secrets};

/// Which bundle takes over, and how.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct RollOut<'a> {
    pub(in super::super) unit: &'a str,
    pub(in super::super) bundle: &'a Digest,
    /// Where the bundle is.
    pub(in super::super) file: &'a Path,
    pub(in super::super) strategy: Strategy,
    /// What it may need to become ready.
    pub(in super::super) secrets: &'a BTreeMap<String, PathBuf>,
}

/// Lets a bundle take all requests. Blue-green shifts them once it is proven; recreate ends what
/// served before it begins. One that was proven before is only shifted to, so that the way back
/// needs nothing but itself.
pub(in super::super) fn roll_out(what: &RollOut<'_>) -> Result<(), Fault> {
    let RollOut { unit, bundle, file, .. } = *what;
    secrets::store(unit, what.secrets)?;
    let service = Service::running(unit)?;
    if what.strategy == Strategy::Recreate {
        end_before(&service, bundle, file)?;
    }
    let revisions = service.revisions()?;
    let is_proven = |it: &&Revision| it.bundle_digest == *bundle && it.lifecycle == "ready";
    match revisions.iter().rev().find(is_proven) {
        Some(it) => {
            let share = format!("{}=100", it.revision_id);
            let to = ["--deployment", &it.deployment_id];
            service.gtc(&[&["op", "traffic", "set", "local", &share], &to[..]].concat())?;
        }
        None => {
            service.gtc(&["deploy", &file.to_string_lossy(), "--to", "100"])?;
        }
    }
    drain_others(&service, bundle)
}

/// Takes the traffic from the other revisions of the bundle's deployment, and drains them.
fn end_before(service: &Service, bundle: &Digest, file: &Path) -> Result<(), Fault> {
    let about = service.gtc(&["bundle", "inspect", &file.to_string_lossy()])?;
    let name = about["bundle_id"].as_str().unwrap_or_default();
    let revisions = service.revisions()?;
    let served =
        |it: &&Revision| it.bundle_id == name && it.weight_bps > 0 && it.bundle_digest != *bundle;
    let Some(served) = revisions.iter().find(served) else { return Ok(()) };
    let deployment = served.deployment_id.as_str();
    service.gtc(&["op", "traffic", "clear", "local", "--deployment", deployment])?;
    match drain(service, deployment, |it| it.bundle_digest != *bundle)? {
        None => Ok(()),
        Some(left) => {
            Err(Fault::unavailable(format!("revision {left} still drains after {COMMAND} s"))
                .hint("gtc single-vm apply goes on from there"))
        }
    }
}

/// Drains what has no traffic any more beside the revision that has all of it.
fn drain_others(service: &Service, bundle: &Digest) -> Result<(), Fault> {
    let revisions = service.revisions()?;
    let serves = |it: &&Revision| it.weight_bps > 0 && it.bundle_digest == *bundle;
    let Some(serving) = revisions.iter().find(serves) else { return Ok(()) };
    // A stream that may last longer than we wait is in nobody's way.
    drain(service, &serving.deployment_id, |it| it.weight_bps == 0).map(drop)
}

/// Drains the ready revisions of a deployment that `is_over` picks, and waits until nobody is left
/// with one. Which one still drains when that takes too long.
fn drain(
    service: &Service,
    deployment: &str,
    is_over: impl Fn(&Revision) -> bool,
) -> Result<Option<String>, Fault> {
    let ours = |it: &&Revision| it.deployment_id == deployment && is_over(it);
    for it in service.revisions()?.iter().filter(ours).filter(|it| it.lifecycle == "ready") {
        let whose = ["--deployment", deployment];
        service
            .gtc(&[&["op", "revisions", "drain", "local", &it.revision_id], &whose[..]].concat())?;
    }
    let mut left = None;
    look_until(Duration::from_secs(COMMAND.into()), || {
        let revisions = service.revisions()?;
        let mut ours = revisions.iter().filter(ours);
        left = ours.find(|it| it.lifecycle == "draining").map(|it| it.revision_id.clone());
        Ok(left.is_none())
    })?;
    Ok(left)
}
