//! The env-packs that are part of the program: they need no settings, no tools, no credentials.

use deploy_spec::Slot;
use semver::{Comparator, Op, Prerelease, VersionReq};
use serde_json::json;

use super::Handler;
use crate::setup::Setup;

const NATIVE: [(&str, Slot); 5] = [
    ("greentic.deployer.local-process", Slot::Deployer),
    ("greentic.secrets.dev-store", Slot::Secrets),
    ("greentic.telemetry.stdout", Slot::Telemetry),
    ("greentic.sessions.in-memory", Slot::Sessions),
    ("greentic.state.in-memory", Slot::State),
];

pub(super) fn handlers() -> impl Iterator<Item = Handler> {
    NATIVE.into_iter().map(|(path, slot)| Handler {
        path: path.to_owned(),
        versions: first_version(),
        slot,
        // Not `additionalProperties`, whose error does not name the setting when none is known.
        settings: json!({"type": "object", "unevaluatedProperties": false}),
        setup: Setup::default(),
        tools: Vec::new(),
        credentials: Vec::new(),
        offers_bootstrap: false,
    })
}

/// `^0.1.0`
fn first_version() -> VersionReq {
    let from = Comparator {
        op: Op::Caret,
        major: 0,
        minor: Some(1),
        patch: Some(0),
        pre: Prerelease::EMPTY,
    };
    VersionReq { comparators: vec![from] }
}
