//! Why `ssh` does not connect, in its log (`LogLevel=DEBUG1`), and what can be done about it.

use deploy_spec::Fault;

use super::Way;

/// Where a person can read the fingerprints that are the right ones.
const ON_THE_CONSOLE: &str = "for f in /etc/ssh/ssh_host_*_key.pub; do ssh-keygen -lf $f; done";

/// The failure that the log tells of.
pub(super) fn refusal(way: &Way, log: &str) -> Fault {
    let to = &way.destination;
    if log.contains("Host key verification failed") {
        return host_key(way, log);
    }
    let why = last_said(log).unwrap_or("ssh does not say why");
    if log.contains("Permission denied") {
        return Fault::refused(format!("`{to}` does not let us in: {why}")).hint(
            "--identity FILE names the key to log in by; one with a passphrase must be in the agent \
             (ssh-add), because nobody is asked",
        );
    }
    Fault::unavailable(format!("`{to}` cannot be reached: {why}"))
        .hint(format!("ssh {}{to} shows whether it is there", port(way)))
}

fn host_key(way: &Way, log: &str) -> Fault {
    let to = &way.destination;
    let shown = shown_key(log);
    let key = shown.map_or("a host key".into(), |(kind, print)| format!("{print} ({kind})"));
    let fault = if let Some(pinned) = &way.host_key {
        Fault::refused(format!("`{to}` shows {key}, and --host-key says {pinned}")).hint(format!(
            "on the console of the machine, `{ON_THE_CONSOLE}` prints its keys; one of them is \
             shown unless somebody stands in between"
        ))
    } else if log.contains("IDENTIFICATION HAS CHANGED") {
        Fault::refused(format!("`{to}` shows {key}, and is known by another")).hint(format!(
            "somebody may stand in between. If the machine was made anew, compare with \
             `{ON_THE_CONSOLE}` on its console; then `ssh-keygen -R {}` forgets the old one",
            known_as(way)
        ))
    } else {
        Fault::refused(format!("`{to}` shows {key}, and is not known")).hint(format!(
            "compare with `{ON_THE_CONSOLE}` on the console of the machine; if it is one of them, \
             add --host-key {}",
            shown.map_or("SHA256:…", |(_, print)| print)
        ))
    };
    match shown {
        Some((_, print)) => fault.detail("host_key", print),
        None => fault,
    }
}

/// What was shown: `debug1: Server host key: ssh-ed25519 SHA256:…`.
fn shown_key(log: &str) -> Option<(&str, &str)> {
    log.lines().find_map(|line| line.split_once("Server host key: ")?.1.trim().split_once(' '))
}

/// The last line that is for people.
fn last_said(log: &str) -> Option<&str> {
    let is_for_people = |line: &&str| !line.starts_with("debug") && !line.trim().is_empty();
    log.lines().rev().find(is_for_people).map(str::trim)
}

fn port(way: &Way) -> String {
    way.port.map_or_else(String::new, |port| format!("-p {port} "))
}

/// What the machine is called in the file of known hosts.
fn known_as(way: &Way) -> String {
    let machine = way.destination.machine();
    match way.port {
        Some(port) if port != 22 => format!("'[{machine}]:{port}'"),
        _ => machine.to_owned(),
    }
}
