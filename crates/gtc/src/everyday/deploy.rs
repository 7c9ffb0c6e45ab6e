//! `gtc deploy` and `gtc up`.

use std::path::{Path, PathBuf};

use clap::Args;
use control::{Lookup as _, View};
use deploy_spec::{BundleId, DeploymentRecord, EnvironmentId, Fault};
use store::Snapshot;

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
pub(super) struct Place {
    /// The environment
    #[arg(long, default_value = "local", value_name = "ENVIRONMENT")]
    pub(super) env: EnvironmentId,
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
    let target = Target::find(globals, source, place, &mut plan)?;
    target.make(&mut plan);
    target.push(&mut plan);
    match (share, target.serves()) {
        (Share::IfFirst, true) => {}
        (Share::IfFirst, false) => target.shift("100", &mut plan)?,
        (Share::Percent(percent), _) => target.shift(percent, &mut plan)?,
    }
    Ok(plan)
}

/// Where a bundle goes, and what is there already.
pub(super) struct Target<'a> {
    place: &'a Place,
    /// The bundle's file, which the plan may have to build first.
    file: String,
    pub(super) bundle_id: BundleId,
    /// What the environment is, if it is.
    pub(super) view: Option<Snapshot>,
    /// The deployment, if there is one.
    pub(super) known: Option<DeploymentRecord>,
}

impl<'a> Target<'a> {
    pub(super) fn find(
        globals: &Globals,
        source: &Path,
        place: &'a Place,
        plan: &mut Plan,
    ) -> Result<Self, Fault> {
        let Source { file, id: bundle_id } = bundle_file(source, plan)?;
        let store = globals.readable(("env", "show"), &place.env)?;
        let view = if store.exists() { Some(store.read()?) } else { None };
        let known = match &view {
            Some(view) => known(view, place, &bundle_id)?,
            None => None,
        };
        Ok(Self { place, file, bundle_id, view, known })
    }

    pub(super) fn env(&self) -> &'a str {
        self.place.env.as_str()
    }

    /// The handle of the deployment, once it is made.
    pub(super) fn deployment(&self) -> String {
        match &self.known {
            Some(record) => record.deployment.deployment_id.to_string(),
            None => self.bundle_id.to_string(),
        }
    }

    /// The handle of the revision, once it is staged.
    pub(super) fn revision(&self) -> String {
        let last = self.known.as_ref().map_or(0, |record| record.deployment.last_sequence);
        format!("r{}", last + 1)
    }

    /// Whether anything serves already.
    pub(super) fn serves(&self) -> bool {
        let split = self.known.as_ref().and_then(|record| record.split.as_ref());
        split.is_some_and(|split| split.allocation.is_some())
    }

    /// Makes what is not there: `local`, and the deployment.
    pub(super) fn make(&self, plan: &mut Plan) {
        if self.place.env.is_local() && self.view.is_none() {
            plan.add(["op", "env", "init"]);
        }
        if self.known.is_none() {
            plan.add(add_words(self.place, &self.bundle_id));
        }
    }

    /// The next revision, proven.
    pub(super) fn push(&self, plan: &mut Plan) {
        let (env, name) = (self.env(), self.deployment());
        plan.add(["op", "revisions", "stage", env, &self.file, "--deployment", &name]);
        plan.add(["op", "revisions", "warm", env, &self.revision(), "--deployment", &name]);
    }

    /// The share of the next revision; the others have what is left.
    pub(super) fn shift(&self, percent: &str, plan: &mut Plan) -> Result<(), Fault> {
        let revision = self.revision();
        let shares = match &self.view {
            Some(view) => shares(view, self.known.as_ref(), &revision, percent)?,
            None => vec![format!("{revision}={percent}")],
        };
        let name = self.deployment();
        let set = ["op", "traffic", "set", self.env(), "--deployment", &name].map(str::to_owned);
        plan.add(set.into_iter().chain(shares));
        Ok(())
    }
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
