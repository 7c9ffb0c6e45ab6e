//! What a pack says of itself, held against what can be: nothing is run here.

mod laws;

use deploy_spec::{Descriptor, Fault, Slot, document};
use env_pack::{CredentialNeed, Handler, Registry, Setup, ToolNeed};
use semver::{Comparator, Op, Version, VersionReq};
use serde::Deserialize;
use serde_json::{Value, json};

pub(crate) use laws::is_plain;

use crate::host::bad;

deploy_spec::schema_tag!(
    /// `greentic.env-pack.v1`
    DescriptionSchema = "greentic.env-pack.v1"
);

/// Most bytes of what a pack says of itself: 256 KiB.
pub const DESCRIPTION_BYTES: usize = 256 << 10;

/// What a pack is.
#[derive(Debug, Clone)]
pub struct Described {
    /// What it calls itself, with its version.
    pub kind: Descriptor,
    /// What is known of it; the one version that it supports is its own.
    pub handler: Handler,
}

/// The document, as `wit/env-pack.wit` shows it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    #[expect(dead_code, reason = "reading it is the check")]
    schema: DescriptionSchema,
    kind: Descriptor,
    slot: Slot,
    settings: Option<Value>,
    setup: Option<Value>,
    #[serde(default)]
    tools: Vec<ToolNeed>,
    #[serde(default)]
    credentials: Vec<CredentialNeed>,
}

/// Reads what the pack that messages call `name` says of itself.
///
/// # Errors
/// `invalid-input` that names the pack, and in `details.said_at` the place in what it said: it is
/// too large, no such document, or says what cannot be.
pub fn describe(name: &str, said: &str) -> Result<Described, Fault> {
    read(said).map_err(|fault| {
        let at = fault.details.get("pointer").and_then(Value::as_str).unwrap_or_default();
        let place = if at.is_empty() { String::new() } else { format!(" at `{at}`") };
        let why = format!("what it says of itself{place} is wrong: {}", fault.message);
        bad(name, &why).detail("said_at", at)
    })
}

fn read(said: &str) -> Result<Described, Fault> {
    if said.len() > DESCRIPTION_BYTES {
        let size = said.len();
        let why = format!("it has {size} bytes, and {DESCRIPTION_BYTES} are the most");
        return Err(Fault::invalid(why));
    }
    let value: Value = document::from_json(said.as_bytes())?;
    laws::of_text(&value)?;
    let description: Description = document::from_value(value)?;
    laws::hold(&description)?;
    let version = description.kind.version();
    let version = version.ok_or_else(|| Fault::invalid("it has no version").at("/kind"))?;
    let setup = description.setup.map(|setup| {
        Setup::from_value(setup).map_err(|fault| {
            let at = fault.details.get("pointer").and_then(Value::as_str).unwrap_or_default();
            let at = format!("/setup{at}");
            Fault::invalid(fault.message).at(at)
        })
    });
    let handler = Handler {
        path: description.kind.path().to_owned(),
        versions: exactly(version),
        slot: description.slot,
        settings: description.settings.unwrap_or_else(takes_none),
        setup: setup.transpose()?.unwrap_or_default(),
        tools: description.tools,
        credentials: description.credentials,
        offers_bootstrap: false,
    };
    laws::of_setup(&handler.setup)?;
    // Whatever a registry would not take is better said now.
    Registry::default().register(handler.clone()).map_err(|fault| fault.at("/settings"))?;
    Ok(Described { kind: description.kind, handler })
}

fn takes_none() -> Value {
    json!({"type": "object", "unevaluatedProperties": false})
}

fn exactly(version: Version) -> VersionReq {
    let Version { major, minor, patch, pre, build: _ } = version;
    let (minor, patch) = (Some(minor), Some(patch));
    VersionReq { comparators: vec![Comparator { op: Op::Exact, major, minor, patch, pre }] }
}

#[cfg(test)]
mod tests;
