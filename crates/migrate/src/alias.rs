//! The alias `dev`: a small document beside the environments, under a name that none can have.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use deploy_spec::{EnvironmentId, Fault, Timestamp, document, schema_tag};
use serde::{Deserialize, Serialize};
use store::Root;

/// The name that an older install gave to `local`.
pub const DEV: &str = "dev";

/// The file, in the folder of environments; no environment has a dot in its name.
const FILE: &str = "alias.json";

schema_tag!(
    /// `greentic.alias.v1`
    AliasSchema = "greentic.alias.v1"
);

/// That one name stands for another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alias {
    /// `greentic.alias.v1`
    pub schema: AliasSchema,
    /// What is typed: `dev`.
    pub alias: EnvironmentId,
    /// What is meant: `local`.
    pub environment_id: EnvironmentId,
    /// Since when.
    pub created_at: Timestamp,
}

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// The environment that is meant.
    pub environment: EnvironmentId,
    /// What to tell whoever typed the alias, once per process.
    pub warning: Option<String>,
}

/// Whether the alias holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Switch {
    /// It does, with a warning.
    On,
    /// It is an error to type it.
    Off,
}

impl Switch {
    /// The setting of `GREENTIC_DISABLE_DEV_ALIAS`: 1, true, yes and on turn the alias off.
    #[must_use]
    pub fn disabled_by(variable: Option<&str>) -> Self {
        let is_set = |text: &str| {
            ["1", "true", "yes", "on"].iter().any(|word| text.trim().eq_ignore_ascii_case(word))
        };
        if variable.is_some_and(is_set) { Self::Off } else { Self::On }
    }
}

/// What `name` stands for: `dev` is `local` when there is no environment `dev` and the alias is
/// there; everything else is itself. Only `dev` costs a look at the disk.
///
/// # Errors
/// `refused` when the alias is turned off; `unavailable` when it is there and cannot be read.
pub fn resolve(root: &Root, name: &EnvironmentId, switch: Switch) -> Result<Resolved, Fault> {
    let itself = Resolved { environment: name.clone(), warning: None };
    if name.as_str() != DEV || root.environment(name).exists() {
        return Ok(itself);
    }
    let Some(alias) = read(root)? else { return Ok(itself) };
    let meant = alias.environment_id;
    match switch {
        Switch::Off => Err(Fault::refused(format!(
            "there is no environment `{name}`; `{meant}` is what it was called, and the alias is \
             turned off by GREENTIC_DISABLE_DEV_ALIAS"
        ))
        .hint(format!("type `{meant}` instead of `{name}`"))
        .detail("environment_id", meant.as_str())),
        Switch::On => Ok(Resolved {
            warning: Some(format!(
                "`{name}` is an old name of `{meant}`; type `{meant}` (`gtc op env migrate-dev \
                 {meant} --check` shows where the old name still stands)"
            )),
            environment: meant,
        }),
    }
}

/// The alias, if there is one.
///
/// # Errors
/// `unavailable` when it cannot be read.
pub fn read(root: &Root) -> Result<Option<Alias>, Fault> {
    let path = place(root);
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed("reading", &path, &error)),
    };
    document::from_json(&text).map(Some).map_err(|why| {
        Fault::unavailable(format!(
            "the alias in `{}` cannot be read: {}",
            path.display(),
            why.message
        ))
        .hint(format!("remove `{}`; `gtc op env migrate-dev` writes it anew", path.display()))
    })
}

/// Lets `dev` stand for `environment`. An alias that already says so stays as it is.
///
/// # Errors
/// `unavailable` when it cannot be read or written.
pub fn write(root: &Root, environment: &EnvironmentId, now: Timestamp) -> Result<Alias, Fault> {
    let before = read(root)?;
    if let Some(same) = before.filter(|alias| alias.environment_id == *environment) {
        return Ok(same);
    }
    let alias = Alias {
        schema: AliasSchema,
        alias: DEV.parse().map_err(Fault::internal)?,
        environment_id: environment.clone(),
        created_at: now,
    };
    let path = place(root);
    put(&path, &document::to_line(&alias)).map_err(|error| failed("writing", &path, &error))?;
    Ok(alias)
}

fn place(root: &Root) -> PathBuf {
    root.path().join(FILE)
}

fn put(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(path);
    host_fs::private_folder().recursive(true).create(folder)?;
    let draft = path.with_extension(format!("json.draft-{}", std::process::id()));
    let mut file = host_fs::private().write(true).create(true).truncate(true).open(&draft)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    host_fs::sync_folder(folder)
}

fn failed(doing: &str, path: &Path, error: &io::Error) -> Fault {
    Fault::unavailable(format!("{doing} the alias `{}` failed: {error}", path.display()))
        .hint("look at the disk, then ask again")
}
