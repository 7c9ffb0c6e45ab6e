//! What is asked, by whom, and what is answered already.

use std::collections::BTreeSet;
use std::path::Path;

use control::config::{Declared, effective};
use control::{Lookup, Problem, View, none_of};
use deploy_spec::{BundleId, EnvPackBinding, Fault, Kind, SecretPath, Slot};
use env_pack::{QuestionKind, Registry, Settled, Setup, check_answers};
use serde_json::{Map, Value, json};
use serve::BundleConfig;

use super::super::deploy::Target;
use super::super::plan::Plan;
use super::secret;
use super::source::of_bundle;
use crate::globals::Globals;

/// Who asks.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Whose {
    Bundle(BundleId),
    Pack(Slot),
}

/// The questions of one asker.
pub(super) struct Group {
    pub(super) whose: Whose,
    pub(super) setup: Setup,
    /// What is answered already, secrets apart.
    pub(super) present: Map<String, Value>,
    /// The secrets that have a value already.
    pub(super) kept: BTreeSet<String>,
    /// What the bundle says of all its configuration.
    pub(super) config: Option<BundleConfig>,
}

impl Group {
    /// The name by which an answer is given.
    pub(super) fn key(&self, name: &str) -> String {
        match &self.whose {
            Whose::Bundle(_) => name.to_owned(),
            Whose::Pack(slot) => format!("{slot}.{name}"),
        }
    }

    /// The names by which secrets are given.
    pub(super) fn secret_names(&self) -> impl Iterator<Item = String> {
        let secrets = self.setup.questions().iter();
        secrets.filter(|q| q.kind == QuestionKind::Secret).map(|q| self.key(&q.name))
    }

    fn path(&self, name: &str) -> Result<SecretPath, Fault> {
        match &self.whose {
            Whose::Bundle(bundle) => SecretPath::of_bundle(bundle, name),
            Whose::Pack(slot) => SecretPath::of_env_pack(*slot, name),
        }
    }

    /// The answers of this group out of all, over what is there.
    fn answers(&self, given: &Map<String, Value>) -> Map<String, Value> {
        let asked = |name: &str| self.setup.questions().iter().any(|q| q.name == name);
        let mut answers = self.present.clone();
        answers.retain(|name, _| asked(name));
        let questions = self.setup.questions().iter();
        let own = questions.filter_map(|q| Some((q.name.clone(), given.get(&self.key(&q.name))?)));
        answers.extend(own.map(|(name, value)| (name, value.clone())));
        answers
    }

    /// What of the settled answers is to be kept, none when all are there already.
    fn news(&self, mut settled: Map<String, Value>) -> Map<String, Value> {
        let is_new = |name: &String, value: &Value| self.present.get(name) != Some(value);
        if !settled.iter().any(|(name, value)| is_new(name, value)) {
            return Map::new();
        }
        match self.whose {
            Whose::Bundle(_) => settled.retain(|name, value| is_new(name, value)),
            // The answers in a binding are replaced as a whole, those that nobody is asked for too.
            Whose::Pack(_) => {
                let asked = std::mem::replace(&mut settled, self.present.clone());
                settled.extend(asked);
            }
        }
        settled
    }

    fn find_kept(&mut self, view: &dyn View) -> Result<(), Fault> {
        for question in self.setup.questions() {
            let is_secret = question.kind == QuestionKind::Secret;
            if is_secret && view.secret(&self.path(&question.name)?)?.is_some() {
                self.kept.insert(question.name.clone());
            }
        }
        Ok(())
    }
}

/// All that is asked: by what the environment is bound to, then by the bundle.
pub(super) fn gather(
    globals: &Globals,
    source: &Path,
    target: &Target<'_>,
) -> Result<Vec<Group>, Fault> {
    let environment = target.view.as_ref().map(Lookup::environment).transpose()?;
    let mut groups = match &environment {
        Some(environment) => {
            let store = globals.store(&environment.environment_id)?;
            let registry = serve::env_packs::registry(&store, environment)?;
            of_packs(&registry, &environment.bindings)
        }
        None => Vec::new(),
    };
    let mut of_bundle = of_bundle(source)?;
    if let Some(environment) = &environment {
        let overrides = target.known.as_ref().map(|record| &record.deployment.config_overrides);
        of_bundle.present = effective(None, &environment.config, overrides);
    }
    groups.push(of_bundle);
    if let Some(view) = &target.view {
        groups.iter_mut().try_for_each(|group| group.find_kept(view))?;
    }
    Ok(groups)
}

