//! `gtc op credentials`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use control::credentials::{
    self, Bootstrap, BootstrapFacts, CredentialCheck, CredentialFacts, CredentialsOutcome, Import,
    Rotate,
};
use control::secrets::credentials_path;
use control::{Lookup as _, Verb as _};
use deploy_spec::{CheckStatus, EnvironmentId, Fault, Slot};
use env_pack::Handler;
use serde_json::json;
use serve::{DevStore, ambient};
use store::EnvironmentStore;

use crate::globals::{Change, Globals, InEnvironment};
use crate::mutate::{Fields, Intent, mutate};
use crate::op::secrets::{erase, forget_unneeded};
use crate::outcome::Success;

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Say which permissions the env-pack of the deployer needs, and for what
    #[command(after_help = "Example:\n  gtc op credentials requirements local")]
    Requirements(InEnvironment),
    /// Check the credentials that are kept against what is needed
    #[command(after_help = "Example:\n  gtc op credentials validate local")]
    Validate(InEnvironment),
    /// Keep credentials, once they have passed every check
    #[command(after_help = "Example:\n  gtc op credentials import --from-file key.json")]
    Import(ImportArgs),
    /// Put new credentials in the place of those that are kept
    #[command(after_help = "Example:\n  gtc op credentials rotate --from-file key.json")]
    Rotate(ImportArgs),
    /// Have the env-pack make an identity of its own, with no more permissions than it needs
    #[command(after_help = "Example:\n  gtc op credentials bootstrap prod-eu")]
    Bootstrap(BootstrapArgs),
    /// Show which credentials are kept, since when and by whom; never what they are
    Show(InEnvironment),
}

#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// The environment [default: local]
    environment: Option<EnvironmentId>,
    /// The file that holds them, which only its owner may use
    #[arg(long, value_name = "FILE", required_unless_present_any = ["schema", "print_answers"])]
    from_file: Option<PathBuf>,
    #[command(flatten)]
    change: Change,
}

#[derive(Debug, Args)]
pub(crate) struct BootstrapArgs {
    /// The environment [default: local]
    environment: Option<EnvironmentId>,
    #[command(flatten)]
    change: Change,
}

impl Verb {
    pub(super) fn run(self, globals: &Globals) -> (&'static str, Result<Success, Fault>) {
        match self {
            Self::Requirements(at) => ("requirements", requirements(globals, &at)),
            Self::Validate(at) => ("validate", validate(globals, &at)),
            Self::Import(args) => (Import::OP, keep::<Import>(globals, &args)),
            Self::Rotate(args) => (Rotate::OP, keep::<Rotate>(globals, &args)),
            Self::Bootstrap(args) => (Bootstrap::OP, bootstrap(globals, &args)),
            Self::Show(at) => ("show", show(globals, &at)),
        }
    }
}

/// What is known of the env-pack that the environment is deployed by.
fn deployer(store: &EnvironmentStore) -> Result<Handler, Fault> {
    let environment = store.read()?.environment()?;
    let bound = environment.binding(Slot::Deployer).ok_or_else(|| {
        Fault::refused(format!("nothing is bound to slot `{}`", Slot::Deployer)).hint(format!(
            "gtc op env-packs add {} {}",
            store.id(),
            Slot::Deployer
        ))
    })?;
    serve::env_packs::registry(store, &environment)?.resolve(&bound.kind).cloned()
}

/// What the env-pack needs, held against the credentials. Nothing needed is nothing to check; what
/// is needed and cannot be probed has not passed.
fn checks(handler: &Handler) -> Vec<CredentialCheck> {
    let unproven = |need: &env_pack::CredentialNeed| CredentialCheck {
        requirement: need.permission.clone(),
        required: true,
        status: CheckStatus::Fail,
        detail: format!("`{}` has no probe for it", handler.path),
    };
    handler.credentials.iter().map(unproven).collect()
}

