//! What systemd itself says of the texts: `systemd-analyze verify` and `security`, which need no
//! running systemd.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use single_vm::resource::{Content, Engine};
use single_vm::{Desired, Facts, MountBy, Resource, desired};

use crate::machine::Machine;
use crate::world::{Choice, Runs};

/// How much of the machine the service may use, by `systemd-analyze security`, times ten. systemd 252
/// says 1.2, "OK", which goes on to 4.9; the network alone, which is what it is for, is 0.8.
const EXPOSURE: u32 = 15;

fn analyze(arguments: &[&str], units: &[PathBuf]) -> Output {
    Command::new("systemd-analyze")
        .args(arguments)
        .args(units)
        .env("SYSTEMD_LOG_LEVEL", "warning")
        .output()
        .expect("systemd-analyze is on this machine (Debian package `systemd`)")
}

/// Writes the units of `desired` to a folder of their own. What they start is `/bin/true`: only what
/// is there is found.
fn written(folder: &str, desired: &Desired) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(folder);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    let mut units = Vec::new();
    for (path, text) in texts(desired) {
        let Some(name) = path.strip_prefix("/etc/systemd/system/") else { continue };
        let lines = text.lines().map(|line| match line.split_once('=') {
            Some((key @ ("ExecStart" | "ExecStartPre" | "ExecStop"), _)) => {
                format!("{key}=/bin/true\n")
            }
            _ => format!("{line}\n"),
        });
        std::fs::write(folder.join(name), lines.collect::<String>()).unwrap();
        units.push(folder.join(name));
    }
    units
}

pub(crate) fn texts(desired: &Desired) -> Vec<(String, String)> {
    let texts = desired.resources.iter().filter_map(|resource| match resource {
        Resource::File { path, content: Content::Text(text), .. } => {
            Some((path.to_string(), text.clone()))
        }
        _ => None,
    });
    texts.collect()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}

#[test]
fn systemd_finds_nothing_wrong_with_the_units() {
    let machine = Machine::fresh();
    for (folder, runs, given) in [
        ("verify-native", Runs::Binary(1), None),
        ("verify-given", Runs::Binary(1), Some(1)),
        ("verify-podman", Runs::Image(Engine::Podman, 1), None),
        ("verify-docker", Runs::Image(Engine::Docker, 1), None),
    ] {
        // An account that is on every machine.
        let choice = Choice { runs, given, user: Some("nobody"), ..Choice::USUAL };
        let units = written(folder, &choice.desired(&machine));
        let output = analyze(&["verify", "--man=no", "--recursive-errors=no"], &units);
        assert!(output.status.success() && said(&output).is_empty(), "{folder}: {}", said(&output));
    }
}

#[test]
fn what_verify_looks_for_it_finds() {
    let mut units = written("verify-broken", &Choice::USUAL.desired(&Machine::fresh()));
    let service = units.pop().unwrap();
    let text = std::fs::read_to_string(&service).unwrap();
    std::fs::write(&service, text.replace("ProtectSystem=", "ProtectSistem=")).unwrap();
    let output = analyze(&["verify", "--man=no", "--recursive-errors=no"], &[service]);
    assert!(said(&output).contains("ProtectSistem"), "{}", said(&output));
}

#[test]
fn the_service_is_confined() {
    let units = written("security", &Choice::USUAL.desired(&Machine::fresh()));
    let service: Vec<PathBuf> = units
        .into_iter()
        .filter(|unit| unit.extension().is_some_and(|it| it == "service"))
        .collect();
    let threshold = format!("--threshold={EXPOSURE}");
    let output = analyze(&["security", "--offline=true", "--no-pager", &threshold], &service);
    assert!(output.status.success(), "{}", said(&output));
}

