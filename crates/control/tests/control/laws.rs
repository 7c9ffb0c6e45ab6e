//! What must hold after every commit, whatever the command was. `World` asks after each.

use std::collections::BTreeSet;

use control::{
    Change, Folder, Key, Lookup as _, Memory, Record, RosterEntry, Transaction, View as _,
    project_deployment,
};
use deploy_spec::lifecycle::EDGES;
use deploy_spec::runtime_config::RuntimeConfigSchema;
use deploy_spec::{
    DeploymentId, DeploymentLifecycle, DeploymentRecord, HostConfig, Lifecycle, Permission,
    PinnedSecret, Revision, RouteKey, RuntimeConfig, Secret, TrafficSplit, document,
};

pub(crate) fn hold(before: &Memory, transaction: &Transaction, after: &Memory) {
    assert_eq!(after.sequence(), before.sequence() + 1);
    let keys: BTreeSet<&Key> = transaction.changes.iter().map(Change::key).collect();
    assert_eq!(keys.len(), transaction.changes.len(), "a record changes twice");
    for change in &transaction.changes {
        let Change::Put { key, record } = change else {
            if transaction.audit.verb != "restore" {
                goes_rightly(before, change.key(), after);
            }
            continue;
        };
        assert_eq!(*key, record.key());
        let line = document::to_line(record);
        assert_eq!(Record::parse(key, &line).as_ref(), Ok(record), "records survive JSON");
        if transaction.audit.verb == "restore" {
            never_goes_back(before.get(key).unwrap().as_ref(), record);
        } else {
            record_follows(before.get(key).unwrap().as_ref(), record, after);
        }
    }
    audit_tells(transaction);
    what_serves_stays(before, transaction);
    live_revisions_are_ready(after);
    indexes_agree(after);
    projection_is_accepted(after);
}

fn record_follows(old: Option<&Record>, new: &Record, after: &Memory) {
    match (old, new) {
        (None, Record::Revision(new)) => {
            assert_eq!((new.lifecycle, new.generation), (Lifecycle::Staged, 0));
        }
        (Some(Record::Revision(old)), Record::Revision(new)) => {
            assert!(reaches(old.lifecycle, new.lifecycle), "law 2: {old:?} to {new:?}");
            assert_eq!(new.generation, old.generation + 1);
            assert_eq!(new.bundle_digest, old.bundle_digest);
            assert_eq!(new.draining_since.is_some(), new.lifecycle == Lifecycle::Draining);
            assert_eq!(new.archived_at.is_some(), new.lifecycle == Lifecycle::Archived);
            let secrets = |one: &Revision| one.pinned.as_ref().map(|it| it.secrets.clone());
            match secrets(old) {
                Some(pins) => assert_eq!(secrets(new), Some(pins), "what is pinned stays"),
                None => assert!(new.pinned.is_none() || new.lifecycle == Lifecycle::Ready),
            }
        }
        (None, Record::Retired(_)) => {}
        (Some(Record::Deployment(old)), Record::Deployment(new)) => {
            let step = new.deployment.generation - old.deployment.generation;
            assert!(step == u64::from(new.deployment != old.deployment), "{old:?} to {new:?}");
            if new.split != old.split {
                split_follows(old.split.as_ref(), new.split.as_ref().unwrap(), after);
            }
        }
        (Some(Record::Environment(old)), Record::Environment(new)) => {
            assert_eq!(new.generation, old.generation + 1);
        }
        (Some(Record::Secret(old)), Record::Secret(new)) => {
            assert_eq!(new.generation, old.generation + 1);
            assert!(new.newest().unwrap().version > old.newest().unwrap().version);
            is_kept(old, new, after);
        }
        (Some(Record::Roster(_)), Record::Roster(_))
        | (Some(Record::RosterPage(_)), Record::RosterPage(_)) => {}
        (Some(old), new) => panic!("{old:?} was written over by {new:?}"),
        (None, _) => {}
    }
}

/// The newest versions are kept, and what a revision pins that could serve again; no others.
fn is_kept(old: &Secret, new: &Secret, after: &Memory) {
    let revisions = after.deployment_ids().unwrap().into_iter();
    let revisions = revisions.flat_map(|id| after.revisions(id).unwrap());
    let live = revisions.filter(|revision| revision.lifecycle != Lifecycle::Archived);
    let pins: Vec<PinnedSecret> =
        live.filter_map(|r| r.pinned).flat_map(|pinned| pinned.secrets).collect();
    for pin in pins.iter().filter(|pin| old.pinned(pin).is_some() && pin.secret.path() == old.path)
    {
        assert!(new.pinned(pin).is_some(), "{pin:?} went");
    }
    let newest = new.versions.len().saturating_sub(deploy_spec::SECRET_VERSIONS_KEPT);
    for older in &new.versions[..newest] {
        assert!(pins.iter().any(|pin| pin.value_ref == older.value_ref), "{older:?} is kept");
    }
}

