//! Whether records that come from outside could have been made by the verbs: the laws between
//! records, as far as they hold in every state.

use std::collections::{BTreeMap, BTreeSet};

use deploy_spec::{
    DeploymentId, DeploymentLifecycle, DeploymentRecord, EnvironmentId, Lifecycle, Revision,
    RevisionId, Secret,
};

use crate::problem::Problem;
use crate::record::{BundleMember, Key, Record, RevisionHome, RouteClaim};
use crate::roster::{self, RosterPage};

/// The records, by what the laws ask for.
struct Book<'a> {
    source: &'a EnvironmentId,
    records: &'a [Record],
    keys: BTreeSet<Key>,
    deployments: BTreeMap<DeploymentId, &'a DeploymentRecord>,
    revisions: BTreeMap<(DeploymentId, RevisionId), &'a Revision>,
    /// The oldest revision of each sequence.
    sequences: BTreeMap<(DeploymentId, u64), RevisionId>,
}

/// How records that are said to be all of environment `source` contradict themselves.
#[must_use]
pub fn contradictions(source: &EnvironmentId, records: &[Record]) -> Vec<Problem> {
    let revisions: BTreeMap<_, _> = records.iter().filter_map(revision).collect();
    let mut sequences = BTreeMap::new();
    for (&(of, id), revision) in &revisions {
        sequences.entry((of, revision.sequence)).or_insert(id);
    }
    let book = Book {
        source,
        records,
        keys: records.iter().map(Record::key).collect(),
        deployments: records.iter().filter_map(deployment).collect(),
        revisions,
        sequences,
    };
    let mut found = book.wholeness();
    for record in records {
        found.extend(match record {
            Record::Deployment(record) => {
                [book.claimed(record), book.split(record), book.named(record)].concat()
            }
            Record::Retired(record) => book.put_away(record),
            Record::Revision(revision) => book.revision(revision),
            other => book.pointer(other).into_iter().collect(),
        });
    }
    found.into_iter().map(|message| Problem::new("", message)).collect()
}

fn deployment(record: &Record) -> Option<(DeploymentId, &DeploymentRecord)> {
    let (Record::Deployment(record) | Record::Retired(record)) = record else { return None };
    Some((record.deployment.deployment_id, record))
}

fn revision(record: &Record) -> Option<((DeploymentId, RevisionId), &Revision)> {
    let Record::Revision(revision) = record else { return None };
    Some(((revision.deployment_id, revision.revision_id), revision))
}

