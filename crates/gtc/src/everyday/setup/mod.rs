//! `gtc setup`: a bundle on a machine that has nothing, with everything asked that it needs.

mod ask;
mod hidden;
mod questions;
mod source;

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use clap::Args;
use deploy_spec::Fault;
use env_pack::SecretBytes;
use serde_json::{Map, Value, json};

use super::deploy::{Place, Target};
use super::plan::Plan;
use super::{Explain, Explained};
use crate::answers;
use crate::globals::Globals;
use crate::outcome::Success;
use questions::{Group, settle};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gtc setup hello.gtbundle
  gtc setup ./hello --host hello.localhost
  gtc setup hello.gtbundle --schema
  gtc setup hello.gtbundle --answers answers.yaml --to 5
  gtc setup hello.gtbundle --non-interactive

Answers that are secret are sealed; the others become config of the deployment. What an env-pack
asks is answered as SLOT.NAME.")]
pub(crate) struct Setup {
    /// The bundle, or a folder with a bundle.yaml to build one from
    bundle: PathBuf,
    #[command(flatten)]
    place: Place,
    /// Take the answers from a JSON or YAML file, `-` for standard input, and ask nothing
    #[arg(long, value_name = "FILE")]
    answers: Option<PathBuf>,
    /// Ask nothing: take defaults and what is there already, or list everything that is missing
    #[arg(long)]
    non_interactive: bool,
    /// Print the JSON Schema of the answers and stop
    #[arg(long)]
    schema: bool,
    /// The share of the traffic that the new revision gets, in percent [default: asked; 100 for
    /// the first revision, none for a later one]
    #[arg(long, value_name = "PERCENT")]
    to: Option<String>,
    #[command(flatten)]
    explained: Explained,
}

impl Setup {
    pub(super) fn run(self, globals: &Globals) -> Result<Success, Fault> {
        let mut plan = Plan::default();
        let mut target = Target::find(globals, &self.bundle, &self.place, &mut plan)?;
        let groups = questions::gather(globals, &self.bundle, &target)?;
        if self.schema {
            return Ok(Success::Document(questions::schema(&groups)));
        }
        target.make(&mut plan);
        // Nobody else can write while it is looked at, and a person takes their time.
        target.view = None;
        let explain = self.explained.how();
        let mut given = match &self.answers {
            Some(file) => answers::read(file)?,
            None => Map::new(),
        };
        let warnings = self.warnings(&groups, &given);
        let may_ask = self.answers.is_none() && !self.non_interactive && explain != Explain::Only;
        let people = may_ask && std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
        if people {
            ask::all(&groups, &mut given)?;
        }
        let unanswered = match (settle(&groups, &given), explain) {
            (Ok(settled), _) => {
                settled.add_to(&target, &mut plan)?;
                json!([])
            }
            // What would be missing is what whoever asks for an explanation wants to see.
            (Err(fault), Explain::Only) => fault.details["problems"].clone(),
            (Err(fault), Explain::CarryOut) => return Err(self.hinted(fault)),
        };
        target.push(&mut plan);
        if explain == Explain::Only {
            if let Some(share) = self.share(&target, None) {
                plan.add(shift_words(&target, &share));
            }
            let steps = plan.typed();
            return Success::of(&json!({ "steps": steps, "unanswered": unanswered }));
        }
        let mut result = plan.run(globals)?;
        let wish = if people && self.to.is_none() { Some(ask::share(&target)?) } else { None };
        if let Some(share) = self.share(&target, wish) {
            let mut dial = Plan::default();
            dial.add(shift_words(&target, &share));
            let shifted = dial.run(globals)?;
            let steps = json!([plan.typed(), dial.typed()].concat());
            result.extend(shifted);
            result.insert("steps".into(), steps);
        }
        if !warnings.is_empty() {
            result.insert("warnings".into(), json!(warnings));
        }
        Success::of(&result)
    }

    /// The share of the new revision; none leaves the dial where it is.
    fn share(&self, target: &Target<'_>, wish: Option<String>) -> Option<String> {
        let first = || (!target.serves()).then(|| "100".to_owned());
        let wish = wish.map(|percent| Some(percent).filter(|percent| percent != "0"));
        self.to.clone().map(Some).or(wish).unwrap_or_else(first)
    }

    /// An answers file that holds a secret is told to.
    fn warnings(&self, groups: &[Group], given: &Map<String, Value>) -> Vec<String> {
        let Some(file) = self.answers.as_deref().filter(|file| *file != Path::new("-")) else {
            return Vec::new();
        };
        let named = groups.iter().flat_map(Group::secret_names);
        let held = named.filter(|name| given.get(name).is_some_and(|value| !value.is_null()));
        let file = file.display();
        held.map(|name| format!("`{file}` holds the secret `{name}` for all to read; delete it"))
            .collect()
    }

    fn hinted(&self, fault: Fault) -> Fault {
        let bundle = self.bundle.display();
        fault.hint(format!("gtc setup {bundle} --schema shows what --answers FILE may hold"))
    }
}

fn shift_words(target: &Target<'_>, percent: &str) -> Vec<String> {
    let share = format!("{}={percent}", target.revision());
    let name = target.deployment();
    ["shift", &share, "--env", target.env(), "--deployment", &name].map(str::to_owned).into()
}

/// A secret answer as a value.
fn secret(value: &Value) -> Result<SecretBytes, Fault> {
    SecretBytes::new(value.as_str().unwrap_or_default().as_bytes().to_vec())
}
