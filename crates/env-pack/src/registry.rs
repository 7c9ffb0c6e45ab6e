//! Which env-packs there are: a descriptor's path names a handler, which fills one slot, supports
//! some versions, and says which settings it takes and what it needs.

mod builtin;
mod handler;

use std::collections::BTreeMap;

use deploy_spec::{Descriptor, Fault, Slot};
use serde_json::{Map, Value};

use crate::objection::Objection;
pub use builtin::{SHARED_DEADLINE_MS, SHARED_SESSIONS};
pub use handler::{CredentialNeed, Handler};

/// The handlers, by the path of their descriptors.
#[derive(Debug, Clone, Default)]
pub struct Registry(BTreeMap<String, Handler>);

impl Registry {
    /// The env-packs that are part of this program.
    ///
    /// # Errors
    /// Never, unless two of them had one path.
    pub fn builtin() -> Result<Self, Fault> {
        let mut registry = Self::default();
        for handler in builtin::handlers()? {
            registry.register(handler)?;
        }
        Ok(registry)
    }

    /// Adds a handler.
    ///
    /// # Errors
    /// `invalid-input` when its path is not one of a descriptor or its settings are not a JSON
    /// Schema; `conflict` when its path has a handler already.
    pub fn register(&mut self, handler: Handler) -> Result<(), Fault> {
        let path = &handler.path;
        if format!("{path}@0.0.0").parse::<Descriptor>().is_err() {
            let shown = deploy_spec::document::shown(path);
            return Err(Fault::invalid(format!("{shown} is not the path of a descriptor"))
                .hint("a path is like `greentic.deployer.k8s`"));
        }
        handler.validator()?;
        if let Some(first) = self.0.get(path) {
            let why = format!(
                "`{path}` has a handler already, for {}; a descriptor leads to one handler",
                first.versions
            );
            return Err(Fault::conflict(why).hint("give the second one a path of its own"));
        }
        self.0.insert(path.clone(), handler);
        Ok(())
    }

    /// The handler of an env-pack, whatever its version.
    #[must_use]
    pub fn get(&self, kind: &Descriptor) -> Option<&Handler> {
        self.0.get(kind.path())
    }

    /// The handler of an env-pack in a version that it supports.
    ///
    /// # Errors
    /// `not-found` when no handler has its path; `refused` when the version is not supported.
    pub fn resolve(&self, kind: &Descriptor) -> Result<&Handler, Fault> {
        let hint = "gtc op env-packs update --help";
        let Some(handler) = self.get(kind) else {
            let known = list(self.handlers());
            let path = kind.path();
            let why = format!("`{path}` is not known; this gtc knows {known}");
            return Err(Fault::not_found(why).hint(hint));
        };
        if handler.supports(kind) {
            return Ok(handler);
        }
        Err(Fault::refused(unsupported(kind, handler)).hint(hint))
    }

    /// Whether this version of an env-pack is supported.
    #[must_use]
    pub fn supports(&self, kind: &Descriptor) -> bool {
        self.get(kind).is_some_and(|handler| handler.supports(kind))
    }

    /// All handlers, in the order of their paths.
    pub fn handlers(&self) -> impl Iterator<Item = &Handler> {
        self.0.values()
    }

    /// All that is wrong with the kind and the answers of a binding; pointers are those of the
    /// binding. A version that is not supported fails closed. Whether the handler fills `slot` at
    /// all is in [`Handler::slot`], and for the verb to judge.
    #[must_use]
    pub fn check(
        &self,
        slot: Slot,
        kind: &Descriptor,
        answers: &Map<String, Value>,
    ) -> Vec<Objection> {
        let Some(handler) = self.get(kind) else {
            let known = list(self.handlers().filter(|handler| handler.slot == slot));
            let path = kind.path();
            let why = format!("`{path}` is not known; for slot `{slot}` there is: {known}");
            return vec![("/kind".into(), why)];
        };
        let mut objections = Vec::new();
        if !handler.supports(kind) {
            objections.push(("/kind".into(), unsupported(kind, handler)));
        }
        objections.extend(handler.check_settings(answers));
        objections
    }
}

fn list<'a>(handlers: impl Iterator<Item = &'a Handler>) -> String {
    let known: Vec<String> = handlers.map(ToString::to_string).collect();
    if known.is_empty() { "none".to_owned() } else { known.join(", ") }
}

fn unsupported(kind: &Descriptor, handler: &Handler) -> String {
    format!("`{kind}` is not supported; this gtc supports {handler}")
}

#[cfg(test)]
mod tests;