impl Book<'_> {
    /// There is one environment, the right one, and no record twice.
    fn wholeness(&self) -> Vec<String> {
        let mut found = Vec::new();
        let environments = self.records.iter().filter_map(|record| match record {
            Record::Environment(environment) => Some(&environment.environment_id),
            _ => None,
        });
        match environments.collect::<Vec<_>>().as_slice() {
            [one] if *one == self.source => {}
            [one] => found.push(format!("it holds environment `{one}`, not `{}`", self.source)),
            several => found.push(format!("it holds {} environments, not one", several.len())),
        }
        if self.keys.len() != self.records.len() {
            found.push("it holds a record twice".into());
        }
        found
    }

    /// What finds a deployment is there; a removed one is found by its id alone.
    fn claimed(&self, record: &DeploymentRecord) -> Vec<String> {
        let deployment = &record.deployment;
        let id = deployment.deployment_id;
        let mut found = Vec::new();
        if deployment.environment_id != *self.source {
            found.push(format!("deployment {id} is of `{}`", deployment.environment_id));
        }
        for route in deployment.route_binding.claims() {
            if !self.keys.contains(&Key::Route(route.clone())) {
                found.push(format!("deployment {id} answers `{route}` without claiming it"));
            }
        }
        let member = Key::BundleMember(deployment.bundle_id.clone(), id);
        if !self.keys.contains(&member) {
            found.push(format!("deployment {id} is no member of its bundle"));
        }
        found
    }

    /// A removed deployment is said to be removed, serves nobody, and is not there a second time.
    fn put_away(&self, record: &DeploymentRecord) -> Vec<String> {
        let id = record.deployment.deployment_id;
        let mut found = Vec::new();
        if record.deployment.lifecycle != DeploymentLifecycle::Retired {
            found.push(format!("deployment {id} is put away and not retired"));
        }
        if record.split.as_ref().is_some_and(|split| split.allocation.is_some()) {
            found.push(format!("deployment {id} is retired and takes traffic"));
        }
        if self.keys.contains(&Key::Deployment(id)) {
            found.push(format!("deployment {id} is both live and retired"));
        }
        found
    }

    /// Law 1: a split names revisions of its own deployment, and those that serve are ready.
    fn split(&self, record: &DeploymentRecord) -> Vec<String> {
        let id = record.deployment.deployment_id;
        let Some(split) = &record.split else { return Vec::new() };
        let mut found = Vec::new();
        if split.deployment_id != id {
            found.push(format!("deployment {id} has the split of {}", split.deployment_id));
        }
        let entries = split.allocation.iter().flat_map(|allocation| allocation.entries.entries());
        for entry in entries {
            let name = entry.revision_id;
            match self.revisions.get(&(id, name)) {
                None => found.push(format!("deployment {id} splits to {name}, which is not its")),
                Some(revision)
                    if entry.weight_bps.get() > 0 && revision.lifecycle != Lifecycle::Ready =>
                {
                    let state = revision.lifecycle;
                    found.push(format!("deployment {id} splits to {name}, which is {state}"));
                }
                Some(_) => {}
            }
        }
        found
    }

    /// What has a name was not put away, and what is compared is ready.
    fn named(&self, record: &DeploymentRecord) -> Vec<String> {
        let deployment = &record.deployment;
        let id = deployment.deployment_id;
        let state = |revision| self.revisions.get(&(id, revision)).map(|found| found.lifecycle);
        let mut found = Vec::new();
        for (tag, &revision) in &deployment.tags {
            if state(revision).is_none_or(|state| state == Lifecycle::Archived) {
                found.push(format!("deployment {id} calls {revision} `{tag}`, which is put away"));
            }
        }
        if let Some(shadow) = &deployment.shadow
            && state(shadow.revision_id) != Some(Lifecycle::Ready)
        {
            let revision = shadow.revision_id;
            found.push(format!("deployment {id} has the shadow {revision}, which is not ready"));
        }
        found
    }

    /// A revision has its deployment and its home; its sequence is its own.
    fn revision(&self, revision: &Revision) -> Vec<String> {
        let (of, id) = (revision.deployment_id, revision.revision_id);
        let mut found = Vec::new();
        match self.deployments.get(&of) {
            None => found.push(format!("revision {id} is of deployment {of}, which is not there")),
            Some(record) if record.deployment.last_sequence < revision.sequence => {
                found.push(format!("revision {id} is newer than the newest of its deployment"));
            }
            Some(_) => {}
        }
        if !self.keys.contains(&Key::RevisionHome(id)) {
            found.push(format!("revision {id} has no home"));
        }
        let first = self.sequences.get(&(of, revision.sequence));
        if first.is_some_and(|first| *first != id) {
            found.push(format!("revision {id} is a second r{} of {of}", revision.sequence));
        }
        found
    }

    fn page(&self, number: u64) -> Option<&RosterPage> {
        self.records.iter().find_map(|record| match record {
            Record::RosterPage(page) if page.page == number => Some(page),
            _ => None,
        })
    }

    /// What points to a deployment or a revision points to one that is there and agrees.
    fn pointer(&self, record: &Record) -> Option<String> {
        let deployment = |id| self.deployments.get(&id);
        let live = |id| deployment(id).filter(|_| self.keys.contains(&Key::Deployment(id)));
        let (agrees, message) = match record {
            Record::Route(RouteClaim { route, deployment_id: id, .. }) => {
                let answers = |owner: &&&DeploymentRecord| {
                    owner.deployment.route_binding.claims().any(|claim| claim == *route)
                };
                let message = format!("`{route}` is claimed for {id}, which does not answer it");
                (live(*id).filter(answers).is_some(), message)
            }
            Record::BundleMember(BundleMember { bundle_id, deployment_id: id, .. }) => {
                let agrees = live(*id).is_some_and(|o| o.deployment.bundle_id == *bundle_id);
                (agrees, format!("{id} is said to be of bundle `{bundle_id}`"))
            }
            Record::RevisionHome(RevisionHome { revision_id: id, deployment_id: of, .. }) => {
                let agrees = self.revisions.contains_key(&(*of, *id));
                (agrees, format!("revision {id} is said to be of {of}, which has none such"))
            }
            Record::PastSplit(past) => {
                let (of, generation) = (past.deployment_id, past.generation);
                let now = deployment(of).and_then(|owner| owner.split.as_ref());
                let agrees = now.is_some_and(|now| generation < now.generation);
                (agrees, format!("split {generation} of {of} is not before its present one"))
            }
            Record::Secret(Secret { path, versions, .. }) => {
                let in_order = versions.is_sorted_by(|a, b| a.version < b.version);
                let agrees = in_order && !versions.is_empty();
                (agrees, format!("secret `{path}` has no orderly versions"))
            }
            Record::Roster(roster) => {
                let live = self.keys.iter().filter_map(|key| match key {
                    Key::Deployment(id) => Some(*id),
                    _ => None,
                });
                let agrees = roster::is_of(roster, |page| self.page(page), live);
                (agrees, "the list of deployments is not of those that are there".to_owned())
            }
            Record::RosterPage(page) => {
                let named = self.records.iter().any(|record| match record {
                    Record::Roster(roster) => roster.pages.iter().any(|it| it.page == page.page),
                    _ => false,
                });
                (named, format!("page {} of the deployments is in no list", page.page))
            }
            Record::Environment(_)
            | Record::Deployment(_)
            | Record::Retired(_)
            | Record::Revision(_)
            | Record::Backup(_)
            | Record::Answered(_) => return None,
        };
        (!agrees).then_some(message)
    }
}
