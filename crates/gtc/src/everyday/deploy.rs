//! `gtc deploy` and `gtc up`.

use std::path::{Path, PathBuf};

use clap::Args;
use control::{Lookup as _, View};
use deploy_spec::{BundleId, DeploymentRecord, EnvironmentId, Fault};

use super::dial::shares;
use super::plan::Plan;
use super::{Explain, Explained};
use crate::globals::Globals;
use crate::outcome::Success;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gtc deploy hello.gtbundle
  gtc deploy ./hello --host hello.localhost
  gtc deploy hello.gtbundle --to 5
  gtc deploy hello.gtbundle --explain")]
pub(crate) struct Deploy {
    /// The bundle, or a folder with a bundle.yaml to build one from
    bundle: PathBuf,
    #[command(flatten)]
    place: Place,
    /// The share of the traffic that the new revision gets, in percent [default: 100 for the first
    /// revision, none for a later one]
    #[arg(long, value_name = "PERCENT")]
    to: Option<String>,
    #[command(flatten)]
    explained: Explained,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gtc up ./hello
  gtc up hello.gtbundle --listen 0.0.0.0:8080")]
pub(crate) struct Up {
    /// The bundle, or a folder with a bundle.yaml to build one from
    bundle: PathBuf,
    #[command(flatten)]
    place: Place,
    /// The address to answer on; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDRESS")]
    listen: String,
    #[command(flatten)]
    explained: Explained,
}

/// Where a bundle goes.
#[derive(Debug, Args)]
struct Place {
    /// The environment
    #[arg(long, default_value = "local", value_name = "ENVIRONMENT")]
    env: EnvironmentId,
    /// The deployment, where the bundle has several
    #[arg(long)]
    deployment: Option<String>,
    /// A host that a new deployment answers; may be given again [default: any host]
    #[arg(long, value_name = "HOST")]
    host: Vec<String>,
    /// A path prefix that a new deployment answers; may be given again [default: /]
    #[arg(long, value_name = "PREFIX")]
    path: Vec<String>,
    /// Who a new deployment is run for; required outside `local`
    #[arg(long, value_name = "CUSTOMER")]
    customer: Option<String>,
}

impl Deploy {
    pub(super) fn run(self, globals: &Globals) -> Result<Success, Fault> {
        let plan = plan(globals, &self.bundle, &self.place, Share::of(self.to.as_deref()))?;
        plan.carry_out(globals, self.explained.how())
    }
}

impl Up {
    pub(super) fn run(self, globals: &Globals) -> Result<Success, Fault> {
        let mut plan = plan(globals, &self.bundle, &self.place, Share::Percent("100"))?;
        plan.add(["start", "--env", self.place.env.as_str(), "--listen", &self.listen]);
        let done = plan.carry_out(globals, self.explained.how())?;
        Ok(if self.explained.how() == Explain::Only { done } else { Success::Silent })
    }
}

/// What share of the traffic the new revision gets.
#[derive(Debug, Clone, Copy)]
enum Share<'a> {
    /// All of it, if nothing serves yet.
    IfFirst,
    /// This many percent.
    Percent(&'a str),
}

impl<'a> Share<'a> {
    fn of(given: Option<&'a str>) -> Self {
        given.map_or(Self::IfFirst, Self::Percent)
    }
}

/// The commands that bring a bundle to an environment.
fn plan(globals: &Globals, source: &Path, place: &Place, share: Share<'_>) -> Result<Plan, Fault> {
    let mut plan = Plan::default();
    let bundle = bundle_file(source, &mut plan)?;
    let env = place.env.as_str();
    let store = globals.store(&place.env)?;
    if place.env.is_local() && !store.exists() {
        plan.add(["op", "env", "init"]);
    }
    let view = if store.exists() { Some(store.read()?) } else { None };
    let known = match &view {
        Some(view) => known(view, place, &bundle.id)?,
        None => None,
    };
    if known.is_none() {
        plan.add(add_words(place, &bundle.id));
    }
    let name = known.as_ref().map_or_else(
        || bundle.id.to_string(),
        |record| record.deployment.deployment_id.to_string(),
    );
    let sequence = known.as_ref().map_or(0, |record| record.deployment.last_sequence) + 1;
    let revision = format!("r{sequence}");
    plan.add(["op", "revisions", "stage", env, &bundle.file, "--deployment", &name]);
    plan.add(["op", "revisions", "warm", env, &revision, "--deployment", &name]);
    let serving = known.as_ref().and_then(|record| record.split.as_ref()?.allocation.as_ref());
    let percent = match (share, serving) {
        (Share::IfFirst, Some(_)) => return Ok(plan),
        (Share::IfFirst, None) => "100",
        (Share::Percent(percent), _) => percent,
    };
    let shares = match &view {
        Some(view) => shares(view, known.as_ref(), &revision, percent)?,
        None => vec![format!("{revision}={percent}")],
    };
    let mut set: Vec<String> =
        ["op", "traffic", "set", env, "--deployment", &name].map(str::to_owned).into();
    set.extend(shares);
    plan.add(set);
    Ok(plan)
}

/// A bundle's file, and the name it gives itself.
struct Source {
    file: String,
    id: BundleId,
}

fn bundle_file(source: &Path, plan: &mut Plan) -> Result<Source, Fault> {
    let text = |path: &Path| {
        path.to_str().map(str::to_owned).ok_or_else(|| {
            Fault::invalid(format!("`{}` is not UTF-8", path.display())).at("/bundle")
        })
    };
    if !source.is_dir() {
        let id = bundle::inspect(source)?.bundle_id;
        return Ok(Source { file: text(source)?, id });
    }
    let manifest = bundle::manifest_of(source)?;
    let file = source.with_extension("gtbundle");
    let (from, to) = (text(source)?, text(&file)?);
    plan.add(["bundle", "build", &from, "--output", &to]);
    Ok(Source { file: to, id: manifest.bundle_id })
}

/// The deployment that the bundle goes to; none when it has none yet.
fn known(
    view: &dyn View,
    place: &Place,
    bundle: &BundleId,
) -> Result<Option<DeploymentRecord>, Fault> {
    if place.deployment.is_none() && view.deployments_of(bundle)?.is_empty() {
        return Ok(None);
    }
    let handle = place.deployment.clone().unwrap_or_else(|| bundle.to_string());
    let handle = handle.parse().map_err(Fault::invalid)?;
    control::resolve_deployment(view, Some(&handle)).map(Some)
}

fn add_words(place: &Place, bundle: &BundleId) -> Vec<String> {
    let mut words: Vec<String> =
        ["op", "bundles", "add", place.env.as_str(), bundle.as_str()].map(str::to_owned).into();
    let mut flag = |name: &str, value: &str| words.extend([name.to_owned(), value.to_owned()]);
    place.host.iter().for_each(|host| flag("--host", host));
    place.path.iter().for_each(|path| flag("--path", path));
    place.customer.iter().for_each(|customer| flag("--customer", customer));
    words
}
