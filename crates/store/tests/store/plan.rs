//! A command as data, so that another process can be told it, and the model asked it afterwards.

use std::fmt;

use control::{
    Context, Key, Record, backups, bundles, config, credentials, env, env_packs, revisions,
    secrets, traffic, trust,
};
use deploy_spec::{BackupId, CheckStatus, Digest, EventId, PackRef, Permission, Slot};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::dice::Dice;
use crate::world::{Command, command, context, gate, init_facts, local, sealed, staged};

/// One command, with everything that decides its answer.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Plan {
    /// Such as `traffic set`.
    pub(crate) verb: String,
    pub(crate) document: Value,
    /// What the verb's facts are made from.
    pub(crate) facts: Value,
    pub(crate) now_ms: i64,
    /// Where its random bits come from; no other plan has the same.
    pub(crate) random: u64,
    pub(crate) is_denied: bool,
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { verb, document, now_ms, is_denied, .. } = self;
        write!(f, "`{verb}` {document}, at {now_ms}, denied: {is_denied}")
    }
}

impl Plan {
    /// Not yet at any time.
    pub(crate) fn new(verb: &str, document: Value, facts: Value) -> Self {
        Self { verb: verb.into(), document, facts, now_ms: 0, random: 0, is_denied: false }
    }

    /// The id of the one audit event that this command may leave.
    pub(crate) fn event_id(&self) -> EventId {
        let ms = u64::try_from(self.now_ms).unwrap();
        EventId::from_parts(ms, self.context().fresh.event)
    }

    fn context(&self) -> Context {
        let mut context = context(self.now_ms, &mut Dice::new(self.random));
        if self.is_denied {
            context.authorization.decision = Permission::Deny;
        }
        context
    }

    pub(crate) fn command(&self) -> Box<dyn Command> {
        let (noun, op) = self.verb.split_once(' ').unwrap();
        match noun {
            "env" => self.env(op),
            "env-packs" => self.env_packs(op),
            "bundles" => self.bundles(op),
            "revisions" => self.revisions(op),
            "traffic" => self.traffic(op),
            "config" => self.config(op),
            "secrets" => self.secrets(op),
            "credentials" => self.credentials(op),
            "backups" => self.backups(op),
            "trust" => self.trust(op),
            other => panic!("{other}"),
        }
    }

    fn env(&self, op: &str) -> Box<dyn Command> {
        let (document, context) = (self.document.clone(), self.context());
        match op {
            "init" => command::<env::Init>(document, init_facts(), context),
            "create" => command::<env::Create>(document, (), context),
            "update" => command::<env::Update>(document, (), context),
            "destroy" => command::<env::Destroy>(document, (), context),
            other => panic!("{other}"),
        }
    }

    fn env_packs(&self, op: &str) -> Box<dyn Command> {
        let (document, context) = (self.document.clone(), self.context());
        let slot: Slot = serde_json::from_value(document["slot"].clone()).unwrap();
        let generation = self.facts["generation"].as_u64();
        let facts = env_packs::PackFacts {
            slot,
            pack_ref: PackRef::Builtin,
            digest: None,
            objection: None,
            problems: Vec::new(),
            generation,
        };
        match op {
            "add" => command::<env_packs::Add>(document, facts, context),
            "update" => command::<env_packs::Update>(document, facts, context),
            "remove" => command::<env_packs::Remove>(document, (), context),
            "rollback" => command::<env_packs::Rollback>(document, facts, context),
            other => panic!("{other}"),
        }
    }

    fn bundles(&self, op: &str) -> Box<dyn Command> {
        let (document, context) = (self.document.clone(), self.context());
        match op {
            "add" => command::<bundles::Add>(document, (), context),
            "update" => command::<bundles::Update>(document, (), context),
            "pause" => command::<bundles::Pause>(document, (), context),
            "resume" => command::<bundles::Resume>(document, (), context),
            "remove" => command::<bundles::Remove>(document, (), context),
            other => panic!("{other}"),
        }
    }