fn of_packs(registry: &Registry, bindings: &[EnvPackBinding]) -> Vec<Group> {
    let group = |binding: &EnvPackBinding| {
        let setup = registry.resolve(&binding.kind).ok()?.setup.clone();
        let whose = Whose::Pack(binding.slot);
        let present = binding.answers.clone();
        Some(Group { whose, setup, present, kept: BTreeSet::new(), config: None })
    };
    bindings.iter().filter_map(group).collect()
}

/// The answers to one asker, sorted.
struct Sorted {
    whose: Whose,
    secrets: Vec<(SecretPath, Value)>,
    /// What is not so already.
    config: Map<String, Value>,
}

/// The answers, sorted.
pub(super) struct Answers(Vec<Sorted>);

/// Holds the answers against all questions.
///
/// # Errors
/// `invalid-input` that names everything that is missing or wrong.
pub(super) fn settle(groups: &[Group], given: &Map<String, Value>) -> Result<Answers, Fault> {
    let mut problems = Vec::new();
    let mut sorted = Vec::new();
    for group in groups {
        let answers = group.answers(given);
        let keyed = |pointer: &str| format!("/{}", group.key(pointer.trim_start_matches('/')));
        match check_answers(&group.setup, &answers, &group.kept) {
            Err(objections) => {
                let found = objections.into_iter();
                problems.extend(found.map(|(at, why)| Problem::new(keyed(&at), why)));
            }
            Ok(Settled { config, secrets }) => {
                problems.extend(group.misfits(&config));
                let value = |name: &String| Some((group.path(name), answers.get(name)?.clone()));
                let secrets = secrets.iter().filter_map(value);
                let secrets = secrets.map(|(path, value)| Ok((path?, value)));
                let secrets = secrets.collect::<Result<_, Fault>>()?;
                let config = group.news(config);
                sorted.push(Sorted { whose: group.whose.clone(), secrets, config });
            }
        }
    }
    let asked: BTreeSet<String> = groups
        .iter()
        .flat_map(|group| group.setup.questions().iter().map(|q| group.key(&q.name)))
        .collect();
    let strange = given.keys().filter(|name| !asked.contains(*name));
    problems.extend(strange.map(|name| Problem::new(format!("/{name}"), "it is not asked")));
    none_of(Kind::InvalidInput, "this bundle is not set up", &problems)?;
    Ok(Answers(sorted))
}

impl Group {
    /// What the bundle's schema says of the whole configuration that would result.
    fn misfits(&self, config: &Map<String, Value>) -> Vec<Problem> {
        let Some(schema) = &self.config else { return Vec::new() };
        let declared: Declared = schema.declared();
        let whole = effective(Some(&declared), &self.present, Some(config));
        schema.problems(&whole, "")
    }
}

impl Answers {
    /// The commands that keep the answers.
    pub(super) fn add_to(self, target: &Target<'_>, plan: &mut Plan) -> Result<(), Fault> {
        let (env, name) = (target.env(), target.deployment());
        for Sorted { whose, secrets, config } in self.0 {
            for (path, value) in secrets {
                plan.put_secret(env, &path, secret(&value)?);
            }
            if config.is_empty() {
                continue;
            }
            let pairs = config.iter().map(|(name, value)| format!("{name}={value}"));
            let words: Vec<String> = match whose {
                Whose::Bundle(_) => {
                    let set = ["op", "config", "set", env, "--deployment", &name];
                    set.map(str::to_owned).into_iter().chain(pairs).collect()
                }
                Whose::Pack(slot) => {
                    let update = ["op", "env-packs", "update", env, &slot.to_string()];
                    let answers = pairs.flat_map(|pair| ["--answer".to_owned(), pair]);
                    update.map(str::to_owned).into_iter().chain(answers).collect()
                }
            };
            plan.add(words);
        }
        Ok(())
    }
}

/// The JSON Schema of the answers.
pub(super) fn schema(groups: &[Group]) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for group in groups {
        for question in group.setup.questions() {
            let key = group.key(&question.name);
            let known = group.present.contains_key(&question.name)
                || group.kept.contains(&question.name)
                || question.default.is_some();
            if question.required && !known {
                required.push(key.clone());
            }
            properties.insert(key, question.schema());
        }
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "setup",
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}
