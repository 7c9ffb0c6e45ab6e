//! The service as one container of Podman or Docker.

use deploy_spec::Digest;

use crate::certificates::AdminFiles;
use crate::desired::Place;
use crate::resource::Engine;
use crate::spec::MachinePath;

use super::service::{GRACE, arguments, environment};

/// The engine makes namespaces, mounts and control groups, which is what confining the unit would
/// take from it; what is confined is the container.
const CONFINEMENT: &str = "\
# The engine needs its powers; the container has none of them (see ExecStart).
LockPersonality=yes
RestrictRealtime=yes
SystemCallArchitectures=native
LimitCORE=0
";

/// The lines of `[Service]` that are its own.
pub(super) fn body(
    place: &Place<'_>,
    admin: &AdminFiles,
    engine: Engine,
    image: &Digest,
) -> String {
    let program = engine.program();
    let name = format!("greentic-{}", place.deployment.metadata.name);
    let (kind, notify) = match engine {
        // The container says itself when it is ready, and that it is alive.
        Engine::Podman => {
            ("Type=notify\nNotifyAccess=all\nWatchdogSec=30\n", "--sdnotify=container ")
        }
        Engine::Docker => ("Type=exec\n", ""),
    };
    let stop = GRACE + 5;
    let options = options(place, admin);
    let files = [&admin.authority, &admin.certificate, &admin.key].map(MachinePath::as_str);
    format!(
        "{kind}\
         ExecStartPre=-{program} rm --force {name}\n\
         # Makes the environment when there is none.\n\
         ExecStartPre={program} run --rm {options}{image} op env init\n\
         ExecStart={program} run --rm --name {name} {notify}--stop-timeout {stop} {options}{image} \
         {arguments}\n\
         ExecStop=-{program} stop --time {stop} {name}\n\
         {CONFINEMENT}",
        arguments = arguments(place, files),
    )
}

/// What the container has: no powers, and of the machine its own directories and the network, on
/// which the admin endpoint must be at 127.0.0.1.
fn options(place: &Place<'_>, admin: &AdminFiles) -> String {
    format!(
        "--pull never --network host --read-only --cap-drop all \
         --security-opt no-new-privileges --pids-limit 8192 --user {uid}:{gid} {volumes}{variables}",
        uid = place.facts.uid,
        gid = place.facts.gid,
        volumes = volumes(place, admin),
        variables = variables(place),
    )
}

/// The same paths inside as outside. Later bundles and their mounts arrive in the container as well,
/// the latter by `rslave`.
fn volumes(place: &Place<'_>, admin: &AdminFiles) -> String {
    let storage = &place.deployment.spec.storage;
    let writable = [&storage.state_dir, &storage.cache_dir, &storage.log_dir, &storage.temp_dir];
    let mut text: String =
        writable.iter().map(|path| format!("--volume {path}:{path}:rw ")).collect();
    let mounts = place.layout.mounts();
    text.push_str(&format!("--volume {mounts}:{mounts}:ro,rslave "));
    let bundles = place.layout.bundles();
    text.push_str(&format!("--volume {bundles}:{bundles}:ro "));
    for path in [&admin.authority, &admin.certificate, &admin.key] {
        text.push_str(&format!("--volume {path}:{path}:ro "));
    }
    text
}

fn variables(place: &Place<'_>) -> String {
    let mut text: String =
        environment(place).iter().map(|(name, value)| format!("--env {name}={value} ")).collect();
    // Handed on, so that it is in the environment of the process that serves.
    text.push_str("--env GREENTIC_CONFIGURATION ");
    text
}