    fn revisions(&self, op: &str) -> Box<dyn Command> {
        let (document, context) = (self.document.clone(), self.context());
        let is_so = self.facts["is_so"] == true;
        match op {
            "stage" => {
                let bundle = staged(self.facts["bundle"].as_str().unwrap());
                command::<revisions::Stage>(document, bundle, context)
            }
            "warm" => {
                let status = if is_so { CheckStatus::Pass } else { CheckStatus::Fail };
                command::<revisions::Warm>(document, gate(status), context)
            }
            "drain" => {
                let facts = revisions::DrainFacts { served: is_so };
                command::<revisions::Drain>(document, facts, context)
            }
            "complete-drain" => command::<revisions::CompleteDrain>(document, None, context),
            "retry" => command::<revisions::Retry>(document, (), context),
            "archive" => command::<revisions::Archive>(document, (), context),
            "tag" => command::<revisions::Tag>(document, (), context),
            "untag" => command::<revisions::Untag>(document, (), context),
            "prune" => command::<revisions::Prune>(document, (), context),
            other => panic!("{other}"),
        }
    }

    fn traffic(&self, op: &str) -> Box<dyn Command> {
        let (document, context) = (self.document.clone(), self.context());
        match op {
            "set" => command::<traffic::Set>(document, (), context),
            "rollback" => command::<traffic::Rollback>(document, (), context),
            "clear" => command::<traffic::Clear>(document, (), context),
            "shadow" => command::<traffic::CastShadow>(document, (), context),
            "unshadow" => command::<traffic::Unshadow>(document, (), context),
            other => panic!("{other}"),
        }
    }

    fn config(&self, op: &str) -> Box<dyn Command> {
        let (document, context) = (self.document.clone(), self.context());
        let facts = config::ConfigFacts::default();
        match op {
            "set" => command::<config::Set>(document, facts, context),
            "unset" => command::<config::Unset>(document, facts, context),
            other => panic!("{other}"),
        }
    }

    fn secrets(&self, op: &str) -> Box<dyn Command> {
        let (document, context) = (self.document.clone(), self.context());
        let value = || sealed(self.facts["value"].as_str().unwrap());
        match op {
            "put" => command::<secrets::Put>(document, value(), context),
            "rotate" => command::<secrets::Rotate>(document, value(), context),
            "delete" => command::<secrets::Delete>(document, (), context),
            other => panic!("{other}"),
        }
    }

    fn credentials(&self, op: &str) -> Box<dyn Command> {
        let (document, context) = (self.document.clone(), self.context());
        let value = self.facts["value"].as_str().unwrap();
        let facts =
            credentials::CredentialFacts { sealed: Some(sealed(value)), checks: Vec::new() };
        match op {
            "import" => command::<credentials::Import>(document, facts, context),
            "rotate" => command::<credentials::Rotate>(document, facts, context),
            "bootstrap" => {
                let facts = credentials::BootstrapFacts::Made(facts);
                command::<credentials::Bootstrap>(document, facts, context)
            }
            other => panic!("{other}"),
        }
    }

    fn trust(&self, op: &str) -> Box<dyn Command> {
        let (document, context) = (self.document.clone(), self.context());
        match op {
            "add" => command::<trust::Add>(document, (), context),
            "revoke" => command::<trust::Revoke>(document, (), context),
            "threshold" => command::<trust::Threshold>(document, (), context),
            other => panic!("{other}"),
        }
    }

    fn backups(&self, op: &str) -> Box<dyn Command> {
        let (document, context) = (self.document.clone(), self.context());
        match op {
            "create" => {
                let made = backups::BackupMade {
                    backup_id: BackupId::from_parts(1, self.random.into()),
                    file: "a.gtbackup".into(),
                    digest: Digest::of(b"a"),
                    size_bytes: 1,
                    sequence: 1,
                    records: 1,
                };
                command::<backups::Create>(document, made, context)
            }
            "restore" => command::<backups::Restore>(document, self.backed_up(), context),
            other => panic!("{other}"),
        }
    }

    fn backed_up(&self) -> backups::RestoreFacts {
        let records: Vec<(Key, Value)> = serde_json::from_value(self.facts.clone()).unwrap();
        let parse = |(key, record): (Key, Value)| {
            Record::parse(&key, record.to_string().as_bytes()).unwrap()
        };
        backups::RestoreFacts {
            source_environment: local(),
            digest: Digest::of(b"a"),
            records: records.into_iter().map(parse).collect(),
            missing_artifacts: Vec::new(),
            missing_values: Vec::new(),
        }
    }
}
