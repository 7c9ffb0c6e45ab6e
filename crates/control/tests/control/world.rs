//! An environment in memory with a clock and a source of random bits that a test can repeat.

use control::{Call, Change, Context, Decision, Fresh, Handle, Key, Lookup as _, Memory};
use control::{Record, Rejection, Reply, Transaction, Verb, bundles, decide, env, revisions};
use control::{View as _, revisions::GateReport, traffic};
use control::{backups, credentials, env_packs, resolve_deployment, resolve_revision, secrets};
use deploy_spec::{
    Actor, ActorKind, Allocation, AuditEvent, Authorization, CheckStatus, DeploymentRecord, Digest,
    EnvironmentId, Fault, GateCheck, Lifecycle, PackKind, PackRef, Permission, Pinned, PinnedPack,
    Revision, Signature, Slot, Timestamp, TrustedKey,
};
use proptest::test_runner::{Config, RngSeed};
use serde_json::{Value, json};

use crate::laws;

/// The seed of every property; a failure shows the smallest input that still fails.
const SEED: u64 = 0x6772_6565_6e74_6963;

pub(crate) fn cases(cases: u32) -> Config {
    Config { cases, rng_seed: RngSeed::Fixed(SEED), failure_persistence: None, ..Config::default() }
}

#[derive(Clone)]
pub(crate) struct World {
    pub(crate) memory: Memory,
    pub(crate) authorization: Authorization,
    /// What the audit log would hold.
    pub(crate) audit: Vec<AuditEvent>,
    clock: i64,
    random: u64,
    names: Vec<(String, String)>,
}

impl World {
    /// No environment yet.
    pub(crate) fn new(environment: &str) -> Self {
        let environment: EnvironmentId = environment.parse().unwrap();
        Self {
            memory: Memory::new(environment),
            authorization: Authorization {
                decision: Permission::Allow,
                policy: "owner-of-local".into(),
                reason: "the owner of the store may do anything to local".into(),
            },
            audit: Vec::new(),
            clock: 1_767_225_600, // 2026-01-01T00:00:00Z
            random: SEED,
            names: Vec::new(),
        }
    }

    /// `local`, freshly made.
    pub(crate) fn local() -> Self {
        let mut world = Self::new("local");
        world.ask_with::<env::Init>(json!({}), &init_facts()).unwrap();
        world
    }

    /// `local` with one deployment of `fast2flow` and `ready` ready revisions.
    pub(crate) fn serving(ready: u64) -> Self {
        let mut world = Self::local();
        world.add("fast2flow", "/");
        for _ in 0..ready {
            world.stage_ready("fast2flow");
        }
        world
    }

