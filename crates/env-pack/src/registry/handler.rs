//! What is known of the env-pack behind a descriptor path.

use std::fmt;

use deploy_spec::{Descriptor, Slot};
use jsonschema::error::ValidationErrorKind;
use semver::VersionReq;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::problem::Problem;
use crate::tools::ToolNeed;

/// A permission that the environment's credentials must have for an env-pack to do its work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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
    /// The tools of the machine that it calls.
    pub tools: Vec<ToolNeed>,
    /// The permissions that it needs.
    pub credentials: Vec<CredentialNeed>,
    /// Whether it can make its own identity out of an administrator's credential.
    pub offers_bootstrap: bool,
}

impl Handler {
    /// Whether it understands the version of `kind`. A pre-release is understood only when the
    /// requirement names one.
    #[must_use]
    pub fn supports(&self, kind: &Descriptor) -> bool {
        kind.path() == self.path
            && super::version(kind).is_some_and(|version| self.versions.matches(&version))
    }

    pub(super) fn check_settings(&self, answers: &Map<String, Value>) -> Vec<Problem> {
        let validator = match jsonschema::validator_for(&self.settings) {
            Ok(validator) => validator,
            Err(error) => {
                let message = format!("the settings of `{}` cannot be checked: {error}", self.path);
                return vec![Problem::new("/answers", message)];
            }
        };
        let answers = Value::Object(answers.clone());
        let problem = |error: jsonschema::ValidationError<'_>| {
            Problem::new(format!("/answers{}", error.instance_path()), said(&error))
        };
        validator.iter_errors(&answers).map(problem).collect()
    }
}

/// A schema's objection, masked: an answer may be a secret in the wrong place.
fn said(error: &jsonschema::ValidationError<'_>) -> String {
    match error.kind() {
        ValidationErrorKind::FalseSchema => "nothing may be set here".into(),
        _ => error.masked().to_string(),
    }
}

impl fmt::Display for Handler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.path, self.versions)
    }
}