fn requirements(globals: &Globals, at: &InEnvironment) -> Result<Success, Fault> {
    let store = globals.readable(("credentials", "requirements"), &at.environment)?;
    let handler = deployer(&store)?;
    Success::of(&json!({
        "environment_id": at.environment,
        "env_pack": handler.to_string(),
        "requirements": handler.credentials,
        "offers_bootstrap": handler.offers_bootstrap,
    }))
}

fn validate(globals: &Globals, at: &InEnvironment) -> Result<Success, Fault> {
    let store = globals.readable(("credentials", "validate"), &at.environment)?;
    let handler = deployer(&store)?;
    let checks = checks(&handler);
    let failed = checks.iter().filter(|check| check.status == CheckStatus::Fail).count();
    let view = store.read()?;
    let kept = credentials::show(&view)?.credentials;
    let result = json!({
        "environment_id": at.environment,
        "env_pack": handler.to_string(),
        "valid": failed == 0,
        "fingerprint": kept.map(|kept| kept.fingerprint),
        "checks": checks,
    });
    if failed == 0 {
        return Success::of(&result);
    }
    let why = format!("{failed} of {} requirements are not met", checks.len());
    let hint = format!("gtc op credentials requirements {}", at.environment);
    Err(Fault::unhealthy(why).hint(hint).detail("checks", result["checks"].clone()))
}

fn keep<V>(globals: &Globals, args: &ImportArgs) -> Result<Success, Fault>
where
    V: control::Verb<Facts = CredentialFacts, Outcome = CredentialsOutcome>,
{
    let flags = Fields::default().text("environment_id", args.environment.as_ref());
    let Some(file) = args.from_file.as_ref().filter(|_| !args.change.schema) else {
        let unreached = |_: &_, _: &_, _| Err(Fault::internal("no credentials were read"));
        return mutate::<V>(globals, &args.change, flags.done(), unreached);
    };
    let environment = args.environment.clone().unwrap_or_else(EnvironmentId::local);
    let store = globals.store(&environment)?;
    serve::permit(&store, (V::NOUN, V::OP), ambient::own_uid())?;
    let checks = checks(&deployer(&store)?);
    let value = env_pack::read_file(file)?;
    let dev_store = DevStore::open(&store)?;
    let path = credentials_path()?;
    let print = dev_store.fingerprint(&path, &value);
    let flags = flags.set("fingerprint", Some(print.clone()));
    let passed = checks.iter().all(|it| !it.required || it.status == CheckStatus::Pass);
    let mut kept = None;
    let done = mutate::<V>(globals, &args.change, flags.done(), |_, _, intent| {
        let sealed = match (passed, intent) {
            // What did not pass is sealed nowhere, and what is rehearsed neither.
            (false, _) => None,
            (true, Intent::Rehearse) => {
                let value_ref = "not-sealed".into();
                Some(control::secrets::SealedValue { value_ref, fingerprint: print })
            }
            (true, Intent::Commit) => Some(dev_store.seal(&path, &value)?),
        };
        kept = sealed.as_ref().map(|sealed| sealed.value_ref.clone());
        Ok(CredentialFacts { sealed, checks })
    });
    forget_unneeded(&store, &dev_store, &path, kept);
    let done = done?;
    erase(&dev_store, &done);
    Ok(done)
}

fn bootstrap(globals: &Globals, args: &BootstrapArgs) -> Result<Success, Fault> {
    let flags = Fields::default().text("environment_id", args.environment.as_ref());
    // No env-pack of this program can make an identity; the rule says so, and names the one bound.
    let facts = |_: &_, _: &_, _| Ok(BootstrapFacts::NotOffered);
    mutate::<Bootstrap>(globals, &args.change, flags.done(), facts)
}

fn show(globals: &Globals, at: &InEnvironment) -> Result<Success, Fault> {
    let store = globals.readable(("credentials", "show"), &at.environment)?;
    Success::of(&credentials::show(&store.read()?)?)
}
