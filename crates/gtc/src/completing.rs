//! What can be typed next: the grammar's words, and the names of what there is.
//!
//! The shell's script calls `gtc` itself, so that it never grows old. It only reads, and what it
//! reads is in files that whoever presses the key may read: no policy is asked, nothing is audited.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Arg, Command};
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};
use clap_complete::env::{CompleteEnv, Shells};
use control::{Handle, Page, bundles, revisions};
use deploy_spec::{EnvironmentId, Fault};
use store::{EnvironmentStore, Root};

use crate::environment;

/// Set by the script when a key was pressed; names the shell.
const VARIABLE: &str = "GTC_COMPLETE";
/// How many names are offered.
const MOST: usize = 100;

/// Writes the script for a shell; false when there is none for it.
pub(crate) fn script(shell: &str, out: &mut dyn std::io::Write) -> std::io::Result<bool> {
    let shells = Shells::builtins();
    let Some(shell) = shells.completer(shell) else { return Ok(false) };
    shell.write_registration(VARIABLE, "gtc", "gtc", "gtc", out).map(|()| true)
}

/// Answers a shell whose user pressed the key; false when nobody did.
pub(crate) fn answer(typed: &[OsString], grammar: impl Fn() -> Command) -> bool {
    if environment::variable(VARIABLE).is_none() {
        return false;
    }
    let near = Arc::new(Near::of(typed));
    let grammar = || with_names(grammar(), &near);
    let here = std::env::current_dir().ok();
    let complete = CompleteEnv::with_factory(grammar).var(VARIABLE);
    complete.try_complete(typed, here.as_deref()).unwrap_or(true)
}

/// The grammar, whose arguments know what there is.
fn with_names(command: Command, near: &Arc<Near>) -> Command {
    let below = near.clone();
    // A revision that stands alone is typed where the environment would be.
    let revision = command.get_positionals().any(|arg| arg.get_id() == "revision");
    command
        .mut_args(|arg| {
            let names = names_of(&arg, revision);
            if names.is_empty() { arg } else { named(arg, names, near.clone()) }
        })
        .mut_subcommands(move |command| with_names(command, &below))
}

/// Finds names.
type Finder = fn(&Near) -> Result<Vec<Name>, Fault>;

/// What an argument can be the name of.
fn names_of(arg: &Arg, beside_revision: bool) -> Vec<Finder> {
    let called = arg.get_value_names().and_then(<[_]>::first).map_or("", |name| name.as_str());
    let kinds: [(Finder, bool); 3] = [
        (Near::environments, matches!(arg.get_id().as_str(), "environment" | "env")),
        (Near::deployments, arg.get_id() == "deployment" || called.ends_with(" DEPLOYMENT")),
        (Near::revisions, arg.get_id() == "revision" || called.ends_with(" REVISION")),
    ];
    let mut finders: Vec<Finder> =
        kinds.into_iter().filter(|(_, fits)| *fits).map(|(finder, _)| finder).collect();
    if called.starts_with("[ENVIRONMENT]") {
        finders.push(Near::environments);
    }
    if beside_revision && arg.get_id() == "environment" {
        finders.insert(0, Near::revisions);
    }
    finders
}

fn named(arg: Arg, finders: Vec<Finder>, near: Arc<Near>) -> Arg {
    arg.add(ArgValueCompleter::new(move |begun: &OsStr| {
        let begun = begun.to_string_lossy();
        let names = finders.iter().flat_map(|find| find(&near).unwrap_or_default());
        let fitting = names.filter(|(name, _)| name.starts_with(&*begun)).take(MOST);
        fitting.map(|(name, what)| CompletionCandidate::new(name).help(Some(what.into()))).collect()
    }))
}

/// A name, and what it stands for.
type Name = (String, String);

/// What was typed so far that says where to look.
struct Near {
    root: Option<PathBuf>,
    words: Vec<String>,
}

impl Near {
    fn of(typed: &[OsString]) -> Self {
        let words: Vec<String> = typed.iter().map(|word| word.to_string_lossy().into()).collect();
        let root = behind(&words, "--store-root").map(PathBuf::from);
        Self { root, words }
    }

    fn root(&self) -> Result<Root, Fault> {
        environment::store_root(self.root.clone()).map(Root::new)
    }

    /// The environment that was typed, by whatever flag or place; otherwise `local`.
    fn store(&self) -> Result<EnvironmentStore, Fault> {
        let root = self.root()?;
        let typed = |id: &EnvironmentId| self.words.iter().any(|word| word == id.as_str());
        let named = root.environments()?.into_iter().find(typed);
        Ok(root.environment(&named.unwrap_or_else(EnvironmentId::local)))
    }

    fn environments(&self) -> Result<Vec<Name>, Fault> {
        let all = self.root()?.environments()?;
        Ok(all.iter().map(|id| (id.to_string(), String::new())).collect())
    }

    fn deployments(&self) -> Result<Vec<Name>, Fault> {
        let page = Page { limit: MOST, after: None };
        let shown = bundles::list(&self.store()?.read()?, page)?;
        let name = |it: &bundles::DeploymentSummary| {
            let host = it.route_binding.hosts.first().map(ToString::to_string);
            (it.bundle_id.to_string(), host.unwrap_or_default())
        };
        Ok(shown.deployments.iter().map(name).collect())
    }

    fn revisions(&self) -> Result<Vec<Name>, Fault> {
        let of: Option<Handle> =
            behind(&self.words, "--deployment").and_then(|name| name.parse().ok());
        let shown = revisions::list(&self.store()?.read()?, of.as_ref(), Page::default())?;
        let name = |it: &revisions::RevisionSummary| {
            let sequence = format!("r{}", it.sequence);
            let name = if of.is_some() { sequence } else { format!("{}/{sequence}", it.bundle_id) };
            (name, format!("{} {}", it.version, it.lifecycle))
        };
        Ok(shown.revisions.iter().rev().map(name).collect())
    }
}

fn behind<'a>(words: &'a [String], flag: &str) -> Option<&'a str> {
    let at = words.iter().position(|word| word == flag)?;
    words.get(at + 1).map(String::as_str)
}
