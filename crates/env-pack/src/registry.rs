//! Which handler fills which slot: a descriptor's path and version lead to exactly one.

mod builtin;
mod handler;

use std::collections::BTreeMap;

use deploy_spec::{Descriptor, Fault, Slot};
use semver::Version;
use serde_json::{Map, Value};

use crate::problem::Problem;
pub use handler::{CredentialNeed, Handler};

/// The handlers that this program knows, by descriptor path.
#[derive(Debug, Clone, Default)]
pub struct Registry {
    handlers: BTreeMap<String, Handler>,
}

impl Registry {
    /// The five that are part of the program.
    #[must_use]
    pub fn builtin() -> Self {
        let handlers = builtin::handlers().map(|handler| (handler.path.clone(), handler));
        Self { handlers: handlers.collect() }
    }

    /// Adds a handler.
    ///
    /// # Errors
    /// `invalid-input` when its path is not one of a descriptor or its settings are not a JSON
    /// Schema; `conflict` when there is a handler for its path.
    pub fn register(&mut self, handler: Handler) -> Result<(), Fault> {
        let path = &handler.path;
        if format!("{path}@0.0.0").parse::<Descriptor>().is_err() {
            let shown = deploy_spec::document::shown(path);
            return Err(Fault::invalid(format!("{shown} is not the path of a descriptor"))
                .hint("a path is like `greentic.deployer.k8s`"));
        }
        jsonschema::validator_for(&handler.settings).map_err(|error| {
            Fault::invalid(format!("the settings of `{path}` are not a JSON Schema: {error}"))
        })?;
        if let Some(first) = self.handlers.get(path) {
            return Err(Fault::conflict(format!(
                "`{path}` has a handler for {} already; a descriptor leads to one handler",
                first.versions
            ))
            .hint("give the second one a path of its own"));
        }
        self.handlers.insert(path.clone(), handler);
        Ok(())
    }

    /// The handler of this kind in this version; none when either is unknown.
    #[must_use]
    pub fn get(&self, kind: &Descriptor) -> Option<&Handler> {
        self.handlers.get(kind.path()).filter(|handler| handler.supports(kind))
    }

    /// All handlers, by path.
    pub fn handlers(&self) -> impl Iterator<Item = &Handler> {
        self.handlers.values()
    }

    /// Everything that is wrong with binding `kind` to `slot` with these answers; pointers are
    /// those of a binding: `/slot`, `/kind`, `/answers/…`.
    #[must_use]
    pub fn check(
        &self,
        slot: Slot,
        kind: &Descriptor,
        answers: &Map<String, Value>,
    ) -> Vec<Problem> {
        let Some(handler) = self.handlers.get(kind.path()) else {
            return vec![self.unknown(slot, kind)];
        };
        let mut problems = Vec::new();
        if handler.slot != slot {
            let message = format!("`{}` fills the slot {}, not {slot}", handler.path, handler.slot);
            problems.push(Problem::new("/slot", message));
        }
        if !handler.supports(kind) {
            let message = format!("`{kind}` is not supported; this gtc supports {handler}");
            problems.push(Problem::new("/kind", message));
        } else {
            // The settings of another version are not ours to judge.
            problems.extend(handler.check_settings(answers));
        }
        problems
    }

    fn unknown(&self, slot: Slot, kind: &Descriptor) -> Problem {
        let known: Vec<String> =
            self.handlers().filter(|h| h.slot == slot).map(|h| format!("{h}")).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        let path = kind.path();
        Problem::new("/kind", format!("`{path}` is unknown; known for the slot {slot}: {known}"))
    }
}

/// The version of a descriptor, which the type has checked.
fn version(kind: &Descriptor) -> Option<Version> {
    kind.as_str().split_once('@').and_then(|(_, version)| version.parse().ok())
}

#[cfg(test)]
mod tests;
