//! What is known of the env-pack behind a descriptor path.

use std::fmt;

use deploy_spec::document::shown;
use deploy_spec::{Descriptor, Fault, Slot};
use jsonschema::error::ValidationErrorKind;
use jsonschema::{ValidationError, Validator};
use semver::VersionReq;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::objection::{Objection, member};
use crate::setup::Setup;
use crate::tools::ToolNeed;

/// Where the answers are in a binding.
const AT: &str = "/answers";

/// A permission that the environment's credentials must have for an env-pack to do its work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CredentialNeed {
    /// The permission as its provider spells it, such as `eks:DescribeCluster`.
    pub permission: String,
    /// What it is needed for.
    pub reason: String,
}

/// What fills a slot.
#[derive(Debug, Clone, Serialize)]
pub struct Handler {
    /// The dotted path of its descriptors.
    pub path: String,
    /// The versions of the descriptor that it understands.
    pub versions: VersionReq,
    /// The one slot that it fills.
    pub slot: Slot,
    /// The JSON Schema of the answers in its binding.
    pub settings: Value,
    /// What it asks when it is set up; secret answers go to the secrets slot.
    pub setup: Setup,
    /// The tools of the machine that it calls.
    pub tools: Vec<ToolNeed>,
    /// The permissions that it needs.
    pub credentials: Vec<CredentialNeed>,
    /// Whether it can make its own identity out of an administrator's credential.
    pub offers_bootstrap: bool,
}

impl Handler {
    /// Whether it supports the version of `kind`. A pre-release is supported only when the
    /// requirement names one.
    #[must_use]
    pub fn supports(&self, kind: &Descriptor) -> bool {
        let version = kind.version().filter(|_| kind.path() == self.path);
        version.is_some_and(|version| self.versions.matches(&version))
    }

    pub(super) fn validator(&self) -> Result<Validator, Fault> {
        jsonschema::validator_for(&self.settings).map_err(|error| {
            let path = &self.path;
            Fault::invalid(format!("the settings of `{path}` are not a JSON Schema: {error}"))
        })
    }

    /// All that is wrong with the answers of a binding, with pointers into the binding.
    pub(super) fn check_settings(&self, answers: &Map<String, Value>) -> Vec<Objection> {
        let validator = match self.validator() {
            Ok(validator) => validator,
            Err(fault) => return vec![(AT.into(), fault.message)],
        };
        let answers = Value::Object(answers.clone());
        let errors = validator.iter_errors(&answers);
        let mut found: Vec<_> = errors.flat_map(|error| self.objections(&error)).collect();
        // In which order a schema is asked depends on how maps were compiled.
        found.sort();
        found
    }

    /// A schema's objections, masked: an answer may be a secret in the wrong place.
    fn objections(&self, error: &ValidationError<'_>) -> Vec<Objection> {
        use ValidationErrorKind::{
            AdditionalProperties, FalseSchema, Required, UnevaluatedProperties,
        };
        let at = format!("{AT}{}", error.instance_path());
        let path = &self.path;
        match error.kind() {
            AdditionalProperties { unexpected } | UnevaluatedProperties { unexpected } => {
                let why = |name| format!("`{path}` takes no setting {}", shown(name));
                unexpected.iter().map(|name| (member(&at, name), why(name))).collect()
            }
            Required { property: Value::String(name) } => {
                vec![(member(&at, name), format!("`{path}` needs the setting {}", shown(name)))]
            }
            FalseSchema => vec![(at, format!("`{path}` takes no settings here"))],
            _ => vec![(at, error.masked().to_string())],
        }
    }
}

impl fmt::Display for Handler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.path, self.versions)
    }
}
