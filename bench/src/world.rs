//! Environments of any size, made by the verbs themselves.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use control::{
    Call, Change, Context, Decision, Fresh, Key, Memory, Transaction, Verb, bundles, decide, env,
    revisions, revisions::GateReport, traffic,
};
use deploy_spec::{
    Actor, ActorKind, AuditEvent, Authorization, CheckStatus, Digest, EnvironmentId, GateCheck,
    PackKind, Permission, Pinned, PinnedPack, Signature, Timestamp, TrustedKey,
};
use serde_json::{Value, json};
use store::{Disk, EnvironmentStore, Guard, Holder, LockMode, RealDisk};

/// How many revisions each deployment has.
pub(crate) const REVISIONS: usize = 20;

/// A source of ids that is the same in every run.
pub(crate) struct Maker {
    drawn: u64,
}

impl Maker {
    pub(crate) const fn new() -> Self {
        Self { drawn: 0 }
    }

    /// SplitMix64 (Steele, Lea, Flood 2014).
    fn draw(&mut self) -> u64 {
        self.drawn = self.drawn.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.drawn ^ (self.drawn >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn bits(&mut self) -> u128 {
        u128::from(self.draw()) << 64 | u128::from(self.draw())
    }

    fn context(&mut self) -> Context {
        let authorization = Authorization {
            decision: Permission::Allow,
            policy: "bench".into(),
            reason: "it is measured".into(),
        };
        let actor =
            Actor { kind: ActorKind::OsUser, user: "bench".into(), uid: 0, host: String::new() };
        let fresh = Fresh { event: self.bits(), id: self.bits(), salt: self.bits().to_be_bytes() };
        Context { now: noon(), actor, authorization, fresh }
    }

    /// Decides, and applies what follows.
    fn ask<V: Verb>(
        &mut self,
        memory: &mut Memory,
        answers: Value,
        facts: &V::Facts,
    ) -> Result<Option<AuditEvent>, String> {
        let call = Call::from_document(answers).map_err(|fault| fault.message)?;
        let decided = decide::<V>(memory, &call, facts, &self.context());
        let Decision { transaction, .. } = decided.map_err(|rejection| rejection.fault.message)?;
        Ok(transaction.map(|Transaction { changes, audit }| {
            memory.apply(&changes);
            audit
        }))
    }

    /// `local`, with nothing in it.
    pub(crate) fn local(&mut self) -> Result<(Memory, AuditEvent), String> {
        let mut memory = Memory::new(EnvironmentId::local());
        let own_key = TrustedKey {
            key_id: "bench".into(),
            public_key: "bench".into(),
            ..TrustedKey::default()
        };
        let made = self.ask::<env::Init>(&mut memory, json!({}), &env::InitFacts { own_key })?;
        Ok((memory, made.ok_or("`env init` changed nothing")?))
    }

    /// `local` with deployment number `i` in it, of bundle `b<i>` at `b<i>.test`: 20 ready
    /// revisions, 99/1 between the last two.
    pub(crate) fn deployment(&mut self, local: &Memory, i: usize) -> Result<Memory, String> {
        let mut memory = local.clone();
        let bundle = format!("b{i}");
        let add = json!({"bundle_id": bundle, "route_binding": {"host": format!("{bundle}.test")}});
        self.ask::<bundles::Add>(&mut memory, add, &())?;
        for sequence in 1..=REVISIONS {
            let facts = staged(&bundle, sequence)?;
            self.ask::<revisions::Stage>(&mut memory, json!({"bundle": "./x.gtbundle"}), &facts)?;
            let warm = json!({"deployment_id": bundle, "revision_id": format!("r{sequence}")});
            self.ask::<revisions::Warm>(&mut memory, warm, &green())?;
        }
        let entries = json!([
            {"revision_id": format!("r{}", REVISIONS - 1), "weight_percent": 99},
            {"revision_id": format!("r{REVISIONS}"), "weight_percent": 1}]);
        self.ask::<traffic::Set>(&mut memory, json!({"entries": entries}), &())?;
        Ok(memory)
    }

    /// A store below `root` whose `local` has `deployments` deployments.
    pub(crate) fn store(&mut self, root: &Path, deployments: usize) -> Result<(), String> {
        let (local, audit) = self.local()?;
        let id = EnvironmentId::local();
        let folder = root.join(id.as_str());
        std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
        let disk = Arc::new(Hasty(RealDisk::new(folder.clone())));
        let store = EnvironmentStore::on(id, folder, disk);
        commit(&store, &local, &audit, |_| true)?;
        for i in 0..deployments {
            let memory = self.deployment(&local, i)?;
            commit(&store, &memory, &audit, |key| *key != Key::Environment)?;
        }
        Ok(())
    }
}

pub(crate) fn noon() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap_or_default()
}

/// Commits all records that `wanted` takes.
fn commit(
    store: &EnvironmentStore,
    memory: &Memory,
    audit: &AuditEvent,
    wanted: impl Fn(&Key) -> bool,
) -> Result<(), String> {
    let holder = Holder { user: "bench".into(), pid: 0, command: "bench".into(), since: noon() };
    let records = memory.records().iter().filter(|(key, _)| wanted(key));
    let put = |(key, record): (&Key, &control::Record)| Change::Put {
        key: key.clone(),
        record: record.clone(),
    };
    let transaction = Transaction { changes: records.map(put).collect(), audit: audit.clone() };
    let writer = store.write_new(&holder).map_err(|fault| fault.message)?;
    writer.commit(&transaction).map(drop).map_err(|fault| fault.message)
}

fn staged(bundle: &str, sequence: usize) -> Result<revisions::StagedBundle, String> {
    let pack = PinnedPack {
        pack_id: "web".parse()?,
        kind: PackKind::HttpComponent,
        digest: Digest::of(b"web"),
        public_path: "/".parse()?,
        url: None,
        image: None,
    };
    Ok(revisions::StagedBundle {
        source: None,
        objection: None,
        bundle_id: bundle.parse()?,
        version: format!("1.{sequence}.0").parse().map_err(said)?,
        digest: Digest::of(format!("{bundle} {sequence}").as_bytes()),
        size_bytes: 4096,
        pack_list: vec![pack],
        secrets: Vec::new(),
        drain_seconds: None,
        config: control::config::Declared::default(),
        signature: Some(Signature { key_id: "bench".into() }),
    })
}

fn said(why: impl std::fmt::Display) -> String {
    why.to_string()
}

fn green() -> GateReport {
    let names = ["digest", "signature", "packs", "config", "secrets", "readiness"];
    let check = |name: &str| GateCheck {
        check: name.into(),
        status: CheckStatus::Pass,
        detail: "as it should be".into(),
        millis: 1,
    };
    GateReport { checks: names.map(check).into(), pinned: Pinned::default() }
}

/// A disk that syncs nothing: what is made on it need not outlive a loss of power.
struct Hasty(RealDisk);

impl Disk for Hasty {
    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        self.0.read(path)
    }
    fn read_tail(&self, path: &str, most: u64) -> io::Result<(Vec<u8>, u64)> {
        self.0.read_tail(path, most)
    }
    fn read_part(&self, path: &str, from: u64, most: u64) -> io::Result<Vec<u8>> {
        self.0.read_part(path, from, most)
    }
    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        self.0.list(folder)
    }
    fn make_folder(&self, folder: &str) -> io::Result<bool> {
        self.0.make_folder(folder)
    }
    fn write(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        self.0.write(path, bytes)
    }
    fn append(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        self.0.append(path, bytes)
    }
    fn truncate(&self, path: &str, length: u64) -> io::Result<()> {
        self.0.truncate(path, length)
    }
    fn sync(&self, _: &str) -> io::Result<()> {
        Ok(())
    }
    fn sync_folder(&self, _: &str) -> io::Result<()> {
        Ok(())
    }
    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.0.rename(from, to)
    }
    fn link(&self, from: &str, to: &str) -> io::Result<()> {
        self.0.link(from, to)
    }
    fn remove(&self, path: &str) -> io::Result<()> {
        self.0.remove(path)
    }
    fn lock(&self, mode: LockMode, patience: Duration) -> io::Result<Guard> {
        self.0.lock(mode, patience)
    }
}
