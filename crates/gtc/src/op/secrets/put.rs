//! `gtc op secrets put` and `rotate`: a value is read, sealed, and told of; in this order, so that a
//! crash leaves a sealed value that nobody knows of, and never a secret without one.

use std::io::IsTerminal as _;
use std::path::PathBuf;

use clap::Args;
use control::secrets::{self, Put, SealedValue, SecretOutcome};
use deploy_spec::{EnvironmentId, Fault, SecretPath};
use env_pack::SecretBytes;
use serde_json::Value;
use serve::{DevStore, ambient};
use store::EnvironmentStore;

use super::parse;
use crate::environment;
use crate::globals::{Change, Globals};
use crate::mutate::{Fields, Intent, mutate};
use crate::op::environment_and;
use crate::outcome::Success;

#[derive(Debug, Args)]
pub(crate) struct PutArgs {
    /// The environment, if not local, then the secret: a bundle reads BUNDLE/NAME
    #[arg(value_name = "[ENVIRONMENT] SECRET", num_args = 0..=2)]
    words: Vec<String>,
    /// Take the value from this file, which only its owner may use
    #[arg(long, value_name = "FILE", conflicts_with = "from_env")]
    from_file: Option<PathBuf>,
    /// Take the value from this environment variable
    #[arg(long, value_name = "NAME")]
    from_env: Option<String>,
    #[command(flatten)]
    change: Change,
}

pub(super) fn put<V>(globals: &Globals, args: &PutArgs) -> Result<Success, Fault>
where
    V: control::Verb<Facts = SealedValue, Outcome = SecretOutcome>,
{
    let (environment, path) = environment_and(args.words.clone());
    let flags =
        Fields::default().set("environment_id", environment.clone()).set("path", path.clone());
    if args.change.schema || args.change.print_answers {
        return mutate::<V>(globals, &args.change, flags.done(), |_, _, _| Err(unreached()));
    }
    let environment: EnvironmentId = parse(environment.as_deref().unwrap_or("local"))?;
    let path: SecretPath = parse(path.as_deref().ok_or_else(|| {
        Fault::invalid("which secret?").at("/path").hint("gtc op secrets put BUNDLE/NAME")
    })?)?;
    let store = globals.store(&environment)?;
    let value = value(args)?;
    put_value::<V>(globals, &args.change, &store, &path, &value, flags)
}

/// `gtc op secrets put` with a value that is known already; `words` are the environment and the
/// secret.
pub(crate) fn put_secret(
    globals: &Globals,
    words: &[String],
    value: &SecretBytes,
) -> Result<Value, Fault> {
    let [environment, path] = words else { return Err(unreached()) };
    let flags = Fields::default()
        .set("environment_id", Some(environment.clone()))
        .set("path", Some(path.clone()));
    let (environment, path): (EnvironmentId, SecretPath) = (parse(environment)?, parse(path)?);
    let store = globals.store(&environment)?;
    let done = put_value::<Put>(globals, &Change::default(), &store, &path, value, flags)?;
    done.parsed()
}

fn put_value<V>(
    globals: &Globals,
    change: &Change,
    store: &EnvironmentStore,
    path: &SecretPath,
    value: &SecretBytes,
    flags: Fields,
) -> Result<Success, Fault>
where
    V: control::Verb<Facts = SealedValue, Outcome = SecretOutcome>,
{
    serve::permit(store, (V::NOUN, V::OP), ambient::own_uid())?;
    store.read()?;
    let dev_store = DevStore::open(store)?;
    let print = dev_store.fingerprint(path, value);
    let flags = flags.set("fingerprint", Some(print.clone()));
    let mut kept = None;
    let done = mutate::<V>(globals, change, flags.done(), |_, _, intent| {
        if intent == Intent::Rehearse {
            return Ok(SealedValue { value_ref: "not-sealed".into(), fingerprint: print });
        }
        let sealed = dev_store.seal(path, value)?;
        kept = Some(sealed.value_ref.clone());
        Ok(sealed)
    });
    forget_unneeded(store, &dev_store, path, kept);
    let done = done?;
    erase(&dev_store, &done);
    Ok(done)
}

/// A value that was sealed and is not the newest one now was refused, or is the one there was.
pub(in crate::op) fn forget_unneeded(
    store: &EnvironmentStore,
    dev_store: &DevStore,
    path: &SecretPath,
    kept: Option<String>,
) {
    let Some(kept) = kept else { return };
    let newest = store.read().and_then(|view| secrets::find(&view, path));
    if newest.is_ok_and(|newest| newest.value_ref != kept) {
        dev_store.erase(&[kept]);
    }
}

/// Removes the values that the commit has let go.
pub(in crate::op) fn erase(dev_store: &DevStore, done: &Success) {
    let Success::Result(raw) = done else { return };
    let result: Value = serde_json::from_str(raw.get()).unwrap_or_default();
    let refs = result["erase"].as_array().into_iter().flatten();
    let refs: Vec<String> = refs.filter_map(Value::as_str).map(str::to_owned).collect();
    dev_store.erase(&refs);
}

fn value(args: &PutArgs) -> Result<SecretBytes, Fault> {
    match (&args.from_file, &args.from_env) {
        (Some(file), _) => env_pack::read_file(file),
        (None, Some(name)) => env_pack::read_variable(name, environment::variable(name)),
        (None, None) => {
            let stdin = std::io::stdin();
            if stdin.is_terminal() {
                return Err(Fault::invalid("a value is not typed where others can see it").hint(
                    "gtc op secrets put SECRET --from-file FILE, or give it on standard input",
                ));
            }
            env_pack::read_stream(&mut stdin.lock())
        }
    }
}

fn unreached() -> Fault {
    Fault::internal("a value was asked for where none is needed")
}
