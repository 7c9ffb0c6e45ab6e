//! Docker's `config.json`: which credentials belong to which registry, or which helper knows them
//! (<https://docs.docker.com/reference/cli/docker/login/#credential-stores>).

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use deploy_spec::Fault;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::{Credential, Secret, helper};
use crate::disk::read_small;
use crate::options::Options;
use crate::reference::HostPort;

/// Bytes of `config.json`, at most.
const CONFIG_MAX: u64 = 1 << 20;
/// The names of Docker Hub, and the one under which its credentials are kept.
const HUB: &[&str] = &["docker.io", "index.docker.io", "registry-1.docker.io"];
const HUB_KEY: &str = "https://index.docker.io/v1/";

/// What a helper says the user is when the secret is an identity token.
pub(super) const TOKEN_USER: &str = "<token>";

#[derive(Default)]
pub(super) struct DockerConfig {
    file: PathBuf,
    content: Content,
    helper_path: OsString,
    patience: Duration,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Content {
    #[serde(default)]
    auths: BTreeMap<String, Entry>,
    #[serde(default)]
    cred_helpers: BTreeMap<String, String>,
    #[serde(default)]
    creds_store: Option<String>,
}

#[derive(Default, Clone, Deserialize)]
#[serde(default)]
struct Entry {
    auth: Secret,
    username: String,
    password: Secret,
    identitytoken: Secret,
    registrytoken: Secret,
}

impl DockerConfig {
    /// # Errors
    /// `invalid-input` when it is there and is not what Docker writes.
    pub(super) fn load(options: &Options) -> Result<Self, Fault> {
        let Some(file) = options.docker_config.clone() else { return Ok(Self::default()) };
        let unusable = |why: &str| {
            Fault::invalid(format!("`{}` is not Docker's configuration: {why}", file.display()))
        };
        let content = match read_small(&file, CONFIG_MAX) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Content::default(),
            Err(error) => return Err(unusable(&error.to_string())),
            // What the reader would show of a bad document may be a secret.
            Ok(bytes) => serde_json::from_slice(&Zeroizing::new(bytes)).map_err(|error| {
                unusable(&format!("line {}, column {}", error.line(), error.column()))
            })?,
        };
        let helper_path = options.helper_path.clone();
        Ok(Self { file, content, helper_path, patience: options.limits.answer })
    }

    /// The credentials of a registry: from its helper, else from the helper of all, else from the
    /// file itself.
    ///
    /// # Errors
    /// `invalid-input` when an entry is not what Docker writes; `unavailable` when a helper fails.
    pub(super) async fn credential(&self, registry: &HostPort) -> Result<Credential, Fault> {
        let host = registry.to_string();
        let mut names = vec![host.as_str()];
        if HUB.contains(&host.as_str()) {
            names = [&[HUB_KEY], HUB].concat();
        }
        let own = names.iter().find_map(|name| self.content.cred_helpers.get(*name));
        if let Some(helper) = own.or(self.content.creds_store.as_ref()) {
            let at = helper::Helper { name: helper, path: &self.helper_path };
            if let Some(found) = at.get(names[0], self.patience).await? {
                return Ok(found);
            }
        }
        let entry = self.content.auths.iter().find(|(key, _)| names.contains(&host_of(key)));
        entry.map_or(Ok(Credential::Anonymous), |(key, entry)| self.stored(key, entry))
    }

    fn stored(&self, key: &str, entry: &Entry) -> Result<Credential, Fault> {
        if !entry.registrytoken.is_empty() {
            return Ok(Credential::Bearer(entry.registrytoken.clone()));
        }
        if !entry.identitytoken.is_empty() {
            return Ok(Credential::Identity(entry.identitytoken.clone()));
        }
        if !entry.auth.is_empty() {
            return decoded(&entry.auth).ok_or_else(|| {
                Fault::invalid(format!(
                    "the `auth` of `{key}` in `{}` is not `user:password` in base64",
                    self.file.display()
                ))
            });
        }
        if entry.username.is_empty() {
            return Ok(Credential::Anonymous);
        }
        Ok(Credential::Password { user: entry.username.clone(), password: entry.password.clone() })
    }
}

/// The registry that a key of `auths` stands for: old ones are URLs.
fn host_of(key: &str) -> &str {
    if key == HUB_KEY {
        return key;
    }
    let rest = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://")).unwrap_or(key);
    rest.split('/').next().unwrap_or_default()
}

fn decoded(auth: &Secret) -> Option<Credential> {
    let bytes = Zeroizing::new(STANDARD.decode(auth.as_bytes()).ok()?);
    let (user, password) = std::str::from_utf8(&bytes).ok()?.split_once(':')?;
    let password = Secret::new(password.trim_end_matches('\0').to_owned());
    Some(Credential::Password { user: user.to_owned(), password })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Who we are to a registry by this configuration, as a kind and its text.
    fn who(content: &str, registry: &str) -> String {
        let content = serde_json::from_str(content).unwrap();
        let config = DockerConfig { content, ..DockerConfig::default() };
        let registry = HostPort::parse(registry).unwrap();
        let found = crate::blocking::run(config.credential(&registry));
        match found.unwrap() {
            Credential::Anonymous => "nobody".into(),
            Credential::Password { user, password } => format!("{user}:{}", password.as_str()),
            Credential::Identity(token) => format!("identity {}", token.as_str()),
            Credential::Bearer(token) => format!("bearer {}", token.as_str()),
        }
    }

    #[test]
    fn an_entry_is_of_one_registry() {
        let one = |key: &str| format!(r#"{{"auths": {{"{key}": {{"auth": "YTpiOmM="}}}}}}"#);
        for (key, registry, found) in [
            ("h", "h", "a:b:c"),
            ("https://h/v1/", "h", "a:b:c"),
            ("h:5000", "h:5000", "a:b:c"),
            ("h", "h:5000", "nobody"),
            ("h.evil", "h", "nobody"),
            ("h/x", "x", "nobody"),
            ("https://index.docker.io/v1/", "docker.io", "a:b:c"),
            ("docker.io", "docker.io", "a:b:c"),
            ("https://index.docker.io/v1/", "ghcr.io", "nobody"),
        ] {
            assert_eq!(who(&one(key), registry), found, "{key} {registry}");
        }
    }

    #[test]
    fn an_entry_has_many_forms() {
        for (entry, found) in [
            (r#"{"username": "a", "password": "b"}"#, "a:b"),
            (r#"{"auth": "PHRva2VuPjo=", "identitytoken": "i"}"#, "identity i"),
            (r#"{"identitytoken": "i", "registrytoken": "r"}"#, "bearer r"),
            (r#"{"email": "a@b"}"#, "nobody"),
        ] {
            assert_eq!(who(&format!(r#"{{"auths": {{"h": {entry}}}}}"#), "h"), found);
        }
    }
}
