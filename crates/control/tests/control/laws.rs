//! What must hold after every commit, whatever the command was. `World` asks after each.

use std::collections::BTreeSet;

use control::{Change, Key, Lookup as _, Memory, Record, Transaction, View as _, project};
use deploy_spec::lifecycle::EDGES;
use deploy_spec::{Lifecycle, Permission, RuntimeConfig, TrafficSplit, document};

pub(crate) fn hold(before: &Memory, transaction: &Transaction, after: &Memory) {
    assert_eq!(after.sequence(), before.sequence() + 1);
    let keys: BTreeSet<&Key> = transaction.changes.iter().map(Change::key).collect();
    assert_eq!(keys.len(), transaction.changes.len(), "a record changes twice");
    for change in &transaction.changes {
        let Change::Put { key, record } = change else { continue };
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
    live_revisions_are_ready(after);
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
        }
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
            assert!(new.versions.len() <= deploy_spec::SECRET_VERSIONS_KEPT);
        }
        (Some(old), new) => panic!("{old:?} was written over by {new:?}"),
        (None, _) => {}
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

/// Warming is not stored, so a move may pass through it.
fn reaches(from: Lifecycle, to: Lifecycle) -> bool {
    let edge = |from, to| EDGES.contains(&(from, to));
    edge(from, to) || edge(from, Lifecycle::Warming) && edge(Lifecycle::Warming, to)
}

fn split_follows(old: Option<&TrafficSplit>, new: &TrafficSplit, after: &Memory) {
    assert_eq!(new.generation, old.map_or(0, |old| old.generation + 1));
    if let Some(old) = old {
        let past = after.past_split(old.deployment_id, old.generation).unwrap();
        assert_eq!(past.as_ref(), Some(old), "a split is kept when it is replaced");
    }
    assert!(new.allocation.as_ref().is_none_or(|a| a.slots.agree_with(&a.entries)));
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
    let only_answered =
        transaction.changes.iter().all(|change| matches!(change.key(), Key::Answered(_)));
    let after = if only_answered { None } else { Some(next) };
    assert_eq!(audit.generation.after, after, "{audit:?}");
    assert_eq!((&audit.prev_hash, &audit.hash), (&None, &None), "the store chains");
}

/// Law 1.
fn live_revisions_are_ready(after: &Memory) {
    for id in after.deployment_ids().unwrap() {
        let record = after.deployment(id).unwrap().unwrap();
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
    let config = project(after).unwrap();
    assert_eq!(config.check(), Ok(()));
    let read: RuntimeConfig = document::from_json(&document::to_line(&config)).unwrap();
    assert_eq!(read, config);
}