    /// SplitMix64 (<https://prng.di.unimi.it/splitmix64.c>).
    fn next(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn bits(&mut self) -> u128 {
        u128::from(self.next()) << 64 | u128::from(self.next())
    }

    pub(crate) fn set_clock(&mut self, unix_seconds: i64) {
        self.clock = unix_seconds;
    }

    fn context(&mut self) -> Context {
        self.clock += 1;
        Context {
            now: Timestamp::from_second(self.clock).unwrap(),
            actor: Actor {
                kind: ActorKind::OsUser,
                user: "ada".into(),
                uid: 1000,
                host: "box".into(),
            },
            authorization: self.authorization.clone(),
            fresh: Fresh { event: self.bits(), id: self.bits(), salt: self.bits().to_be_bytes() },
        }
    }

    /// Decides, keeps the audit event, and applies the transaction; every law is checked then.
    pub(crate) fn decide<V: Verb>(
        &mut self,
        call: &Call<V::Answers>,
        facts: &V::Facts,
    ) -> Result<Decision, Box<Rejection>> {
        let context = self.context();
        let decided = decide::<V>(&self.memory, call, facts, &context);
        match &decided {
            Ok(Decision { transaction: Some(transaction), .. }) => self.commit(transaction),
            Ok(Decision { transaction: None, .. }) => {}
            Err(rejection) => self.audit.push(rejection.audit.clone()),
        }
        decided
    }

    fn commit(&mut self, transaction: &Transaction) {
        let before = self.memory.clone();
        self.memory.apply(&transaction.changes);
        self.audit.push(transaction.audit.clone());
        laws::hold(&before, transaction, &self.memory);
        for change in &transaction.changes {
            match change {
                Change::Put { key: Key::Deployment(id), .. } => {
                    let next = self.memory.deployment_ids().unwrap().len();
                    self.name(&id.to_string(), format!("D{next}"));
                }
                Change::Put { key: Key::Revision(of, id), record: Record::Revision(revision) } => {
                    let whose = self.shown(&of.to_string());
                    self.name(&id.to_string(), format!("{whose}.r{}", revision.sequence));
                }
                _ => {}
            }
        }
    }

    fn name(&mut self, id: &str, name: String) {
        if !self.names.iter().any(|(known, _)| known == id) {
            self.names.push((id.to_owned(), name));
        }
    }

    /// The reply, or why there is none.
    pub(crate) fn reply<V: Verb>(
        &mut self,
        document: Value,
        facts: &V::Facts,
    ) -> Result<Reply, Fault> {
        let call = Call::from_document(document)?;
        self.decide::<V>(&call, facts).map(|d| d.reply).map_err(|rejection| rejection.fault)
    }

    /// The result, or the failure of whatever sort.
    pub(crate) fn ask_with<V: Verb>(
        &mut self,
        document: Value,
        facts: &V::Facts,
    ) -> Result<Value, Fault> {
        match self.reply::<V>(document, facts)? {
            Reply::Result(raw) => Ok(serde_json::from_str(raw.get()).unwrap()),
            Reply::Error(fault) => Err(fault),
        }
    }

    pub(crate) fn ask<V: Verb<Facts = ()>>(&mut self, document: Value) -> Result<Value, Fault> {
        self.ask_with::<V>(document, &())
    }

    /// Adds a deployment of `bundle` at `prefix`; its id.
    pub(crate) fn add(&mut self, bundle: &str, prefix: &str) -> String {
        let document = json!({"bundle_id": bundle, "route_binding": {"path_prefix": prefix}});
        text(&self.ask::<bundles::Add>(document).unwrap()["deployment_id"])
    }

    /// Stages the next revision of `deployment`; its id.
    pub(crate) fn stage(&mut self, deployment: &str) -> String {
        let record = self.deployment(deployment);
        let bundle = record.deployment.bundle_id.as_str().to_owned();
        let version = format!("1.{}.0", record.deployment.last_sequence);
        let document = json!({"deployment_id": deployment, "bundle": "./x.gtbundle"});
        let staged = self.ask_with::<revisions::Stage>(document, &staged_bundle(&bundle, &version));
        text(&staged.unwrap()["revision_id"])
    }

    pub(crate) fn stage_ready(&mut self, deployment: &str) -> String {
        let id = self.stage(deployment);
        self.ask_with::<revisions::Warm>(json!({"revision_id": id}), &green()).unwrap();
        id
    }

    /// Turns the dial of the only deployment: `[("r1", 9900), ("r2", 100)]`.
    pub(crate) fn turn(&mut self, shares: &[(&str, u16)]) -> Result<Value, Fault> {
        self.ask::<traffic::Set>(json!({"entries": entries(shares)}))
    }

    /// What a registry that agrees says of a slot as it is.
    pub(crate) fn agrees(&self, slot: Slot) -> env_packs::PackFacts {
        let environment = self.memory.find_environment().unwrap();
        let generation = environment.and_then(|found| env_packs::slot_generation(&found, slot));
        env_packs::PackFacts {
            slot,
            pack_ref: PackRef::Builtin,
            digest: None,
            objection: None,
            problems: Vec::new(),
            generation,
        }
    }

    /// Puts a secret whose value is `value`.
    pub(crate) fn put_secret(&mut self, path: &str, value: &str) -> Result<Value, Fault> {
        self.ask_with::<secrets::Put>(json!({"path": path}), &sealed(value))
    }

    /// A backup of what is now.
    pub(crate) fn backup(&self) -> backups::RestoreFacts {
        let keys = self.memory.all().unwrap().into_iter();
        let records: Vec<Record> =
            keys.map(|key| self.memory.get(&key).unwrap().unwrap()).collect();
        backups::RestoreFacts {
            source_environment: self.memory.environment_id().clone(),
            digest: Digest::of(b"backup"),
            records,
            missing_artifacts: Vec::new(),
            missing_values: Vec::new(),
        }
    }

    pub(crate) fn deployment(&self, handle: &str) -> DeploymentRecord {
        resolve_deployment(&self.memory, Some(&handle_of(handle))).unwrap()
    }

    /// The current allocation of the only deployment.
    pub(crate) fn allocation(&self) -> Allocation {
        resolve_deployment(&self.memory, None).unwrap().split.unwrap().allocation.unwrap()
    }

    pub(crate) fn revision(&self, handle: &str) -> Revision {
        resolve_revision(&self.memory, None, &handle_of(handle)).unwrap().1
    }

    /// Puts a revision where no verb of this crate can, as another process would have.
    pub(crate) fn force(&mut self, handle: &str, lifecycle: Lifecycle) {
        let revision = Revision { lifecycle, ..self.revision(handle) };
        self.put(Record::Revision(revision));
    }

    pub(crate) fn put(&mut self, record: Record) {
        self.memory.apply(&[Change::Put { key: record.key(), record }]);
    }

    /// `text` with ids and digests by name.
    pub(crate) fn shown(&self, text: &str) -> String {
        let named = |text: String, (id, name): &(String, String)| text.replace(id, name);
        let text = self.names.iter().fold(text.to_owned(), named);
        let empty = Digest::of(b"{}").to_string();
        let versions = (0..5).map(|i| format!("1.{i}.0"));
        versions.fold(text.replace(&empty, "digest({})"), |text, version| {
            text.replace(&digest("fast2flow", &version).to_string(), &format!("digest({version})"))
        })
    }

    /// A result or a fault as text, ids by name.
    pub(crate) fn told(&self, outcome: &Result<Value, Fault>) -> String {
        let text = match outcome {
            Ok(result) => pretty(result),
            Err(fault) => format!(
                "{}: {}\nhint: {}\n{}",
                fault.kind,
                fault.message,
                fault.hint.as_deref().unwrap_or("-"),
                pretty(&json!(fault.details)),
            ),
        };
        self.shown(&text)
    }
}

/// Indented, keys in order whatever map serde_json was built with.
pub(crate) fn pretty(value: &Value) -> String {
    fn sorted(value: &Value) -> Value {
        match value {
            Value::Object(map) => {
                let ordered: std::collections::BTreeMap<_, _> = map.iter().collect();
                ordered.into_iter().map(|(key, value)| (key.clone(), sorted(value))).collect()
            }
            Value::Array(list) => list.iter().map(sorted).collect(),
            plain => plain.clone(),
        }
    }
    serde_json::to_string_pretty(&sorted(value)).unwrap()
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

pub(crate) fn handle_of(handle: &str) -> Handle {
    handle.parse().unwrap()
}

pub(crate) fn entries(shares: &[(&str, u16)]) -> Value {
    let entry = |&(id, bps): &(&str, u16)| json!({"revision_id": id, "weight_bps": bps});
    shares.iter().map(entry).collect()
}

pub(crate) fn init_facts() -> env::InitFacts {
    env::InitFacts { own_key: trusted_key("own") }
}

pub(crate) fn trusted_key(name: &str) -> TrustedKey {
    TrustedKey {
        key_id: format!("{name}-key"),
        public_key: format!("{name}-public"),
        ..TrustedKey::default()
    }
}

pub(crate) fn digest(bundle: &str, version: &str) -> Digest {
    Digest::of(format!("{bundle} {version}").as_bytes())
}

pub(crate) fn staged_bundle(bundle: &str, version: &str) -> revisions::StagedBundle {
    revisions::StagedBundle {
        source: None,
        objection: None,
        bundle_id: bundle.parse().unwrap(),
        version: version.parse().unwrap(),
        digest: digest(bundle, version),
        size_bytes: 4096,
        pack_list: vec![PinnedPack {
            pack_id: "web".parse().unwrap(),
            kind: PackKind::HttpComponent,
            digest: Digest::of(b"web"),
            public_path: "/".parse().unwrap(),
            url: None,
            image: None,
        }],
        secrets: Vec::new(),
        drain_seconds: None,
        config: control::config::Declared::default(),
        signature: Some(Signature { key_id: "own-key".into() }),
    }
}

/// A value as the secrets slot gives it back; nothing else of it is ever seen here.
pub(crate) fn sealed(value: &str) -> secrets::SealedValue {
    secrets::SealedValue {
        value_ref: format!("sealed/{value}"),
        fingerprint: format!("print-of-{value}"),
    }
}

pub(crate) fn credentials(value: &str, status: CheckStatus) -> credentials::CredentialFacts {
    let check = |requirement: &str, required, status, detail: &str| credentials::CredentialCheck {
        requirement: requirement.into(),
        required,
        status,
        detail: detail.into(),
    };
    credentials::CredentialFacts {
        sealed: (status == CheckStatus::Pass).then(|| sealed(value)),
        checks: vec![
            check("can deploy", true, status, "kubectl auth can-i create deployments"),
            check("can read logs", false, CheckStatus::Fail, "only needed for gtc logs"),
        ],
    }
}

pub(crate) fn backup_made(id: &str) -> backups::BackupMade {
    backups::BackupMade {
        backup_id: id.parse().unwrap(),
        file: format!("backups/{id}.gtbackup"),
        digest: Digest::of(b"backup"),
        size_bytes: 4096,
        sequence: 7,
        records: 12,
    }
}

pub(crate) fn green() -> GateReport {
    gate(vec![check("digest", CheckStatus::Pass, "matches")])
}

pub(crate) fn red() -> GateReport {
    gate(vec![
        check("digest", CheckStatus::Pass, "matches"),
        check("readiness", CheckStatus::Fail, "GET /readyz answered 500"),
        check("late", CheckStatus::Skipped, "an earlier check failed"),
    ])
}

pub(crate) fn gate(checks: Vec<GateCheck>) -> GateReport {
    GateReport { checks, pinned: Pinned { engine: "engine-1".into(), secrets: Vec::new() } }
}

fn check(name: &str, status: CheckStatus, detail: &str) -> GateCheck {
    GateCheck { check: name.into(), status, detail: detail.into(), millis: 3 }
}
