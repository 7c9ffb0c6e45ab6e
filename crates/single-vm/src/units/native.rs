//! The service as a static binary, confined as far as systemd goes.

use deploy_spec::Digest;

use crate::certificates::AdminFiles;
use crate::desired::Place;

use super::service::{arguments, environment};

/// What systemd takes from the service (systemd.exec(5)).
///
/// Two things it cannot take: the network, which is what the service is for, and memory that is
/// written and then run, which is how WebAssembly runs. For the latter the comment stays in the unit.
const CONFINEMENT: &str = "\
# Nothing more than it starts with.
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
SecureBits=noroot-locked
RestrictSUIDSGID=yes
UMask=0077
# The file system: read-only but for its own directories.
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateMounts=yes
# The kernel and the machine.
PrivateDevices=yes
DevicePolicy=closed
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
LockPersonality=yes
RestrictRealtime=yes
RestrictNamespaces=yes
KeyringMode=private
RemoveIPC=yes
# Other processes and users.
ProtectProc=invisible
PrivateUsers=yes
# Sockets of the Internet and of this machine; the others are the kernel's.
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
# What a service of its kind calls. What it is refused fails, and does not kill it.
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged
SystemCallErrorNumber=EPERM
# MemoryDenyWriteExecute=yes cannot hold: WebAssembly is compiled to code in memory, then run.
";

/// The lines of `[Service]` that are its own.
pub(super) fn body(place: &Place<'_>, admin: &AdminFiles, binary: &Digest) -> String {
    let (owner, storage) = (place.owner(), &place.deployment.spec.storage);
    let handed =
        ["ca.pem", "cert.pem", "key.pem"].map(|name| format!("${{CREDENTIALS_DIRECTORY}}/{name}"));
    let arguments = arguments(place, [&handed[0], &handed[1], &handed[2]]);
    let environment: String = environment(place)
        .iter()
        .map(|(name, value)| format!("Environment={name}={value}\n"))
        .collect();
    format!(
        "Type=notify\n\
         NotifyAccess=main\n\
         WatchdogSec=30\n\
         User={user}\n\
         Group={group}\n\
         WorkingDirectory={state}\n\
         # Makes the environment when there is none.\n\
         ExecStartPre={program} op env init\n\
         ExecStart={program} {arguments}\n\
         {environment}\
         # The keys stay root's; the service gets copies that only it can read.\n\
         LoadCredential=ca.pem:{authority}\n\
         LoadCredential=cert.pem:{certificate}\n\
         LoadCredential=key.pem:{key}\n\
         ReadWritePaths={state} {cache} {logs} {temp}\n\
         LimitNOFILE=65536\n\
         LimitCORE=0\n\
         TasksMax=8192\n\
         {CONFINEMENT}",
        user = owner.user,
        group = owner.group,
        program = place.layout.binary(binary),
        authority = admin.authority,
        certificate = admin.certificate,
        key = admin.key,
        state = storage.state_dir,
        cache = storage.cache_dir,
        logs = storage.log_dir,
        temp = storage.temp_dir,
    )
}