/// A restore moves records to where they were, and what they count forward.
fn never_goes_back(old: Option<&Record>, new: &Record) {
    match (old, new) {
        (Some(Record::Environment(old)), Record::Environment(new)) => {
            assert!(new.generation > old.generation);
        }
        (Some(Record::Deployment(old)), Record::Deployment(new)) => {
            let (before, after) = (&old.deployment, &new.deployment);
            assert!(after.generation > before.generation || after == before);
            assert!(after.last_sequence >= before.last_sequence);
            let generation = |split: &Option<TrafficSplit>| split.as_ref().map(|s| s.generation);
            assert!(generation(&new.split) > generation(&old.split) || new.split == old.split);
        }
        (Some(Record::Revision(old)), Record::Revision(new)) => {
            assert!(new.generation > old.generation);
        }
        (Some(Record::Secret(old)), Record::Secret(new)) => {
            assert!(new.generation > old.generation);
        }
        _ => {}
    }
}

/// Warming is not stored, so a move may pass through it; what nobody serves drains at once, and what
/// has drained is put away from there.
fn reaches(from: Lifecycle, to: Lifecycle) -> bool {
    let edge = |from, to| EDGES.contains(&(from, to));
    let via = |middle| edge(from, middle) && edge(middle, to);
    edge(from, to)
        || via(Lifecycle::Warming)
        || via(Lifecycle::Draining)
        || to == Lifecycle::Archived && via(Lifecycle::Inactive)
}

/// What may be deleted, and what must hold once it is.
fn goes_rightly(before: &Memory, key: &Key, after: &Memory) {
    let old = before.get(key).unwrap();
    match old.unwrap_or_else(|| panic!("{key:?} was not there")) {
        Record::Environment(_) => assert_eq!(after.deployment_ids().unwrap(), []),
        Record::Deployment(old) => {
            let id = old.deployment.deployment_id;
            is_put_away(&old, &after.retired(id).unwrap().unwrap(), after);
        }
        Record::Retired(old) => {
            let id = old.deployment.deployment_id;
            let is_of = |key: &&Key| matches!(key, Key::Revision(of, _) | Key::PastSplit(of, _) if *of == id);
            assert_eq!(after.records().keys().find(is_of), None, "nothing of it is left");
        }
        Record::Revision(old) => {
            assert_eq!(old.lifecycle, Lifecycle::Archived);
            let live = after.deployment(old.deployment_id).unwrap();
            let split = live.and_then(|record| record.split);
            let named = split.iter().filter_map(|split| split.allocation.as_ref());
            let mut entries = named.flat_map(|allocation| allocation.entries.entries());
            assert!(entries.all(|entry| entry.revision_id != old.revision_id), "{old:?}");
        }
        Record::PastSplit(old) => {
            assert_eq!(after.deployment(old.deployment_id).unwrap(), None, "history is kept");
        }
        Record::Route(_)
        | Record::BundleMember(_)
        | Record::RevisionHome(_)
        | Record::Roster(_)
        | Record::RosterPage(_)
        | Record::Backup(_)
        | Record::Secret(_) => {}
        other => panic!("{other:?} was deleted"),
    }
}

fn is_put_away(old: &DeploymentRecord, new: &DeploymentRecord, after: &Memory) {
    let id = old.deployment.deployment_id;
    assert_eq!(new.deployment.lifecycle, DeploymentLifecycle::Retired);
    assert!(new.deployment.retired_at.is_some());
    assert_eq!(new.deployment.generation, old.deployment.generation + 1);
    assert!(new.split.as_ref().is_none_or(|split| split.allocation.is_none()));
    if new.split != old.split {
        split_follows(old.split.as_ref(), new.split.as_ref().unwrap(), after);
    }
    let revisions = after.revisions(id).unwrap();
    assert!(revisions.iter().all(|revision| revision.lifecycle == Lifecycle::Archived));
}