/// The names and values that were agreed on with whoever reads them.
#[test]
fn the_texts_say_what_they_ought_to() {
    let machine = Machine::fresh();
    let shown = |choice: Choice, mounts: MountBy| -> String {
        let facts = choice.facts(&machine);
        let facts =
            Facts { machine: single_vm::Machine { mounts, ..facts.machine.clone() }, ..facts };
        let desired = desired(&choice.deployment(), &facts).unwrap();
        texts(&desired).iter().map(|(path, text)| format!("== {path}\n{text}")).collect()
    };
    insta::assert_snapshot!(shown(Choice::USUAL, MountBy::Kernel), @"
    == /etc/tmpfiles.d/greentic-hello.conf
    # Written by `gtc single-vm apply`, which also mends what is changed by hand.
    D /var/lib/greentic/hello/tmp 0700 greentic-hello greentic-hello 10d
    == /etc/logrotate.d/greentic-hello
    # Written by `gtc single-vm apply`, which also mends what is changed by hand.
    /var/log/greentic/hello/*.log {
        su greentic-hello greentic-hello
        daily
        maxsize 50M
        rotate 14
        compress
        delaycompress
        missingok
        notifempty
        copytruncate
    }
    == /etc/systemd/system/srv-greentic-hello-0ffaac099f9b2220.mount
    # Written by `gtc single-vm apply`, which also mends what is changed by hand.
    [Unit]
    Description=Bundle sha256:0ffaac099f9b22205f96928a311ab077b5b9a4fdecc11660663ddf04b19493d5 of Greentic deployment hello
    Before=greentic-hello.service

    [Mount]
    What=/opt/greentic/hello/bundles/0ffaac099f9b2220.gtbundle
    Where=/srv/greentic/hello/0ffaac099f9b2220
    Type=squashfs
    Options=loop,ro,nosuid,nodev,noexec
    TimeoutSec=30

    [Install]
    WantedBy=greentic-hello.service
    == /etc/systemd/system/greentic-hello.socket
    # Written by `gtc single-vm apply`, which also mends what is changed by hand.
    [Unit]
    Description=Socket of Greentic deployment hello

    [Socket]
    ListenStream=0.0.0.0:8080
    FileDescriptorName=http
    NoDelay=yes
    Backlog=4096
    # An address of the machine that it does not have yet when it starts.
    FreeBind=yes

    [Install]
    WantedBy=sockets.target
    == /etc/systemd/system/greentic-hello.service
    # Written by `gtc single-vm apply`, which also mends what is changed by hand.
    [Unit]
    Description=Greentic deployment hello
    Requires=greentic-hello.socket
    After=greentic-hello.socket
    Wants=network-online.target
    After=network-online.target
    # Five failed starts in five minutes are enough to know.
    StartLimitIntervalSec=300
    StartLimitBurst=5

    [Service]
    Type=notify
    NotifyAccess=main
    WatchdogSec=30
    User=greentic-hello
    Group=greentic-hello
    WorkingDirectory=/var/lib/greentic/hello/state
    # Makes the environment when there is none.
    ExecStartPre=/opt/greentic/hello/bin/gtc-1f2e6d00279b4659 op env init
    ExecStart=/opt/greentic/hello/bin/gtc-1f2e6d00279b4659 start --env local --listen 0.0.0.0:8080 --grace 30 --admin-bind 127.0.0.1:8433 --admin-client-ca ${CREDENTIALS_DIRECTORY}/ca.pem --admin-cert ${CREDENTIALS_DIRECTORY}/cert.pem --admin-key ${CREDENTIALS_DIRECTORY}/key.pem
    Environment=GREENTIC_HOME=/var/lib/greentic/hello/state
    Environment=STATE_DIRECTORY=/var/lib/greentic/hello/state
    Environment=CACHE_DIRECTORY=/var/cache/greentic/hello
    Environment=LOGS_DIRECTORY=/var/log/greentic/hello
    Environment=TMPDIR=/var/lib/greentic/hello/tmp
    # The keys stay root's; the service gets copies that only it can read.
    LoadCredential=ca.pem:/etc/greentic/hello/tls/server-1/ca.pem
    LoadCredential=cert.pem:/etc/greentic/hello/tls/server-1/cert.pem
    LoadCredential=key.pem:/etc/greentic/hello/tls/server-1/key.pem
    ReadWritePaths=/var/lib/greentic/hello/state /var/cache/greentic/hello /var/log/greentic/hello /var/lib/greentic/hello/tmp
    LimitNOFILE=65536
    LimitCORE=0
    TasksMax=8192
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

    Restart=always
    RestartSec=1
    TimeoutStartSec=60
    TimeoutStopSec=45
    KillMode=mixed
    SyslogIdentifier=greentic-hello
    Environment=GREENTIC_CONFIGURATION=sha256:763c9f9093ecd46343b0db9b1caf690c43098630df2741fdbd3e2996139102a0

    [Install]
    WantedBy=multi-user.target
    ");
    let podman = Choice {
        runs: Runs::Image(Engine::Podman, 1),
        given: Some(1),
        name: "a-b",
        ..Choice::USUAL
    };
    insta::assert_snapshot!(shown(podman, MountBy::Squashfuse), @"
    == /etc/tmpfiles.d/greentic-a-b.conf
    # Written by `gtc single-vm apply`, which also mends what is changed by hand.
    D /var/lib/greentic/a-b/tmp 0700 greentic-a-b greentic-a-b 10d
    == /etc/logrotate.d/greentic-a-b
    # Written by `gtc single-vm apply`, which also mends what is changed by hand.
    /var/log/greentic/a-b/*.log {
        su greentic-a-b greentic-a-b
        daily
        maxsize 50M
        rotate 14
        compress
        delaycompress
        missingok
        notifempty
        copytruncate
    }
    == /etc/systemd/system/srv-greentic-a_b-0ffaac099f9b2220.mount
    # Written by `gtc single-vm apply`, which also mends what is changed by hand.
    [Unit]
    Description=Bundle sha256:0ffaac099f9b22205f96928a311ab077b5b9a4fdecc11660663ddf04b19493d5 of Greentic deployment a-b
    Before=greentic-a-b.service

    [Mount]
    What=/opt/greentic/a-b/bundles/0ffaac099f9b2220.gtbundle
    Where=/srv/greentic/a_b/0ffaac099f9b2220
    Type=fuse.squashfuse
    Options=ro,nosuid,nodev,noexec,allow_other
    TimeoutSec=30

    [Install]
    WantedBy=greentic-a-b.service
    == /etc/systemd/system/greentic-a-b.socket
    # Written by `gtc single-vm apply`, which also mends what is changed by hand.
    [Unit]
    Description=Socket of Greentic deployment a-b

    [Socket]
    ListenStream=0.0.0.0:8080
    FileDescriptorName=http
    NoDelay=yes
    Backlog=4096
    # An address of the machine that it does not have yet when it starts.
    FreeBind=yes

    [Install]
    WantedBy=sockets.target
    == /etc/systemd/system/greentic-a-b.service
    # Written by `gtc single-vm apply`, which also mends what is changed by hand.
    [Unit]
    Description=Greentic deployment a-b
    Requires=greentic-a-b.socket
    After=greentic-a-b.socket
    Wants=network-online.target
    After=network-online.target
    # Five failed starts in five minutes are enough to know.
    StartLimitIntervalSec=300
    StartLimitBurst=5

    [Service]
    Type=notify
    NotifyAccess=all
    WatchdogSec=30
    ExecStartPre=-/usr/bin/podman rm --force greentic-a-b
    # Makes the environment when there is none.
    ExecStartPre=/usr/bin/podman run --rm --pull never --network host --read-only --cap-drop all --security-opt no-new-privileges --pids-limit 8192 --user 900:900 --volume /var/lib/greentic/a-b/state:/var/lib/greentic/a-b/state:rw --volume /var/cache/greentic/a-b:/var/cache/greentic/a-b:rw --volume /var/log/greentic/a-b:/var/log/greentic/a-b:rw --volume /var/lib/greentic/a-b/tmp:/var/lib/greentic/a-b/tmp:rw --volume /srv/greentic/a_b:/srv/greentic/a_b:ro,rslave --volume /opt/greentic/a-b/bundles:/opt/greentic/a-b/bundles:ro --volume /etc/greentic/a-b/tls/given-21f77a0de9476145/ca.pem:/etc/greentic/a-b/tls/given-21f77a0de9476145/ca.pem:ro --volume /etc/greentic/a-b/tls/given-21f77a0de9476145/cert.pem:/etc/greentic/a-b/tls/given-21f77a0de9476145/cert.pem:ro --volume /etc/greentic/a-b/tls/given-21f77a0de9476145/key.pem:/etc/greentic/a-b/tls/given-21f77a0de9476145/key.pem:ro --env GREENTIC_HOME=/var/lib/greentic/a-b/state --env STATE_DIRECTORY=/var/lib/greentic/a-b/state --env CACHE_DIRECTORY=/var/cache/greentic/a-b --env LOGS_DIRECTORY=/var/log/greentic/a-b --env TMPDIR=/var/lib/greentic/a-b/tmp --env GREENTIC_CONFIGURATION sha256:e1b176810b95fc979337f2af23f89c507f40e10879cc117cb36934047d4c90bd op env init
    ExecStart=/usr/bin/podman run --rm --name greentic-a-b --sdnotify=container --stop-timeout 35 --pull never --network host --read-only --cap-drop all --security-opt no-new-privileges --pids-limit 8192 --user 900:900 --volume /var/lib/greentic/a-b/state:/var/lib/greentic/a-b/state:rw --volume /var/cache/greentic/a-b:/var/cache/greentic/a-b:rw --volume /var/log/greentic/a-b:/var/log/greentic/a-b:rw --volume /var/lib/greentic/a-b/tmp:/var/lib/greentic/a-b/tmp:rw --volume /srv/greentic/a_b:/srv/greentic/a_b:ro,rslave --volume /opt/greentic/a-b/bundles:/opt/greentic/a-b/bundles:ro --volume /etc/greentic/a-b/tls/given-21f77a0de9476145/ca.pem:/etc/greentic/a-b/tls/given-21f77a0de9476145/ca.pem:ro --volume /etc/greentic/a-b/tls/given-21f77a0de9476145/cert.pem:/etc/greentic/a-b/tls/given-21f77a0de9476145/cert.pem:ro --volume /etc/greentic/a-b/tls/given-21f77a0de9476145/key.pem:/etc/greentic/a-b/tls/given-21f77a0de9476145/key.pem:ro --env GREENTIC_HOME=/var/lib/greentic/a-b/state --env STATE_DIRECTORY=/var/lib/greentic/a-b/state --env CACHE_DIRECTORY=/var/cache/greentic/a-b --env LOGS_DIRECTORY=/var/log/greentic/a-b --env TMPDIR=/var/lib/greentic/a-b/tmp --env GREENTIC_CONFIGURATION sha256:e1b176810b95fc979337f2af23f89c507f40e10879cc117cb36934047d4c90bd start --env local --listen 0.0.0.0:8080 --grace 30 --admin-bind 127.0.0.1:8433 --admin-client-ca /etc/greentic/a-b/tls/given-21f77a0de9476145/ca.pem --admin-cert /etc/greentic/a-b/tls/given-21f77a0de9476145/cert.pem --admin-key /etc/greentic/a-b/tls/given-21f77a0de9476145/key.pem
    ExecStop=-/usr/bin/podman stop --time 35 greentic-a-b
    # The engine needs its powers; the container has none of them (see ExecStart).
    LockPersonality=yes
    RestrictRealtime=yes
    SystemCallArchitectures=native
    LimitCORE=0

    Restart=always
    RestartSec=1
    TimeoutStartSec=60
    TimeoutStopSec=45
    KillMode=mixed
    SyslogIdentifier=greentic-a-b
    Environment=GREENTIC_CONFIGURATION=sha256:471d351aad8ba8a6fe0a355375fbc7a3f9644dd4deb4f5800d16ab644d7e6888

    [Install]
    WantedBy=multi-user.target
    ");
}
