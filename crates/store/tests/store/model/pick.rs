//! What a hand thinks of: mostly commands that fit what it sees, which somebody else may have
//! changed by the time they arrive; and commands that were asked before.

use std::sync::atomic::Ordering;

use control::{Key, Lookup as _, View as _, env_packs};
use deploy_spec::{DeploymentId, Lifecycle, Revision, Slot};
use serde_json::{Value, json};
use store::Snapshot;

use super::Shared;
use crate::dice::Dice;
use crate::plan::Plan;

const BUNDLES: [&str; 3] = ["alpha", "beta", "gamma"];
const SECRETS: [&str; 2] = ["alpha/key", "beta/key"];
const SLOTS: [Slot; 3] = [Slot::Telemetry, Slot::State, Slot::Revocation];
/// How many deployments are there at once, about.
const DEPLOYMENTS: usize = 5;

/// Every verb, as often as it is asked.
pub(crate) const VERBS: [(&str, usize); 40] = [
    ("env init", 1),
    ("env create", 1),
    ("env update", 2),
    ("env destroy", 1),
    ("env-packs add", 2),
    ("env-packs update", 2),
    ("env-packs remove", 2),
    ("env-packs rollback", 2),
    ("bundles add", 6),
    ("bundles update", 3),
    ("bundles pause", 2),
    ("bundles resume", 2),
    ("bundles remove", 2),
    ("revisions stage", 8),
    ("revisions warm", 10),
    ("revisions drain", 3),
    ("revisions complete-drain", 3),
    ("revisions retry", 3),
    ("revisions archive", 2),
    ("revisions tag", 3),
    ("revisions untag", 1),
    ("revisions prune", 2),
    ("traffic set", 12),
    ("traffic rollback", 4),
    ("traffic clear", 2),
    ("traffic shadow", 3),
    ("traffic unshadow", 1),
    ("config set", 2),
    ("config unset", 2),
    ("secrets put", 3),
    ("secrets rotate", 2),
    ("secrets delete", 2),
    ("credentials import", 1),
    ("credentials rotate", 1),
    ("credentials bootstrap", 1),
    ("backups create", 1),
    ("backups restore", 1),
    ("trust add", 2),
    ("trust revoke", 1),
    ("trust threshold", 1),
];

/// Public keys that anybody may add.
const KEYS: [&str; 3] = [
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=",
    "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=",
];

pub(crate) struct Picker {
    number: u64,
    dice: Dice,
    asked: u64,
}

/// What a verb is asked with: its document, what its facts are made from, and the generation of
/// what it is done to.
type Picked = (Value, Value, Option<u64>);

impl Picker {
    pub(crate) const fn new(number: u64, dice: Dice) -> Self {
        Self { number, dice, asked: 0 }
    }

    pub(crate) fn plan(&mut self, shared: &Shared<'_>) -> Plan {
        self.asked += 1;
        let again = {
            let past = shared.past.lock().unwrap();
            (self.dice.below(6) == 0 && !past.is_empty())
                .then(|| past[past.len() - 1 - self.dice.below(past.len().min(24))].clone())
        };
        let plan = match again {
            Some(plan) => self.again(plan),
            None => self.fresh(shared),
        };
        let mut plan = self.now(plan, shared);
        // The clocks of two processes are not the same, and go backwards at times.
        plan.now_ms -= i64::try_from(self.dice.below(4_000)).unwrap();
        plan.is_denied = self.dice.below(40) == 0;
        shared.past.lock().unwrap().push(plan.clone());
        plan
    }

    /// The plan of somebody who asks now.
    fn now(&mut self, plan: Plan, shared: &Shared<'_>) -> Plan {
        let now_ms = shared.now_ms.fetch_add(1_000, Ordering::Relaxed);
        Plan { now_ms, random: self.dice.next(), is_denied: false, ..plan }
    }

