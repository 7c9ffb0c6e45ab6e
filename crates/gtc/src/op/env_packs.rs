//! `gtc op env-packs`.

use clap::{Args, Subcommand};
use control::Verb as _;
use control::env_packs::{
    self, Add, PackFacts, Remove, Rollback, Update, rollback_subject, update_subject,
};
use deploy_spec::{EnvPackBinding, Fault};
use serde_json::{Map, Value};
use serve::env_packs::pack_facts;
use serve::staging::Mode;
use store::EnvironmentStore;

use super::environment_and;
use crate::globals::{Change, Globals, InEnvironment};
use crate::mutate::{Fields, Intent, mutate, values};
use crate::outcome::Success;
use crate::registries::Registries;

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Fill a slot that is empty
    #[command(after_help = "Examples:
  gtc op env-packs add telemetry --kind greentic.telemetry.stdout@0.1.0
  gtc op env-packs add deployer --kind acme.deployer.cluster@1.2.0 \\
    --pack-ref oci://registry.example.org/packs/cluster:1.2.0 --answer region=eu-west")]
    Add(FillArgs),
    /// Fill a slot with something else, or with other settings; what was there is kept
    #[command(after_help = "Examples:
  gtc op env-packs update state --kind greentic.state.in-memory@0.1.0
  gtc op env-packs update deployer --answer region=us-east
  gtc op env-packs update deployer --pack-ref ./cluster.wasm --kind acme.deployer.cluster@1.3.0

Without --kind and --pack-ref the code that is bound stays what it is; with one of them it is
what is there now.")]
    Update(FillArgs),
    /// Empty a slot; what was there is kept
    #[command(after_help = "Example:\n  gtc op env-packs remove telemetry")]
    Remove(SlotArgs),
    /// Put back what was in a slot before
    #[command(after_help = "Example:\n  gtc op env-packs rollback telemetry")]
    Rollback(SlotArgs),
    /// List what an environment is bound to
    #[command(after_help = "Example:\n  gtc op env-packs list local")]
    List(InEnvironment),
}

#[derive(Debug, Args)]
pub(crate) struct FillArgs {
    /// The environment, if not local, then the slot: deployer, secrets, telemetry, sessions, state
    /// or revocation
    #[arg(value_name = "[ENVIRONMENT] SLOT", num_args = 0..=2)]
    words: Vec<String>,
    /// The env-pack and its version: greentic.telemetry.stdout@0.1.0
    #[arg(long, value_name = "DESCRIPTOR")]
    kind: Option<String>,
    /// Where its component is: a path, file://, oci://, repo:// or store://, or the digest of one that
    /// is held already [default: part of gtc; with update, where it was]
    #[arg(long, value_name = "REFERENCE")]
    pack_ref: Option<String>,
    /// A setting of the env-pack; may be given again
    #[arg(long, value_name = "NAME=VALUE")]
    answer: Vec<String>,
    #[command(flatten)]
    registries: Registries,
    #[command(flatten)]
    change: Change,
}

#[derive(Debug, Args)]
pub(crate) struct SlotArgs {
    /// The environment, if not local, then the slot
    #[arg(value_name = "[ENVIRONMENT] SLOT", num_args = 0..=2)]
    words: Vec<String>,
    #[command(flatten)]
    change: Change,
}

impl Verb {
    pub(super) fn run(self, globals: &Globals) -> (&'static str, Result<Success, Fault>) {
        match self {
            Self::Add(args) => (Add::OP, add(globals, args)),
            Self::Update(args) => (Update::OP, update(globals, args)),
            Self::Remove(args) => {
                let (flags, change) = args.split();
                (Remove::OP, mutate::<Remove>(globals, &change, flags, |_, _, _| Ok(())))
            }
            Self::Rollback(args) => (Rollback::OP, rollback(globals, args)),
            Self::List(at) => ("list", list(globals, &at)),
        }
    }
}

impl SlotArgs {
    fn split(self) -> (Map<String, Value>, Change) {
        let (environment, slot) = environment_and(self.words);
        let flags = Fields::default().set("environment_id", environment).set("slot", slot);
        (flags.done(), self.change)
    }
}

impl FillArgs {
    fn split(self) -> Result<(Map<String, Value>, Change, Registries), Fault> {
        let (environment, slot) = environment_and(self.words);
        let flags = Fields::default()
            .set("environment_id", environment)
            .set("slot", slot)
            .set("kind", self.kind)
            .set("pack_ref", self.pack_ref)
            .object("answers", values("--answer", &self.answer)?);
        Ok((flags.done(), self.change, self.registries))
    }
}

fn add(globals: &Globals, args: FillArgs) -> Result<Success, Fault> {
    let (flags, change, registries) = args.split()?;
    mutate::<Add>(globals, &change, flags, |store, answers, intent| {
        let wanted = EnvPackBinding {
            slot: answers.slot,
            kind: answers.kind.clone(),
            pack_ref: answers.pack_ref.clone(),
            digest: None,
            answers: answers.answers.clone(),
            generation: 0,
            previous: None,
        };
        facts(store, &wanted, intent, &registries)
    })
}

fn update(globals: &Globals, args: FillArgs) -> Result<Success, Fault> {
    let (flags, change, registries) = args.split()?;
    mutate::<Update>(globals, &change, flags, |store, answers, intent| {
        let wanted = update_subject(&store.read()?, answers)?;
        facts(store, &wanted, intent, &registries)
    })
}

fn rollback(globals: &Globals, args: SlotArgs) -> Result<Success, Fault> {
    let (flags, change) = args.split();
    mutate::<Rollback>(globals, &change, flags, |store, answers, intent| {
        let wanted = rollback_subject(&store.read()?, answers.slot)?;
        facts(store, &wanted, intent, &Registries::default())
    })
}

/// What the env-pack that is wanted says of itself.
fn facts(
    store: &EnvironmentStore,
    wanted: &EnvPackBinding,
    intent: Intent,
    registries: &Registries,
) -> Result<PackFacts, Fault> {
    let mode = if intent == Intent::Commit { Mode::TakeIn } else { Mode::LookOnly };
    pack_facts(store, wanted, mode, |named| registries.env_pack(named, store))
}

fn list(globals: &Globals, at: &InEnvironment) -> Result<Success, Fault> {
    let view = globals.readable(("env-packs", "list"), &at.environment)?.read()?;
    Success::of(&env_packs::list(&view)?)
}
