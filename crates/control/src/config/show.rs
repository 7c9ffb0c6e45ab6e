//! `config show`: which values the next revision would get, and which layer each comes from.

use std::collections::{BTreeMap, BTreeSet};

use deploy_spec::{DeploymentId, Fault};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::handle::{Handle, resolve_deployment};
use crate::view::{Lookup as _, View};

/// A layer of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// The defaults of the bundle.
    Bundle,
    /// What an older install kept for the bundle.
    Legacy,
    /// The values of the environment.
    Environment,
    /// The values of the deployment.
    Deployment,
}

/// What a bundle says of its configuration, and what was said of it before.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Declared {
    /// Its defaults.
    pub defaults: Map<String, Value>,
    /// What an older install kept for it.
    pub legacy: Map<String, Value>,
    /// The names it knows; none when it says nothing of names.
    pub names: Option<BTreeSet<String>>,
}

impl Declared {
    /// Whether a value that the environment has for everybody concerns this bundle.
    fn takes(&self, name: &str) -> bool {
        self.names.as_ref().is_none_or(|names| names.contains(name))
    }
}

/// A value that another one hides.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LowerValue {
    /// The value.
    pub value: Value,
    /// Where it comes from.
    pub origin: Origin,
}

/// One value that is effective.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ValueShown {
    /// Its name.
    pub name: String,
    /// The value.
    pub value: Value,
    /// Where it comes from.
    pub origin: Origin,
    /// What it hides, the nearest layer first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub overrides: Vec<LowerValue>,
}

/// The result of `config show`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ConfigShown {
    /// Whose values; null for the environment's.
    pub deployment_id: Option<DeploymentId>,
    /// The values, by name.
    pub values: Vec<ValueShown>,
}

/// The values of a deployment, or of the environment when none is named. `declared` is
/// what the bundle of the deployment's newest revision says.
///
/// # Errors
/// As [`resolve_deployment`].
pub fn show(
    view: &dyn View,
    deployment: Option<&Handle>,
    declared: Option<&Declared>,
) -> Result<ConfigShown, Fault> {
    let environment = view.environment()?.config;
    let Some(_) = deployment else {
        return Ok(ConfigShown {
            deployment_id: None,
            values: layered(declared, &environment, None),
        });
    };
    let deployment = resolve_deployment(view, deployment)?.deployment;
    Ok(ConfigShown {
        deployment_id: Some(deployment.deployment_id),
        values: layered(declared, &environment, Some(&deployment.config_overrides)),
    })
}

/// The values that hold when these layers lie over each other.
#[must_use]
pub fn effective(
    declared: Option<&Declared>,
    environment: &Map<String, Value>,
    deployment: Option<&Map<String, Value>>,
) -> Map<String, Value> {
    let values = layered(declared, environment, deployment).into_iter();
    values.map(|shown| (shown.name, shown.value)).collect()
}

fn layered(
    declared: Option<&Declared>,
    environment: &Map<String, Value>,
    deployment: Option<&Map<String, Value>>,
) -> Vec<ValueShown> {
    let layers = [
        (Origin::Bundle, declared.map(|declared| &declared.defaults)),
        (Origin::Legacy, declared.map(|declared| &declared.legacy)),
        (Origin::Environment, Some(environment)),
        (Origin::Deployment, deployment),
    ];
    let takes = |name: &str| declared.is_none_or(|declared| declared.takes(name));
    let mut shown: BTreeMap<String, ValueShown> = BTreeMap::new();
    for (origin, layer) in layers {
        for (name, value) in layer.into_iter().flatten() {
            if origin == Origin::Environment && !takes(name) {
                continue;
            }
            let overrides = shown.remove(name).map_or_else(Vec::new, |below| {
                let nearest = LowerValue { value: below.value, origin: below.origin };
                [vec![nearest], below.overrides].concat()
            });
            let (name, value) = (name.clone(), value.clone());
            shown.insert(name.clone(), ValueShown { name, value, origin, overrides });
        }
    }
    shown.into_values().collect()
}
