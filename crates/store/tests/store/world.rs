//! Commands that can be asked of a store and of the model of one, and what both must agree on.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use control::{
    Call, Context, Decision, Folder, Fresh, Key, Memory, Record, Rejection, Reply, Verb, View,
    backups, bundles, decide, env, revisions, revisions::GateReport, secrets, traffic,
};
use deploy_spec::{
    Actor, ActorKind, AuditEvent, AuditResult, Authorization, BackupId, CheckStatus, DeploymentId,
    Digest, EnvironmentId, Fault, GateCheck, Permission, Pinned, RevisionId, Signature, Timestamp,
    TrustedKey, document,
};
use serde_json::{Value, json};
use store::{EnvironmentStore, Executed, Holder};

use crate::dice::Dice;
use crate::plan::Plan;
use crate::sim_disk::SimDisk;

/// One command, with everything that decides its answer.
pub(crate) trait Command {
    fn name(&self) -> String;
    fn run(&self, store: &EnvironmentStore) -> Result<Executed, Fault>;
    fn decide(&self, view: &dyn View) -> Result<Decision, Box<Rejection>>;
}

struct Ask<V: Verb> {
    call: Call<V::Answers>,
    facts: V::Facts,
    context: Context,
}

impl<V: Verb> Command for Ask<V> {
    fn name(&self) -> String {
        format!("{} {}", V::NOUN, V::OP)
    }

    fn run(&self, store: &EnvironmentStore) -> Result<Executed, Fault> {
        store.execute::<V>(&self.call, &self.facts, &self.context)
    }

    fn decide(&self, view: &dyn View) -> Result<Decision, Box<Rejection>> {
        decide::<V>(view, &self.call, &self.facts, &self.context)
    }
}

/// The command of a verb.
pub(crate) fn command<V: Verb + 'static>(
    document: Value,
    facts: V::Facts,
    context: Context,
) -> Box<dyn Command>
where
    V::Answers: 'static,
    V::Facts: 'static,
{
    let call = Call::from_document(document).unwrap();
    Box::new(Ask::<V> { call, facts, context })
}

/// Circumstances in which everything is allowed.
pub(crate) fn context(now_ms: i64, dice: &mut Dice) -> Context {
    Context {
        now: Timestamp::from_millisecond(now_ms).unwrap(),
        actor: Actor { kind: ActorKind::OsUser, user: "ada".into(), uid: 1000, host: "box".into() },
        authorization: Authorization {
            decision: Permission::Allow,
            policy: "owner-of-local".into(),
            reason: "the owner of the store may do anything to local".into(),
        },
        fresh: Fresh { event: dice.bits(), id: dice.bits(), salt: dice.bits().to_be_bytes() },
    }
}

/// What a command must do to a store that is as `before`.
pub(crate) struct Expected {
    pub(crate) after: Memory,
    pub(crate) answer: Result<Reply, Fault>,
    /// Whether the audit log gets a line.
    pub(crate) is_logged: bool,
}

impl Expected {
    pub(crate) fn of(command: &dyn Command, before: &Memory) -> Self {
        match command.decide(before) {
            Ok(Decision { reply, transaction }) => {
                let mut after = before.clone();
                if let Some(transaction) = &transaction {
                    after.apply(&transaction.changes);
                }
                Self { after, answer: Ok(reply), is_logged: transaction.is_some() }
            }
            Err(rejection) => {
                Self { after: before.clone(), answer: Err(rejection.fault), is_logged: true }
            }
        }
    }
}

/// Makes commands: a clock that ticks and random bits that a seed repeats.
pub(crate) struct World {
    pub(crate) now_ms: i64,
    dice: Dice,
}

impl World {
    pub(crate) const fn new(seed: u64) -> Self {
        Self { now_ms: 1_767_225_600_000, dice: Dice::new(seed) } // 2026-01-01T00:00:00Z
    }