    /// What takes everything away that is there, by commands that must all work (law 3).
    pub(crate) fn emptying(&mut self, shared: &Shared<'_>) -> Vec<Plan> {
        let view = shared.store.read().unwrap();
        let mut all = vec![("env init", json!({}))];
        for id in view.deployment_ids().unwrap() {
            all.push(("bundles pause", json!({"deployment_id": id})));
            all.push(("bundles remove", json!({"deployment_id": id})));
        }
        all.push(("revisions prune", json!({"keep": 0, "older_than_days": 0})));
        for path in view.secret_paths().unwrap() {
            all.push(("secrets delete", json!({"path": path, "force": true})));
        }
        all.push(("env destroy", json!({"confirm": "local"})));
        let facts = json!({"value": "none"});
        all.into_iter()
            .map(|(verb, document)| self.now(Plan::new(verb, document, facts.clone()), shared))
            .collect()
    }

    /// What was asked before, or another thing with its key.
    fn again(&mut self, mut plan: Plan) -> Plan {
        if self.dice.below(4) == 0 && plan.verb != "traffic clear" {
            let key = plan.document["idempotency_key"].take();
            plan.verb = "traffic clear".into();
            plan.document = json!({"deployment_id": "alpha"});
            if !key.is_null() {
                plan.document["idempotency_key"] = key;
            }
        }
        plan
    }

    fn fresh(&mut self, shared: &Shared<'_>) -> Plan {
        let is_there = shared.store.exists();
        let view = is_there.then(|| shared.store.read().unwrap());
        let verb = self.verb(shared);
        let (verb, (mut document, facts, generation)) = match &view {
            Some(view) if view.find_environment().unwrap().is_some() => {
                (verb, self.picked(verb, view))
            }
            _ => ("env init", (json!({}), Value::Null, None)),
        };
        if self.dice.below(3) > 0 {
            document["idempotency_key"] = json!(format!("{}-{}", self.number, self.asked));
        }
        match (generation, self.dice.below(10)) {
            (Some(generation), 0..4) => document["expected_generation"] = json!(generation),
            (_, 4) => document["expected_generation"] = json!(self.dice.below(6)),
            _ => {}
        }
        Plan::new(verb, document, facts)
    }

