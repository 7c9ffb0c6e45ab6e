//! `gtc shift` and `gtc rollback`.

use clap::Args;
use control::traffic::others_of;
use control::{Handle, View, resolve_deployment, resolve_revision};
use deploy_spec::{Bps, DeploymentRecord, EnvironmentId, Fault};

use super::Explained;
use super::plan::Plan;
use crate::globals::Globals;
use crate::outcome::Success;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gtc shift r2=5            five percent for r2, the rest stays where most of it is
  gtc shift r1=50 r2=50
  gtc shift r2=100 --deployment hello")]
pub(crate) struct Shift {
    /// The shares in percent: r2=5
    #[arg(value_name = "REVISION=PERCENT", required = true)]
    shares: Vec<String>,
    #[command(flatten)]
    whose: Whose,
    #[command(flatten)]
    explained: Explained,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  gtc rollback --deployment hello")]
pub(crate) struct Rollback {
    #[command(flatten)]
    whose: Whose,
    #[command(flatten)]
    explained: Explained,
}

#[derive(Debug, Args)]
struct Whose {
    /// The environment
    #[arg(long, default_value = "local", value_name = "ENVIRONMENT")]
    env: EnvironmentId,
    /// The deployment: an id, a prefix, or a bundle's name [default: the only one]
    #[arg(long)]
    deployment: Option<Handle>,
}

impl Whose {
    /// `gtc op traffic VERB …`, as far as it says whose.
    fn words(&self, verb: &str) -> Vec<String> {
        let mut words: Vec<String> =
            ["op", "traffic", verb, self.env.as_str()].map(str::to_owned).into();
        if let Some(deployment) = &self.deployment {
            words.extend(["--deployment".to_owned(), deployment.to_string()]);
        }
        words
    }
}

impl Shift {
    pub(super) fn run(self, globals: &Globals) -> Result<Success, Fault> {
        let mut words = self.whose.words("set");
        match self.shares.as_slice() {
            [only] => {
                let (revision, percent) = only.split_once('=').ok_or_else(|| no_share(only))?;
                let view = globals.readable(("traffic", "show"), &self.whose.env)?.read()?;
                let record = resolve_deployment(&view, self.whose.deployment.as_ref())?;
                words.extend(shares(&view, Some(&record), revision, percent)?);
            }
            all => words.extend(all.iter().cloned()),
        }
        let mut plan = Plan::default();
        plan.add(words);
        plan.carry_out(globals, self.explained.how())
    }
}

impl Rollback {
    pub(super) fn run(self, globals: &Globals) -> Result<Success, Fault> {
        let mut plan = Plan::default();
        plan.add(self.whose.words("rollback"));
        plan.carry_out(globals, self.explained.how())
    }
}

fn no_share(word: &str) -> Fault {
    Fault::invalid(format!("`{word}` is no share")).at("/shares").hint("gtc shift r2=5")
}

/// The words of a split in which `revision` has `percent`, and the others what is left.
pub(super) fn shares(
    view: &dyn View,
    record: Option<&DeploymentRecord>,
    revision: &str,
    percent: &str,
) -> Result<Vec<String>, Fault> {
    let share = percent.trim_end_matches('%').parse().map_err(|_| no_share(percent))?;
    let share = Bps::from_percent(share).map_err(|why| Fault::invalid(why).at("/shares"))?;
    let mut words = vec![format!("{revision}={share}")];
    let Some(record) = record else { return Ok(words) };
    let whose: Handle = record.deployment.deployment_id.into();
    let this = revision.parse().ok();
    let this = this.and_then(|name| resolve_revision(view, Some(&whose), &name).ok());
    let this = this.map(|(_, revision)| revision.revision_id);
    let others = others_of(view, record, this, share)?.into_iter();
    words.extend(others.map(|(sequence, share)| format!("r{sequence}={share}")));
    Ok(words)
}