    pub(crate) fn ask<V: Verb + 'static>(
        &mut self,
        document: Value,
        facts: V::Facts,
    ) -> Box<dyn Command>
    where
        V::Answers: 'static,
        V::Facts: 'static,
    {
        command::<V>(document, facts, self.context())
    }

    /// Any verb, by its name; see [`Plan`].
    pub(crate) fn verb(&mut self, verb: &str, document: Value, facts: Value) -> Box<dyn Command> {
        self.now_ms += 1_000;
        let plan = Plan::new(verb, document, facts);
        Plan { now_ms: self.now_ms, random: self.dice.next(), ..plan }.command()
    }

    pub(crate) fn context(&mut self) -> Context {
        self.now_ms += 1_000;
        context(self.now_ms, &mut self.dice)
    }

    pub(crate) fn init(&mut self, key: &str) -> Box<dyn Command> {
        self.ask::<env::Init>(json!({"idempotency_key": key}), init_facts())
    }

    pub(crate) fn add(&mut self, bundle: &str, path: &str, key: &str) -> Box<dyn Command> {
        self.ask::<bundles::Add>(
            json!({"bundle_id": bundle, "route_binding": {"path_prefix": path},
                   "idempotency_key": key}),
            (),
        )
    }

    pub(crate) fn stage(&mut self, of: DeploymentId, bundle: &str, key: &str) -> Box<dyn Command> {
        self.ask::<revisions::Stage>(
            json!({"deployment_id": of, "bundle": "./a.gtbundle", "idempotency_key": key}),
            staged(bundle),
        )
    }

    pub(crate) fn warm(
        &mut self,
        id: RevisionId,
        status: CheckStatus,
        key: &str,
    ) -> Box<dyn Command> {
        self.ask::<revisions::Warm>(
            json!({"revision_id": id, "idempotency_key": key}),
            gate(status),
        )
    }

    pub(crate) fn set(
        &mut self,
        of: DeploymentId,
        shares: &[(RevisionId, u16)],
        key: &str,
    ) -> Box<dyn Command> {
        let entries: Vec<Value> =
            shares.iter().map(|(id, bps)| json!({"revision_id": id, "weight_bps": bps})).collect();
        self.ask::<traffic::Set>(
            json!({"deployment_id": of, "entries": entries, "idempotency_key": key}),
            (),
        )
    }

    pub(crate) fn rollback(&mut self, of: DeploymentId, key: &str) -> Box<dyn Command> {
        self.ask::<traffic::Rollback>(json!({"deployment_id": of, "idempotency_key": key}), ())
    }

    pub(crate) fn clear(&mut self, of: DeploymentId, key: &str) -> Box<dyn Command> {
        self.ask::<traffic::Clear>(json!({"deployment_id": of, "idempotency_key": key}), ())
    }

    pub(crate) fn put_secret(&mut self, path: &str, value: &str, key: &str) -> Box<dyn Command> {
        self.ask::<secrets::Put>(json!({"path": path, "idempotency_key": key}), sealed(value))
    }

    pub(crate) fn delete_secret(&mut self, path: &str, key: &str) -> Box<dyn Command> {
        self.ask::<secrets::Delete>(json!({"path": path, "idempotency_key": key}), ())
    }

    pub(crate) fn back_up(&mut self, memory: &Memory, key: &str) -> Box<dyn Command> {
        let made = backups::BackupMade {
            backup_id: BackupId::from_parts(1, self.dice.bits()),
            file: "a.gtbackup".into(),
            digest: Digest::of(b"a"),
            size_bytes: 1,
            sequence: memory.sequence(),
            records: memory.all().unwrap().len() as u64,
        };
        self.ask::<backups::Create>(json!({"idempotency_key": key}), made)
    }

    /// Restores what is in `memory`, except what `goes`.
    pub(crate) fn restore(
        &mut self,
        memory: &Memory,
        goes: impl Fn(&Record) -> bool,
        key: &str,
    ) -> Box<dyn Command> {
        let records = memory.records().values().filter(|record| !goes(record));
        let facts = backups::RestoreFacts {
            source_environment: local(),
            digest: Digest::of(b"a"),
            records: records.cloned().collect(),
            missing_artifacts: Vec::new(),
            missing_values: Vec::new(),
        };
        self.ask::<backups::Restore>(json!({"file": "a", "idempotency_key": key}), facts)
    }
}

pub(crate) fn local() -> EnvironmentId {
    EnvironmentId::local()
}

pub(crate) fn init_facts() -> env::InitFacts {
    let own_key =
        TrustedKey { key_id: "00".repeat(32), public_key: "AAAA".into(), ..TrustedKey::default() };
    env::InitFacts { own_key }
}