    /// Each verb comes before any comes again, as often as it is to.
    fn verb(&mut self, shared: &Shared<'_>) -> &'static str {
        let mut deck = shared.deck.lock().unwrap();
        if deck.is_empty() {
            let times = |&(verb, times): &(&'static str, usize)| std::iter::repeat_n(verb, times);
            *deck = VERBS.iter().flat_map(times).collect();
        }
        let next = self.dice.below(deck.len());
        deck.swap_remove(next)
    }

    fn picked(&mut self, verb: &str, view: &Snapshot) -> Picked {
        let (noun, op) = verb.split_once(' ').unwrap();
        match noun {
            "env" => self.env(op, view),
            "env-packs" => self.env_packs(op, view),
            "bundles" => self.bundles(op, view),
            "revisions" => self.revisions(op, view),
            "traffic" => self.traffic(op, view),
            "config" => self.config(op, view),
            "backups" => self.backups(op, view),
            "trust" => self.trust(op, view),
            _ => self.secrets(noun, view),
        }
    }

    fn trust(&mut self, op: &str, view: &Snapshot) -> Picked {
        let environment = view.environment().unwrap();
        let document = match op {
            "add" => json!({"public_key": KEYS[self.dice.below(KEYS.len())]}),
            // Not the first, which signs everything that is staged here.
            "revoke" => {
                let others = environment.trust_root.get(1..).unwrap_or_default();
                let none = "f0".repeat(32);
                let at = self.dice.below(others.len().max(1));
                json!({"key_id": others.get(at).map_or(&none, |key| &key.key_id)})
            }
            _ => json!({"threshold": 1 + self.dice.below(3)}),
        };
        (document, Value::Null, Some(environment.generation))
    }

    fn env(&mut self, op: &str, view: &Snapshot) -> Picked {
        let generation = view.find_environment().unwrap().map(|found| found.generation);
        let document = match op {
            "update" => json!({"name": format!("Home {}", self.dice.below(3))}),
            "destroy" => json!({"confirm": "local"}),
            _ => json!({}),
        };
        (document, Value::Null, generation)
    }

    fn env_packs(&mut self, op: &str, view: &Snapshot) -> Picked {
        let slot = SLOTS[self.dice.below(SLOTS.len())];
        let environment = view.environment().unwrap();
        let generation = env_packs::slot_generation(&environment, slot);
        let mut document = json!({"slot": slot});
        if matches!(op, "add" | "update") {
            let patch = self.dice.below(3);
            document["kind"] = json!(format!("greentic.{slot}.other@0.1.{patch}"));
        }
        (document, json!({"generation": generation}), generation)
    }

    fn bundles(&mut self, op: &str, view: &Snapshot) -> Picked {
        let path = json!({"path_prefix": format!("/{}", self.dice.below(2 * DEPLOYMENTS))});
        if op == "add" {
            let bundle = BUNDLES[self.dice.below(BUNDLES.len())];
            return (json!({"bundle_id": bundle, "route_binding": path}), Value::Null, None);
        }
        let (of, generation) = self.deployment(view);
        let mut document = json!({"deployment_id": of});
        if op == "update" {
            document["route_binding"] = path;
        }
        (document, Value::Null, generation)
    }

    fn revisions(&mut self, op: &str, view: &Snapshot) -> Picked {
        let (of, generation) = self.deployment(view);
        if op == "stage" {
            let bundle = of.parse().ok().and_then(|id| view.deployment(id).unwrap());
            let bundle = bundle.map_or("alpha".into(), |r| r.deployment.bundle_id.to_string());
            let document = json!({"deployment_id": of, "bundle": "./a.gtbundle"});
            return (document, json!({"bundle": bundle}), generation);
        }
        if op == "prune" {
            let keep = self.dice.below(3);
            return (json!({"keep": keep, "older_than_days": 0}), Value::Null, None);
        }
        if op == "untag" {
            let tag = self.tag();
            return (json!({"deployment_id": of, "tag": tag}), Value::Null, generation);
        }
        let fits: &[Lifecycle] = match op {
            "warm" => &[Lifecycle::Staged],
            "drain" => &[Lifecycle::Ready],
            "complete-drain" => &[Lifecycle::Draining],
            "retry" => &[Lifecycle::Failed, Lifecycle::Inactive],
            "tag" => &[Lifecycle::Ready, Lifecycle::Staged],
            _ => &[Lifecycle::Failed, Lifecycle::Inactive, Lifecycle::Staged],
        };
        let Some(revision) = self.revision(view, fits) else {
            let mut document = json!({"revision_id": format!("{of}/r1")});
            if op == "tag" {
                document["tag"] = json!(self.tag());
            }
            return (document, Value::Null, None);
        };
        let is_so = self.dice.below(4) > 0;
        let mut document = json!({"revision_id": revision.revision_id});
        if op == "tag" {
            document["tag"] = json!(self.tag());
            let record = view.deployment(revision.deployment_id).unwrap();
            let generation = record.map(|record| record.deployment.generation);
            return (document, Value::Null, generation);
        }
        (document, json!({"is_so": is_so}), Some(revision.generation))
    }

    fn tag(&mut self) -> &'static str {
        ["stable", "next"][self.dice.below(2)]
    }

    fn traffic(&mut self, op: &str, view: &Snapshot) -> Picked {
        let (of, generation) = self.deployment(view);
        let ready = self.revision(view, &[Lifecycle::Ready]);
        if op == "unshadow" {
            return (json!({"deployment_id": of}), Value::Null, generation);
        }
        if op == "shadow" {
            let of = ready.as_ref().map_or(of, |revision| revision.deployment_id.to_string());
            let name = ready.map_or("r1".into(), |revision| revision.revision_id.to_string());
            let entry = json!({"revision_id": name, "weight_bps": 100});
            let record = of.parse().ok().and_then(|id| view.deployment(id).unwrap());
            let generation = record.map(|record| record.deployment.generation);
            return (json!({"deployment_id": of, "entry": entry}), Value::Null, generation);
        }
        let ready = ready.filter(|_| op == "set");
        let of = ready.map_or(of, |revision| revision.deployment_id.to_string());
        let id: Option<DeploymentId> = of.parse().ok();
        let split = id.and_then(|id| view.deployment(id).unwrap()).and_then(|r| r.split);
        let mut document = json!({"deployment_id": of});
        if op == "set" {
            document["entries"] = self.entries(view, id);
        }
        (document, Value::Null, split.map(|split| split.generation))
    }

    /// Weights of one or two of a deployment's revisions; mostly of ready ones.
    fn entries(&mut self, view: &Snapshot, of: Option<DeploymentId>) -> Value {
        let mut all = of.map_or_else(Vec::new, |of| view.revisions(of).unwrap());
        if self.dice.below(8) > 0 {
            all.retain(|revision| revision.lifecycle == Lifecycle::Ready);
        }
        let entry = |id: &str, bps: usize| json!({"revision_id": id, "weight_bps": bps});
        if all.is_empty() {
            return json!([entry("r1", 10_000)]);
        }
        let one = self.dice.below(all.len());
        let other = self.dice.below(all.len());
        let (a, b) = (all[one].revision_id.to_string(), all[other].revision_id.to_string());
        if one == other {
            return json!([entry(&a, 10_000)]);
        }
        let bps = self.dice.below(10_001);
        json!([entry(&a, bps), entry(&b, 10_000 - bps)])
    }

    fn config(&mut self, op: &str, view: &Snapshot) -> Picked {
        let name = ["colour", "size"][self.dice.below(2)];
        let mut document = match op {
            "set" => json!({"values": {name: self.dice.below(3)}}),
            _ => json!({"names": [name]}),
        };
        if self.dice.coin() {
            return (document, Value::Null, Some(view.environment().unwrap().generation));
        }
        let (of, generation) = self.deployment(view);
        document["deployment_id"] = json!(of);
        (document, Value::Null, generation)
    }

    /// Secrets, and credentials, which are one.
    fn secrets(&mut self, noun: &str, view: &Snapshot) -> Picked {
        let value = json!({"value": format!("value-{}", self.dice.below(4))});
        if noun == "credentials" {
            return (json!({}), value, None);
        }
        let path = SECRETS[self.dice.below(SECRETS.len())];
        let found = view.secret(&path.parse().unwrap()).unwrap();
        (json!({"path": path}), value, found.map(|secret| secret.generation))
    }

    fn backups(&mut self, op: &str, view: &Snapshot) -> Picked {
        if op == "create" {
            return (json!({}), Value::Null, None);
        }
        let record = |key: Key| json!([key, view.get(&key).unwrap().unwrap()]);
        let records: Vec<Value> = view.all().unwrap().into_iter().map(record).collect();
        let generation = view.find_environment().unwrap().map(|found| found.generation);
        (json!({"file": "a.gtbackup"}), json!(records), generation)
    }

    /// A deployment that is there, and its generation.
    fn deployment(&mut self, view: &Snapshot) -> (String, Option<u64>) {
        let ids = view.deployment_ids().unwrap();
        if ids.is_empty() || self.dice.below(20) == 0 {
            return (BUNDLES[0].into(), None);
        }
        let id = ids[self.dice.below(ids.len())];
        let record = view.deployment(id).unwrap();
        (id.to_string(), record.map(|record| record.deployment.generation))
    }

    /// A revision, mostly one in such a state.
    fn revision(&mut self, view: &Snapshot, fits: &[Lifecycle]) -> Option<Revision> {
        let mut all = Vec::new();
        for of in view.deployment_ids().unwrap() {
            all.extend(view.revisions(of).unwrap());
        }
        let fitting: Vec<_> = all.iter().filter(|r| fits.contains(&r.lifecycle)).cloned().collect();
        let from = if fitting.is_empty() || self.dice.below(8) == 0 { all } else { fitting };
        (!from.is_empty()).then(|| from[self.dice.below(from.len())].clone())
    }
}
