//! The sessions slot of an environment: whether replicas share what sessions have, and where.

use std::collections::BTreeSet;
use std::time::Duration;

use control::{Key, Lookup as _, View};
use deploy_spec::{Environment, Fault, SecretPath, Slot};
use env_pack::{SHARED_DEADLINE_MS, SHARED_SESSIONS};
use pins::{Pins, Server};
use store::EnvironmentStore;

use crate::plane::Plane;
use crate::secrets::DevStore;

/// What is remembered of sessions, and with whom.
#[derive(Default)]
pub(crate) struct Sessions {
    pub(crate) pins: Pins,
    server: Option<Server>,
}

impl Plane {
    /// Shares sessions with whom the environment says.
    ///
    /// # Errors
    /// When the password cannot be read; what was shared still is.
    pub(crate) fn share_sessions(
        &self,
        store: &EnvironmentStore,
        view: &dyn View,
    ) -> Result<(), Fault> {
        let environment = view.find_environment()?;
        let server = environment.map(|found| server(store, view, &found)).transpose()?.flatten();
        if self.sessions().server == server {
            return Ok(());
        }
        let pins = server.as_ref().map(Pins::shared).transpose()?.unwrap_or_default();
        self.set_sessions(Sessions { pins, server });
        Ok(())
    }
}

/// Whether a commit that touched these may have changed with whom sessions are shared.
pub(crate) fn are_concerned(keys: &BTreeSet<&Key>) -> bool {
    let password = password_path().map(Key::Secret);
    keys.contains(&Key::Environment) || password.is_ok_and(|key| keys.contains(&key))
}

/// Where the password of the server is, in the secrets slot.
fn password_path() -> Result<SecretPath, Fault> {
    SecretPath::of_env_pack(Slot::Sessions, "password")
}

/// The server that the slot is bound to; none where sessions are remembered in memory.
fn server(
    store: &EnvironmentStore,
    view: &dyn View,
    environment: &Environment,
) -> Result<Option<Server>, Fault> {
    let binding = environment.binding(Slot::Sessions);
    let Some(binding) = binding.filter(|binding| binding.kind.path() == SHARED_SESSIONS) else {
        return Ok(None);
    };
    let text = |name: &str| binding.answers.get(name).and_then(serde_json::Value::as_str);
    let deadline = binding.answers.get("deadline_ms").and_then(serde_json::Value::as_u64);
    Ok(Some(Server {
        url: text("url").unwrap_or_default().to_owned(),
        user: text("user").filter(|user| !user.is_empty()).map(str::to_owned),
        password: password(store, view)?,
        deadline: Duration::from_millis(deadline.unwrap_or(SHARED_DEADLINE_MS)),
    }))
}

fn password(store: &EnvironmentStore, view: &dyn View) -> Result<Option<String>, Fault> {
    let path = password_path()?;
    if view.secret(&path)?.is_none() {
        return Ok(None);
    }
    let value = DevStore::open(store)?.value(view, &path)?;
    let text = String::from_utf8(value.reveal().to_vec());
    text.map(Some).map_err(|_| Fault::invalid(format!("`{path}` is no text")))
}