pub(crate) fn staged(bundle: &str) -> revisions::StagedBundle {
    revisions::StagedBundle {
        source: None,
        objection: None,
        bundle_id: bundle.parse().unwrap(),
        version: "1.0.0".parse().unwrap(),
        digest: Digest::of(bundle.as_bytes()),
        size_bytes: 7,
        pack_list: Vec::new(),
        secrets: Vec::new(),
        drain_seconds: None,
        config: control::config::Declared::default(),
        signature: Some(Signature { key_id: "00".repeat(32) }),
    }
}

pub(crate) fn gate(status: CheckStatus) -> GateReport {
    let check = GateCheck { check: "digest".into(), status, detail: "so".into(), millis: 1 };
    GateReport { checks: vec![check], pinned: Pinned::default() }
}

pub(crate) fn sealed(value: &str) -> secrets::SealedValue {
    secrets::SealedValue { value_ref: value.into(), fingerprint: value.into() }
}

pub(crate) fn holder() -> Holder {
    Holder {
        user: "ada".into(),
        pid: std::process::id(),
        command: "env doctor".into(),
        since: Timestamp::UNIX_EPOCH,
    }
}

/// The environment `local` on a disk in memory.
pub(crate) fn on(disk: &SimDisk) -> EnvironmentStore {
    EnvironmentStore::on(local(), PathBuf::from("/"), Arc::new(disk.clone())).rotating_at(1_500)
}

/// All of the audit log on a disk in memory; a file that was about to be put aside counts once.
pub(crate) fn log_on(disk: &SimDisk) -> Option<Vec<u8>> {
    let paths = disk.paths();
    let full = paths.iter().filter(|path| path.starts_with("audit/events-"));
    let mut files: Vec<Vec<u8>> = full.filter_map(|path| disk.peek(path)).collect();
    let newest = disk.peek("audit/events.jsonl");
    files.extend(newest.filter(|newest| files.last() != Some(newest)));
    (!files.is_empty()).then(|| files.concat())
}

/// Nobody finds fault with the audit log.
pub(crate) fn assert_log_is_whole(store: &EnvironmentStore, context: &str) {
    let report = store.audit_verify().unwrap_or_else(|f| panic!("{context}: {f}"));
    assert_eq!(report.problems, [], "{context}");
}

/// What a script of commands leaves on a disk, and in the model.
pub(crate) struct Scene {
    pub(crate) world: World,
    pub(crate) store: EnvironmentStore,
    pub(crate) memory: Memory,
}

impl Scene {
    pub(crate) fn new(store: EnvironmentStore) -> Self {
        Self { world: World::new(7), store, memory: Memory::new(local()) }
    }

    /// `local` with a deployment that serves.
    pub(crate) fn serving(store: EnvironmentStore) -> Self {
        let mut scene = Self::new(store);
        scene.ask(|w, _| w.init("init"));
        scene.deploy("fast2flow", "/");
        scene
    }

    /// Adds a deployment with a revision that takes all its traffic.
    pub(crate) fn deploy(&mut self, bundle: &str, path: &str) -> (DeploymentId, RevisionId) {
        self.ask(|w, _| w.add(bundle, path, &format!("{bundle}-add")));
        self.ask(|w, m| w.stage(newest_deployment(m), bundle, &format!("{bundle}-stage")));
        let warm = format!("{bundle}-warm");
        self.ask(|w, m| w.warm(newest_revision(m), CheckStatus::Pass, &warm));
        self.turn(&format!("{bundle}-set"));
        (newest_deployment(&self.memory), newest_revision(&self.memory))
    }

    /// Gives all the traffic of the newest deployment to its newest revision.
    pub(crate) fn turn(&mut self, key: &str) {
        self.ask(|w, m| w.set(newest_deployment(m), &[(newest_revision(m), 10_000)], key));
    }

    /// Asks the store, which must do as the model does.
    pub(crate) fn ask(&mut self, make: impl FnOnce(&mut World, &Memory) -> Box<dyn Command>) {
        let command = make(&mut self.world, &self.memory);
        let expected = Expected::of(&*command, &self.memory);
        let got = command.run(&self.store).map(|executed| executed.reply);
        assert_eq!(got, expected.answer, "{}", command.name());
        self.memory = expected.after;
    }
}

/// The newest deployment, and the newest revision of the environment.
pub(crate) fn newest_deployment(memory: &Memory) -> DeploymentId {
    memory.list(&Folder::Deployments).unwrap().last().unwrap().parse().unwrap()
}

