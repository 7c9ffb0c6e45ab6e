//! The service, whatever it runs in.

use deploy_spec::Digest;

use crate::certificates::AdminFiles;
use crate::desired::{Place, configuration};
use crate::facts::ProgramFacts;
use crate::resource::Engine;

use super::{HEAD, container, native};

/// How long requests in flight may take when the service is told to stop, in seconds.
pub(super) const GRACE: u32 = 30;

/// The service unit, and the digest by which the running service tells that it was started with it.
pub(crate) fn service(place: &Place<'_>, admin: &AdminFiles) -> (String, Digest) {
    let body = match &place.facts.program {
        ProgramFacts::Binary(digest) => native::body(place, admin, digest),
        ProgramFacts::Image(engine, id) => container::body(place, admin, *engine, id),
    };
    let text = |configuration: &str| {
        format!(
            "{HEAD}{}\n[Service]\n{body}\n{}{configuration}\n\n[Install]\nWantedBy=multi-user.target\n",
            head(place),
            running(place),
        )
    };
    let digest = configuration(&text(""));
    (text(&format!("Environment=GREENTIC_CONFIGURATION={digest}")), digest)
}

fn head(place: &Place<'_>) -> String {
    let name = &place.deployment.metadata.name;
    let socket = match place.has_socket() {
        true => {
            let socket = place.layout.socket();
            format!("Requires={socket}\nAfter={socket}\n")
        }
        false => String::new(),
    };
    // Its containers are the daemon's: it begins behind it, ends before it, and comes back with it.
    let daemon = match place.facts.program {
        ProgramFacts::Image(Engine::Docker, _) => {
            "Wants=docker.service\nAfter=docker.service\nPartOf=docker.service\n"
        }
        ProgramFacts::Image(Engine::Podman, _) | ProgramFacts::Binary(_) => "",
    };
    format!(
        "[Unit]\n\
         Description=Greentic deployment {name}\n\
         {socket}{daemon}Wants=network-online.target\n\
         After=network-online.target\n\
         # Five failed starts in five minutes are enough to know.\n\
         StartLimitIntervalSec=300\n\
         StartLimitBurst=5\n"
    )
}

/// How it is kept running.
fn running(place: &Place<'_>) -> String {
    let start = place.deployment.spec.health.startup_timeout_seconds;
    format!(
        "Restart=always\n\
         RestartSec=1\n\
         TimeoutStartSec={start}\n\
         TimeoutStopSec={stop}\n\
         KillMode=mixed\n\
         SyslogIdentifier=greentic-{name}\n",
        stop = GRACE + 15,
        name = place.deployment.metadata.name,
    )
}

/// What `gtc` is told on its command line. The admin endpoint is for who has a client certificate.
pub(super) fn arguments(place: &Place<'_>, [authority, certificate, key]: [&str; 3]) -> String {
    let runtime = &place.deployment.spec.runtime;
    format!(
        "start --env local --listen {listen} --grace {GRACE} --admin-bind {bind} \
         --admin-client-ca {authority} --admin-cert {certificate} --admin-key {key}",
        listen = runtime.listen.address(),
        bind = runtime.admin.bind,
    )
}

/// Where it writes, by the names that systemd.exec(5) gives such directories.
pub(super) fn environment(place: &Place<'_>) -> [(&'static str, String); 5] {
    let storage = &place.deployment.spec.storage;
    [
        ("GREENTIC_HOME", storage.state_dir.to_string()),
        ("STATE_DIRECTORY", storage.state_dir.to_string()),
        ("CACHE_DIRECTORY", storage.cache_dir.to_string()),
        ("LOGS_DIRECTORY", storage.log_dir.to_string()),
        ("TMPDIR", storage.temp_dir.to_string()),
    ]
}
