//! The closure of a revision: everything that it runs, and what each part is pinned to.

use deploy_spec::{Fault, Lifecycle, Pinned, Revision, SecretRef};
use serde::Serialize;

use crate::secrets::{pinned_version, stage_again};
use crate::view::{Lookup as _, View};

/// One thing that a revision runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pin {
    /// `bundle`, `pack`, `config`, `signature`, `engine` or `secret`.
    pub part: &'static str,
    /// Which one, in words for people.
    pub name: String,
    /// What it is pinned to: a digest, a key, an engine, a version; null when it is not.
    pub pinned_to: Option<String>,
    /// What there is to know besides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Pin {
    fn new(part: &'static str, name: impl Into<String>, to: Option<String>) -> Self {
        Self { part, name: name.into(), pinned_to: to, note: None }
    }

    fn noted(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }
}

/// All pins, those of the stage first.
pub(super) fn closure(view: &dyn View, revision: &Revision) -> Result<Vec<Pin>, Fault> {
    let digest = |digest: &deploy_spec::Digest| Some(digest.to_string());
    let bundle = format!("{} {}", revision.bundle_id, revision.version);
    let mut pins = vec![Pin::new("bundle", bundle, digest(&revision.bundle_digest))];
    for pack in &revision.pack_list {
        let kind = pack.kind.as_str();
        let pin = Pin::new("pack", pack.pack_id.to_string(), digest(&pack.digest));
        let to = pack.url.as_ref().map_or(String::new(), |url| format!(", to {url}"));
        let of = pack.image.as_ref().map_or(String::new(), |image| format!(", of {image}"));
        pins.push(pin.noted(format!("{kind} at {}{to}{of}", pack.public_path)));
    }
    let values = match revision.config.len() {
        1 => "1 value".to_owned(),
        count => format!("{count} values"),
    };
    pins.push(Pin::new("config", values, digest(&revision.config_digest)));
    let key = revision.signature.as_ref().map(|signature| signature.key_id.clone());
    pins.push(Pin::new("signature", "key", key));
    pins.push(engine(revision));
    for secret in &revision.secret_refs {
        pins.push(of_secret(view, revision, secret)?);
    }
    Ok(pins)
}

fn engine(revision: &Revision) -> Pin {
    let engine = revision.pinned.as_ref().map(|pinned| pinned.engine.clone());
    let pin = Pin::new("engine", "proven by", engine);
    if revision.pinned.is_some() { pin } else { pin.noted(unproven(revision)) }
}

/// Why nothing is pinned that the gate pins.
const fn unproven(revision: &Revision) -> &'static str {
    match revision.lifecycle {
        Lifecycle::Staged | Lifecycle::Warming | Lifecycle::Failed => "pinned when it is warmed",
        Lifecycle::Ready | Lifecycle::Draining => "warmed before this was pinned",
        Lifecycle::Inactive | Lifecycle::Archived => "was not pinned",
    }
}

fn of_secret(view: &dyn View, revision: &Revision, secret: &SecretRef) -> Result<Pin, Fault> {
    let path = secret.path();
    let newest = view.secret(&path)?.and_then(|s| s.newest().map(|newest| newest.version));
    let pin = revision.pin_of(secret);
    let shown =
        Pin::new("secret", path.as_str(), pin.map(|pin| format!("version {}", pin.version)));
    let again = stage_again(view.environment_id(), revision);
    Ok(match (&revision.pinned, pin, newest) {
        (None, ..) => shown.noted(unproven(revision)),
        (Some(Pinned { .. }), None, None) => shown.noted("it had no value, and is given none"),
        (Some(Pinned { .. }), None, Some(newest)) => {
            shown.noted(format!("it had no value; version {newest} is for a new revision: {again}"))
        }
        (_, Some(pin), _) if pinned_version(view, pin)?.is_none() => {
            shown.noted(format!("gone: {again}"))
        }
        (_, Some(pin), Some(newest)) if pin.version != newest => {
            shown.noted(format!("version {newest} is for a new revision: {again}"))
        }
        (_, Some(_), _) => shown.noted("the newest"),
    })
}