pub(crate) fn newest_revision(memory: &Memory) -> RevisionId {
    memory.list(&Folder::RevisionHomes).unwrap().last().unwrap().parse().unwrap()
}

/// The folder of a key's answer.
pub(crate) fn ledger_of(key: &str) -> String {
    format!("ledger/{}/", &Digest::of(key.as_bytes()).hex()[..2])
}

/// Keys whose answers are kept in the same folder as that of `key`.
pub(crate) fn keys_beside(key: &str, count: usize) -> Vec<String> {
    let keys = (0..).map(|i| format!("key-{i}"));
    keys.filter(|other| ledger_of(other) == ledger_of(key)).take(count).collect()
}

/// Whether `view` holds exactly what `model` does, as far as the names in `also` can tell.
pub(crate) fn same(view: &dyn View, model: &Memory, also: &Memory) -> Result<(), String> {
    if view.sequence() != model.sequence() {
        return Err(format!("sequence {} for {}", view.sequence(), model.sequence()));
    }
    let keys: BTreeSet<&Key> = model.records().keys().chain(also.records().keys()).collect();
    for key in &keys {
        let found = view.get(key).map_err(|fault| format!("{key:?}: {fault}"))?;
        let wanted = model.get(key).unwrap();
        if found != wanted {
            return Err(format!("{key:?} is {found:?} for {wanted:?}"));
        }
    }
    let found = view.all().map_err(|fault| format!("all: {fault}"))?;
    if found != model.all().unwrap() {
        return Err(format!("all are {found:?} for {:?}", model.all().unwrap()));
    }
    for folder in folders(&keys) {
        let found = view.list(&folder).map_err(|fault| format!("{folder:?}: {fault}"))?;
        let wanted = model.list(&folder).unwrap();
        if found != wanted {
            return Err(format!("{folder:?} is {found:?} for {wanted:?}"));
        }
    }
    Ok(())
}

fn folders(keys: &BTreeSet<&Key>) -> BTreeSet<Folder> {
    let of_key = |key: &&Key| match key {
        Key::Deployment(id) => Some(Folder::Revisions(*id)),
        Key::BundleMember(bundle, _) => Some(Folder::BundleMembers(bundle.clone())),
        _ => None,
    };
    [Folder::Deployments, Folder::Retired, Folder::RevisionHomes, Folder::Secrets, Folder::Backups]
        .into_iter()
        .chain(keys.iter().filter_map(of_key))
        .collect()
}

/// Which of two models the store holds; panics when it is neither.
pub(crate) fn which<'a>(
    store: &EnvironmentStore,
    before: &'a Memory,
    after: &'a Memory,
    context: &str,
) -> &'a Memory {
    let empty = Memory::new(local());
    if !store.exists() {
        assert!(*before == empty, "{context}: everything is gone");
        return before;
    }
    let snapshot = store.read().unwrap_or_else(|fault| panic!("{context}: {fault}"));
    let Err(not_new) = same(&snapshot, after, before) else { return after };
    let Err(not_old) = same(&snapshot, before, after) else { return before };
    panic!("{context}: neither old ({not_old}) nor new ({not_new})")
}

/// Whether an event tells of a commit, and not of a refusal.
pub(crate) fn is_change(event: &&AuditEvent) -> bool {
    event.generation.after.is_some() || event.result == AuditResult::Ok
}

/// The events of an audit log whose chain holds, without the torn end that it may have until
/// somebody adds to it.
pub(crate) fn events(log: Option<Vec<u8>>, context: &str) -> Vec<AuditEvent> {
    let mut events: Vec<AuditEvent> = Vec::new();
    let log = log.unwrap_or_default();
    let mut lines: Vec<&[u8]> = log.split_inclusive(|&b| b == b'\n').collect();
    lines.pop_if(|last| !last.ends_with(b"\n") || last.contains(&0));
    for line in lines {
        let event: AuditEvent = document::from_json(line)
            .unwrap_or_else(|fault| panic!("{context}: line {}: {fault}", events.len() + 1));
        let last = events.last().and_then(|event| event.hash.clone());
        assert_eq!(event.prev_hash, last, "{context}: the chain breaks at {}", events.len() + 1);
        assert_eq!(event.hash, Some(event.expected_hash()), "{context}: a hash is wrong");
        events.push(event);
    }
    events
}
