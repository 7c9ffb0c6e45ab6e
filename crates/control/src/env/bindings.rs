//! What an environment is bound to when nobody chose: the env-packs that are part of `gtc`.

use deploy_spec::{EnvPackBinding, Fault, PackRef, Slot};
use serde_json::Map;

const DEFAULTS: [(Slot, &str); 5] = [
    (Slot::Deployer, "greentic.deployer.local-process@0.1.0"),
    (Slot::Secrets, "greentic.secrets.dev-store@0.1.0"),
    (Slot::Telemetry, "greentic.telemetry.stdout@0.1.0"),
    (Slot::Sessions, "greentic.sessions.in-memory@0.1.0"),
    (Slot::State, "greentic.state.in-memory@0.1.0"),
];

/// The default bindings of the slots for which `missing` says so.
pub(super) fn defaults(missing: impl Fn(Slot) -> bool) -> Result<Vec<EnvPackBinding>, Fault> {
    let wanted = DEFAULTS.into_iter().filter(|(slot, _)| missing(*slot));
    wanted
        .map(|(slot, kind)| {
            Ok(EnvPackBinding {
                slot,
                kind: kind.parse().map_err(Fault::internal)?,
                pack_ref: PackRef::Builtin,
                digest: None,
                answers: Map::new(),
                generation: 0,
                previous: None,
            })
        })
        .collect()
}
