//! `gtc op env-packs`.

use clap::{Args, Subcommand};
use control::env_packs::{
    self, Add, PackFacts, Remove, Rollback, Update, rollback_subject, slot_generation,
    update_subject,
};
use control::{Lookup as _, Problem, Verb as _};
use deploy_spec::{Descriptor, EnvPackBinding, Fault, PackRef, Slot};
use env_pack::Registry;
use serde_json::{Map, Value};
use store::EnvironmentStore;

use super::environment_and;
use crate::globals::{Change, Globals, InEnvironment};
use crate::mutate::{Fields, mutate, values};
use crate::outcome::Success;

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Fill a slot that is empty
    #[command(after_help = "Example:
  gtc op env-packs add telemetry --kind greentic.telemetry.stdout@0.1.0")]
    Add(FillArgs),
    /// Fill a slot with something else, or with other settings; what was there is kept
    #[command(after_help = "Example:
  gtc op env-packs update state --kind greentic.state.in-memory@0.1.0")]
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
    /// A setting of the env-pack; may be given again
    #[arg(long, value_name = "NAME=VALUE")]
    answer: Vec<String>,
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
    fn split(self) -> Result<(Map<String, Value>, Change), Fault> {
        let (environment, slot) = environment_and(self.words);
        let flags = Fields::default()
            .set("environment_id", environment)
            .set("slot", slot)
            .set("kind", self.kind)
            .object("answers", values("--answer", &self.answer)?);
        Ok((flags.done(), self.change))
    }
}

fn add(globals: &Globals, args: FillArgs) -> Result<Success, Fault> {
    let (flags, change) = args.split()?;
    mutate::<Add>(globals, &change, flags, |store, answers, _| {
        facts(store, answers.slot, &answers.kind, &answers.pack_ref, &answers.answers)
    })
}

fn update(globals: &Globals, args: FillArgs) -> Result<Success, Fault> {
    let (flags, change) = args.split()?;
    mutate::<Update>(globals, &change, flags, |store, answers, _| {
        let wanted = update_subject(&store.read()?, answers)?;
        binding_facts(store, &wanted)
    })
}

fn rollback(globals: &Globals, args: SlotArgs) -> Result<Success, Fault> {
    let (flags, change) = args.split();
    mutate::<Rollback>(globals, &change, flags, |store, answers, _| {
        let wanted = rollback_subject(&store.read()?, answers.slot)?;
        binding_facts(store, &wanted)
    })
}

fn binding_facts(store: &EnvironmentStore, wanted: &EnvPackBinding) -> Result<PackFacts, Fault> {
    facts(store, wanted.slot, &wanted.kind, &wanted.pack_ref, &wanted.answers)
}

/// What the registry says.
fn facts(
    store: &EnvironmentStore,
    slot: Slot,
    kind: &Descriptor,
    pack_ref: &PackRef,
    answers: &Map<String, Value>,
) -> Result<PackFacts, Fault> {
    let registry = Registry::builtin()?;
    let mut objections = registry.check(slot, kind, answers);
    if *pack_ref != PackRef::Builtin {
        let why = "this gtc runs the env-packs that are part of it, and no others";
        objections.push(("/pack_ref".into(), why.into()));
    }
    let problems = objections.into_iter().map(|(pointer, why)| Problem::new(pointer, why));
    Ok(PackFacts {
        slot: registry.get(kind).map_or(slot, |handler| handler.slot),
        digest: None,
        problems: problems.collect(),
        generation: slot_generation(&store.read()?.environment()?, slot),
    })
}

fn list(globals: &Globals, at: &InEnvironment) -> Result<Success, Fault> {
    let view = globals.readable(("env-packs", "list"), &at.environment)?.read()?;
    Success::of(&env_packs::list(&view)?)
}
