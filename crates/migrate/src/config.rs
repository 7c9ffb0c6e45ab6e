//! The non-secret configuration that an older install kept beside its state.
//!
//! A setup wrote `state/pack-configs/<pack>.json` (or `pack-configs/…` in the state folder itself),
//! documents of the schema `greentic.pack-config-input.v1`: which environment, which bundle, what was
//! answered, and references to what was secret. Only the answers that are not secret are read. The
//! answers of `state/config/<provider>/setup-answers.json` are not: they hold secrets as well.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use deploy_spec::{BundleId, EnvironmentId, Fault};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::alias::DEV;

const SCHEMA: &str = "greentic.pack-config-input.v1";
/// The largest document that is read, in bytes.
const MOST_BYTES: u64 = 1024 * 1024;
/// How many documents there may be.
const MOST_FILES: usize = 1_000;

/// Configuration found at the old place: the layer below the environment's own.
#[derive(Debug, Clone, PartialEq)]
pub struct LegacyConfig {
    /// The values by name. Of two packs that give one name, the first by file name counts.
    pub config: Map<String, Value>,
    /// The files they come from, in order.
    pub files: Vec<PathBuf>,
    /// What to tell people, once per process.
    pub warning: String,
}

/// What is needed of a document of the older install; it may say more.
#[derive(Deserialize)]
struct Input {
    schema: String,
    env_id: String,
    bundle_id: String,
    #[serde(default)]
    non_secret: Map<String, Value>,
}

/// The configuration of a bundle in an environment at the old place below `from`, the home of the
/// install; none when there is none. `dev` counts as `local` there.
///
/// # Errors
/// `unavailable` when a document is there and cannot be read or understood.
pub fn legacy_config(
    from: &Path,
    environment: &EnvironmentId,
    bundle: &BundleId,
) -> Result<Option<LegacyConfig>, Fault> {
    let mut found = LegacyConfig { config: Map::new(), files: Vec::new(), warning: String::new() };
    for folder in [from.join("state/pack-configs"), from.join("pack-configs")] {
        for path in documents(&folder)? {
            let Some(input) = read(&path)? else { continue };
            let names_us = input.env_id == environment.as_str()
                || (input.env_id == DEV && environment.is_local());
            if input.schema != SCHEMA || !names_us || input.bundle_id != bundle.as_str() {
                continue;
            }
            for (name, value) in input.non_secret {
                found.config.entry(name).or_insert(value);
            }
            found.files.push(path);
        }
    }
    let Some(first) = found.files.first() else { return Ok(None) };
    found.warning = format!(
        "configuration of `{bundle}` is read from `{}`, where an older install kept it; set it with \
         `gtc op config set {environment}`, then remove the file",
        first.display()
    );
    Ok(Some(found))
}

fn documents(folder: &Path) -> Result<Vec<PathBuf>, Fault> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error)
            if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) =>
        {
            return Ok(Vec::new());
        }
        Err(error) => return Err(failed(folder, &error)),
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| failed(folder, &error))?.path();
        if path.extension().is_some_and(|ending| ending == "json") {
            paths.push(path);
        }
    }
    if paths.len() > MOST_FILES {
        return Err(failed(folder, &format!("it holds more than {MOST_FILES} documents")));
    }
    paths.sort_unstable();
    Ok(paths)
}

/// A document; none for what is no plain file.
fn read(path: &Path) -> Result<Option<Input>, Fault> {
    let is_file = fs::symlink_metadata(path).map_err(|error| failed(path, &error))?.is_file();
    if !is_file {
        return Ok(None);
    }
    let mut text = Vec::new();
    host_fs::open_plain(path)
        .and_then(|file| file.take(MOST_BYTES + 1).read_to_end(&mut text))
        .map_err(|error| failed(path, &error))?;
    if u64::try_from(text.len()).is_ok_and(|length| length > MOST_BYTES) {
        return Err(failed(path, &format!("it has more than {MOST_BYTES} bytes")));
    }
    // What serde says may quote a value, and it is not known here which ones are secret.
    serde_json::from_slice(&text).map(Some).map_err(|error| {
        let why =
            format!("it is not understood at line {}, column {}", error.line(), error.column());
        failed(path, &why)
    })
}

fn failed(path: &Path, why: &dyn std::fmt::Display) -> Fault {
    Fault::unavailable(format!(
        "configuration of an older install at `{}` cannot be read: {why}",
        path.display()
    ))
    .hint("mend the file, or remove it and set the values with `gtc op config set`")
}
