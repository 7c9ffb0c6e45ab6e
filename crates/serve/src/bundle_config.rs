//! What a bundle says about its configuration: a JSON Schema, and the defaults in it.

use bundle::Archive;
use control::config::Declared;
use control::{Handle, Lookup as _, Problem, View, resolve_deployment};
use deploy_spec::Fault;
use serde_json::{Map, Value};
use store::EnvironmentStore;

/// How many problems of one document are told.
const PROBLEMS_MAX: usize = 20;

/// The schema of a bundle's configuration.
pub struct BundleConfig {
    path: String,
    schema: Value,
    validator: jsonschema::Validator,
}

impl BundleConfig {
    /// The schema in a bundle; none when it brings none.
    ///
    /// # Errors
    /// `invalid-input` when it is no JSON Schema.
    pub fn read(archive: &Archive) -> Result<Option<Self>, Fault> {
        let Some(path) = &archive.manifest().config_schema else { return Ok(None) };
        Self::parse(path.as_str(), &archive.read(path.as_str())?).map(Some)
    }

    /// The schema that stands in a file.
    ///
    /// # Errors
    /// `invalid-input` when it is no JSON Schema.
    pub fn parse(path: &str, text: &[u8]) -> Result<Self, Fault> {
        let wrong = |why: String| Fault::invalid(format!("`{path}` in the bundle {why}"));
        let schema: Value =
            serde_json::from_slice(text).map_err(|error| wrong(format!("is not JSON: {error}")))?;
        let validator = jsonschema::validator_for(&schema)
            .map_err(|error| wrong(format!("is not a JSON Schema: {error}")))?;
        Ok(Self { path: path.to_owned(), schema, validator })
    }

    /// The schema in the bundle of a deployment's newest revision; none when there is no revision
    /// yet, or its bundle brings no schema.
    ///
    /// # Errors
    /// As [`BundleConfig::read`]; `unavailable` when the bundle is gone.
    pub fn of_newest(
        store: &EnvironmentStore,
        view: &dyn View,
        deployment: Option<&Handle>,
    ) -> Result<Option<Self>, Fault> {
        let Some(_) = deployment else { return Ok(None) };
        let of = resolve_deployment(view, deployment)?.deployment.deployment_id;
        let Some(&newest) = view.revision_ids(of)?.last() else { return Ok(None) };
        let Some(revision) = view.revision(of, newest)? else { return Ok(None) };
        Self::read(&Archive::open(&store.artifact(&revision.bundle_digest))?)
    }

    /// Where it is in the bundle.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The names it knows, and their defaults.
    #[must_use]
    pub fn declared(&self) -> Declared {
        let properties = self.schema["properties"].as_object().into_iter().flatten();
        let default = |(name, property): (&String, &Value)| {
            property.get("default").map(|value| (name.clone(), value.clone()))
        };
        Declared {
            defaults: properties.clone().filter_map(default).collect(),
            legacy: Map::new(),
            names: Some(properties.map(|(name, _)| name.clone()).collect()),
        }
    }

    /// What is wrong with `config`, below `pointer`.
    #[must_use]
    pub fn problems(&self, config: &Map<String, Value>, pointer: &str) -> Vec<Problem> {
        let config = Value::Object(config.clone());
        let errors = self.validator.iter_errors(&config).take(PROBLEMS_MAX);
        let problem = |error: jsonschema::ValidationError<'_>| {
            Problem::new(format!("{pointer}{}", error.instance_path()), error.to_string())
        };
        errors.map(problem).collect()
    }
}
