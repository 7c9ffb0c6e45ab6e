//! Which env-packs there are: a descriptor's path names a handler, which fills one slot, supports
//! some versions, and says which settings it takes.

use deploy_spec::{Descriptor, Fault, Slot};
use serde_json::{Map, Value};

/// An env-pack that is part of this program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handler {
    /// The dotted path of its descriptors.
    pub path: String,
    /// The slot that it fills.
    pub slot: Slot,
    /// The versions that it supports.
    pub versions: semver::VersionReq,
    /// The names of the settings that it takes.
    pub settings: Vec<String>,
    /// Whether it can make the credentials it needs out of an administrator's.
    pub offers_bootstrap: bool,
}

/// What is wrong with a binding: the field by JSON pointer, and why.
pub type Objection = (String, String);

/// The handlers, by path.
#[derive(Debug, Clone, Default)]
pub struct Registry(Vec<Handler>);

const BUILTIN: [(&str, Slot); 5] = [
    ("greentic.deployer.local-process", Slot::Deployer),
    ("greentic.secrets.dev-store", Slot::Secrets),
    ("greentic.telemetry.stdout", Slot::Telemetry),
    ("greentic.sessions.in-memory", Slot::Sessions),
    ("greentic.state.in-memory", Slot::State),
];

impl Registry {
    /// The env-packs that are part of this program; none of them takes settings.
    ///
    /// # Errors
    /// Never, unless two of them had one path.
    pub fn builtin() -> Result<Self, Fault> {
        let mut registry = Self::default();
        for (path, slot) in BUILTIN {
            let versions = semver::VersionReq::parse("^0.1.0")
                .map_err(|error| Fault::internal(error.to_string()))?;
            let (path, settings) = (path.to_owned(), Vec::new());
            registry.register(Handler {
                path,
                slot,
                versions,
                settings,
                offers_bootstrap: false,
            })?;
        }
        Ok(registry)
    }

    /// Adds a handler.
    ///
    /// # Errors
    /// `conflict` when its path has one already.
    pub fn register(&mut self, handler: Handler) -> Result<(), Fault> {
        if self.0.iter().any(|known| known.path == handler.path) {
            return Err(Fault::conflict(format!("`{}` has a handler already", handler.path)));
        }
        self.0.push(handler);
        Ok(())
    }

    /// The handler of an env-pack, whatever its version.
    #[must_use]
    pub fn get(&self, kind: &Descriptor) -> Option<&Handler> {
        self.0.iter().find(|handler| handler.path == kind.path())
    }

    /// Whether this version of an env-pack is supported.
    #[must_use]
    pub fn supports(&self, kind: &Descriptor) -> bool {
        let handler = self.get(kind);
        let version = kind.version();
        handler.zip(version).is_some_and(|(handler, version)| handler.versions.matches(&version))
    }

    /// All that is wrong with filling `slot` like that. A version that is not supported fails
    /// closed.
    #[must_use]
    pub fn check(
        &self,
        slot: Slot,
        kind: &Descriptor,
        answers: &Map<String, Value>,
    ) -> Vec<Objection> {
        let Some(handler) = self.get(kind) else {
            let known = self.0.iter().filter(|handler| handler.slot == slot);
            let known: Vec<&str> = known.map(|handler| handler.path.as_str()).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            let why =
                format!("`{}` is not known; for slot `{slot}` there is: {known}", kind.path());
            return vec![("/kind".into(), why)];
        };
        let mut objections = Vec::new();
        if !self.supports(kind) {
            let why = format!("`{kind}` is not supported; this gtc supports {}", handler.versions);
            objections.push(("/kind".into(), why));
        }
        for name in answers.keys().filter(|name| !handler.settings.contains(name)) {
            let why = format!("`{}` takes no setting `{name}`", handler.path);
            objections
                .push((format!("/answers/{}", name.replace('~', "~0").replace('/', "~1")), why));
        }
        objections
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn kind(text: &str) -> Descriptor {
        text.parse().unwrap()
    }

    fn objections(slot: Slot, descriptor: &str, answers: &Value) -> Vec<Objection> {
        let answers = answers.as_object().cloned().unwrap_or_default();
        Registry::builtin().unwrap().check(slot, &kind(descriptor), &answers)
    }

    #[test]
    fn the_five_are_known_in_the_versions_they_support() {
        for (path, slot) in BUILTIN {
            assert_eq!(objections(slot, &format!("{path}@0.1.0"), &json!({})), []);
            assert_eq!(objections(slot, &format!("{path}@0.1.9"), &json!({})), []);
            for unsupported in ["0.2.0", "1.0.0", "0.1.0-rc.1"] {
                let found = objections(slot, &format!("{path}@{unsupported}"), &json!({}));
                assert_eq!(found.len(), 1, "{path}@{unsupported}");
                assert!(found[0].1.contains("^0.1.0"), "{found:?}");
            }
        }
    }

    #[test]
    fn everything_wrong_is_told_at_once() {
        let found = objections(
            Slot::Telemetry,
            "greentic.telemetry.stdout@2.0.0",
            &json!({"colour": "red", "a/b": 1}),
        );
        let pointers: Vec<&str> = found.iter().map(|(pointer, _)| pointer.as_str()).collect();
        assert_eq!(pointers, ["/kind", "/answers/a~1b", "/answers/colour"]);
    }

    #[test]
    fn an_unknown_kind_names_the_known_ones_of_its_slot() {
        let found = objections(Slot::Secrets, "greentic.secrets.vault@1.0.0", &json!({}));
        assert!(found[0].1.contains("greentic.secrets.dev-store"), "{found:?}");
        let found = objections(Slot::Revocation, "greentic.revocation.list@1.0.0", &json!({}));
        assert!(found[0].1.ends_with("there is: none"), "{found:?}");
    }

    #[test]
    fn a_second_handler_of_one_path_is_refused() {
        let mut registry = Registry::builtin().unwrap();
        let again = registry.get(&kind("greentic.state.in-memory@0.1.0")).unwrap().clone();
        assert_eq!(registry.register(again).unwrap_err().kind, deploy_spec::Kind::Conflict);
    }
}
