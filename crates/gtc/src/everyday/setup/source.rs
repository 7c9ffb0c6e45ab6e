//! What a bundle asks, packed or still a folder.

use std::collections::BTreeSet;
use std::path::Path;

use bundle::Archive;
use deploy_spec::{BundleManifest, Fault};
use env_pack::{Question, Setup};
use serde_json::Map;
use serve::BundleConfig;

use super::questions::{Group, Whose};
use crate::answers;

/// A file of a bundle, packed or not.
type Read<'a> = Box<dyn Fn(&str) -> Result<Vec<u8>, Fault> + 'a>;

pub(super) fn of_bundle(source: &Path) -> Result<Group, Fault> {
    if source.is_dir() {
        let manifest = bundle::manifest_of(source)?;
        let read = |path: &str| {
            let file = source.join(path);
            std::fs::read(&file).map_err(|error| {
                Fault::invalid(format!("`{}` cannot be read: {error}", file.display()))
            })
        };
        return asked_by(&manifest, &(Box::new(read) as Read<'_>));
    }
    let archive = Archive::open(source)?;
    asked_by(archive.manifest(), &(Box::new(|path: &str| archive.read(path)) as Read<'_>))
}

/// The questions of a bundle's setup document, then those that follow from the secrets it reads.
fn asked_by(manifest: &BundleManifest, read: &Read<'_>) -> Result<Group, Fault> {
    let mut questions = match &manifest.setup {
        Some(path) => document(path.as_str(), &read(path.as_str())?)?.questions().to_vec(),
        None => Vec::new(),
    };
    for need in &manifest.secrets {
        if !questions.iter().any(|question| question.name == need.name) {
            let prompt = need.description.clone().unwrap_or_else(|| format!("{}?", need.name));
            questions.push(Question::secret(&need.name, prompt, need.required));
        }
    }
    let config = match &manifest.config_schema {
        Some(path) => Some(BundleConfig::parse(path.as_str(), &read(path.as_str())?)?),
        None => None,
    };
    Ok(Group {
        whose: Whose::Bundle(manifest.bundle_id.clone()),
        setup: Setup::new(questions)?,
        present: Map::new(),
        kept: BTreeSet::new(),
        config,
    })
}

fn document(path: &str, text: &[u8]) -> Result<Setup, Fault> {
    let text = std::str::from_utf8(text).map_err(|error| error.to_string());
    let value = text.and_then(answers::parse);
    let wrong = |why: String| Fault::invalid(format!("`{path}` in the bundle: {why}"));
    Setup::from_value(value.map_err(wrong)?).map_err(|fault| {
        let message = format!("`{path}` in the bundle: {}", fault.message);
        Fault { message, ..fault }
    })
}