/// Names are taken by what is there, and by nothing else.
fn indexes_agree(after: &Memory) {
    let (mut routes, mut members, mut homes) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let (mut claims, mut bundles, mut revisions) =
        (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for (key, record) in after.records() {
        match (key, record) {
            (Key::Route(route), Record::Route(claim)) => {
                routes.insert((route.clone(), claim.deployment_id));
            }
            (Key::BundleMember(bundle, id), _) => _ = members.insert((bundle.clone(), *id)),
            (Key::RevisionHome(id), Record::RevisionHome(home)) => {
                homes.insert((home.deployment_id, *id));
            }
            (Key::Deployment(id), Record::Deployment(record)) => {
                let of: BTreeSet<RouteKey> = record.deployment.route_binding.claims().collect();
                claims.extend(of.into_iter().map(|route| (route, *id)));
                bundles.insert((record.deployment.bundle_id.clone(), *id));
                assert_eq!(after.retired(*id).unwrap(), None, "live or removed, not both");
            }
            (Key::Revision(of, id), _) => _ = revisions.insert((*of, *id)),
            _ => {}
        }
    }
    assert_eq!((routes, members, homes), (claims, bundles, revisions));
    if let Some(roster) = after.roster().unwrap() {
        let page =
            |entry: &RosterEntry| after.roster_page(entry.page).unwrap().unwrap().deployments;
        let listed: Vec<DeploymentId> = roster.pages.iter().flat_map(page).collect();
        assert_eq!(listed, after.deployment_ids().unwrap());
        assert_eq!(after.list(&Folder::RosterPages).unwrap().len(), roster.pages.len());
    }
}

fn split_follows(old: Option<&TrafficSplit>, new: &TrafficSplit, after: &Memory) {
    assert_eq!(new.generation, old.map_or(0, |old| old.generation + 1));
    if let Some(old) = old {
        let past = after.past_split(old.deployment_id, old.generation).unwrap();
        assert_eq!(past.as_ref(), Some(old), "a split is kept when it is replaced");
    }
    assert!(new.allocation.as_ref().is_none_or(|a| a.slots.agree_with(&a.entries)));
}

/// Law 3: what has weight stays where it is, unless its whole deployment goes, or comes back as it
/// was.
fn what_serves_stays(before: &Memory, transaction: &Transaction) {
    if transaction.audit.verb == "restore" {
        return;
    }
    for change in &transaction.changes {
        let Change::Put { record: Record::Revision(new), .. } = change else { continue };
        let (of, id) = (new.deployment_id, new.revision_id);
        let record = before.deployment(of).unwrap().unwrap();
        let goes =
            transaction.changes.iter().any(|c| *c == Change::Delete { key: Key::Deployment(of) });
        if record.split.is_some_and(|split| split.weight_of(id) > 0) && !goes {
            let old = before.revision(of, id).unwrap().unwrap();
            assert_eq!(new.lifecycle, old.lifecycle, "{new:?}");
        }
    }
}

/// Law 8.
fn audit_tells(transaction: &Transaction) {
    let audit = &transaction.audit;
    assert_eq!(audit.authorization.decision, Permission::Allow);
    assert!(audit.target.is_some(), "{audit:?}");
    if audit.verb == "restore" {
        assert!(audit.generation.after > audit.generation.before, "{audit:?}");
        return;
    }
    let next = audit.generation.before.map_or(0, |before| before + 1);
    let is_put = |change: &Change| matches!(change, Change::Put { key, .. } if !matches!(key, Key::Answered(_)));
    let is_gone = ["delete", "destroy", "prune"].contains(&audit.verb.as_str());
    let is_numbered = !is_gone && transaction.changes.iter().any(is_put);
    let after = is_numbered.then_some(next);
    assert_eq!(audit.generation.after, after, "{audit:?}");
    assert_eq!((&audit.prev_hash, &audit.hash), (&None, &None), "the store chains");
}

/// Law 1.
fn live_revisions_are_ready(after: &Memory) {
    for id in after.deployment_ids().unwrap() {
        let record = after.deployment(id).unwrap().unwrap();
        let lifecycle = |of| after.revision(id, of).unwrap().map(|revision| revision.lifecycle);
        for revision in record.deployment.tags.values() {
            assert_ne!(lifecycle(*revision).expect("a tag names a revision"), Lifecycle::Archived);
        }
        if let Some(shadow) = &record.deployment.shadow {
            assert_eq!(lifecycle(shadow.revision_id), Some(Lifecycle::Ready));
        }
        let Some(allocation) = record.split.and_then(|split| split.allocation) else { continue };
        let sum: u16 = allocation.entries.entries().iter().map(|e| e.weight_bps.get()).sum();
        assert_eq!(sum, 10_000);
        for entry in allocation.entries.entries() {
            let revision = after.revision(id, entry.revision_id).unwrap();
            let revision = revision.expect("a split names revisions of its own deployment");
            assert!(entry.weight_bps.get() == 0 || revision.lifecycle == Lifecycle::Ready);
        }
    }
}

fn projection_is_accepted(after: &Memory) {
    let project = |id: DeploymentId| project_deployment(after, id).unwrap().unwrap();
    let config = RuntimeConfig {
        schema: RuntimeConfigSchema,
        environment_id: after.environment_id().clone(),
        generation: after.sequence(),
        host_config: HostConfig::default(),
        deployments: after.deployment_ids().unwrap().into_iter().map(project).collect(),
    };
    assert_eq!(config.check(), Ok(()));
    let read: RuntimeConfig = document::from_json(&document::to_line(&config)).unwrap();
    assert_eq!(read, config);
}
