//! When it is ready, and what is said when it is not.

use std::time::Duration;

use deploy_spec::Kind;
use process::{Ask, Probe, Settings, State};

use crate::support::{get, is_root, settings, start};

fn probe(path: Option<&str>, deadline_ms: u64) -> Probe {
    let deadline = Duration::from_millis(deadline_ms);
    let interval = Duration::from_millis(5);
    let ask = path.map_or(Ask::Connection, |path| Ask::Path(path.into()));
    Probe { ask, deadline, interval, ..Probe::default() }
}

#[test]
fn it_is_ready_when_its_path_says_so() {
    let process = start(Settings { probe: probe(Some("/third-time"), 60_000), ..settings(&[]) });
    process.wait_until_ready().unwrap();
    assert_eq!(get(&process, "/").as_deref(), Some("hello\n"));
}

#[test]
fn one_that_does_not_listen_in_time_has_failed() {
    let process = start(Settings { probe: probe(None, 100), ..settings(&["mute"]) });
    let fault = process.wait_until_ready().unwrap_err();
    assert_eq!(fault.kind, Kind::Unhealthy);
    let begin = "the program failed: not ready after 100 ms: it cannot be connected to: ";
    assert!(fault.message.starts_with(begin), "{}", fault.message);
}

#[test]
fn one_that_crashes_has_failed_at_once() {
    let process = start(Settings { probe: probe(None, 600_000), ..settings(&["crash"]) });
    let fault = process.wait_until_ready().unwrap_err();
    assert_eq!(fault.message, "the program failed: it ended by itself: exit status: 3");
}

#[test]
fn a_socket_that_is_not_its_own_is_never_talked_to() {
    if !is_root() {
        // Whoever runs as we do may make any socket that we may.
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(folder.path(), mode).unwrap();
    let path = folder.path().join("precious.sock");
    let _precious = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let args = ["impostor", path.to_str().unwrap()];
    let process = start(Settings { probe: probe(None, 300), ..settings(&args) });
    let fault = process.wait_until_ready().unwrap_err();
    assert!(fault.message.ends_with("the socket is not one that its owner made"), "{fault:?}");
    assert!(!matches!(process.state(), State::Ready(_)));
}
