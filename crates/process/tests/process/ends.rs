//! However it ends, nothing is left.

use std::sync::Arc;

use process::{Settings, State};

use crate::support::{
    PATIENCE, Told, eventually, exists, get, kill, ready, runs, settings, start_told,
};

#[test]
fn one_that_listens_to_sigterm_is_gone_before_its_grace_is_over() {
    let process = ready(Settings { grace: PATIENCE * 10, ..settings(&[]) });
    assert!(process.stop(PATIENCE));
    assert_eq!(process.state(), State::Stopped);
}

#[test]
fn one_that_does_not_is_killed_with_all_that_it_began() {
    let told = Arc::new(Told::default());
    let process = start_told(settings(&["deaf"]), &told);
    process.wait_until_ready().unwrap();
    // Itself, its child, one that left its group, and the child of that.
    let pids = told.after("pid ", 4);
    assert!(pids.iter().all(|pid| exists(pid)), "{pids:?}");
    assert!(process.stop(PATIENCE));
    assert!(!pids.iter().any(|pid| exists(pid)), "{pids:?}");
}

#[test]
fn one_that_is_dropped_is_stopped() {
    let told = Arc::new(Told::default());
    let process = start_told(settings(&["deaf"]), &told);
    let pids = told.after("pid ", 4);
    drop(process);
    eventually("nobody is left", || !pids.iter().any(|pid| exists(pid)));
}

#[test]
fn one_that_never_gets_ready_can_be_stopped() {
    let told = Arc::new(Told::default());
    let process = start_told(settings(&["mute"]), &told);
    let pids = told.after("pid ", 1);
    assert!(process.stop(PATIENCE));
    assert!(!exists(&pids[0]));
}

/// The process that answers, and its parent, which is its shim.
fn parent(process: &process::Process) -> (String, String) {
    let stat = get(process, "/stat").unwrap();
    let (head, rest) = stat.rsplit_once(')').unwrap();
    let pid = head.split(' ').next().unwrap().to_owned();
    (pid, rest.split_whitespace().nth(1).unwrap().to_owned())
}

#[test]
fn one_whose_shim_is_killed_is_gone_and_started_again() {
    let process = ready(settings(&[]));
    let (pid, shim) = parent(&process);
    let before = process.address();
    kill(&shim);
    eventually("it is ready again", || {
        process.address().is_some_and(|address| Some(&address) != before.as_ref())
    });
    eventually("the old one runs no more", || !runs(&pid));
    assert_ne!(parent(&process).0, pid);
    // Waited for, so that the folder of the first one is gone with it.
    assert!(process.stop(PATIENCE));
}

#[test]
fn one_whose_shim_is_killed_takes_its_group_along() {
    let told = Arc::new(Told::default());
    let process = start_told(settings(&["deaf"]), &told);
    process.wait_until_ready().unwrap();
    let pids = told.after("pid ", 4);
    let child = told.after("grouped ", 1).remove(0);
    kill(&parent(&process).1);
    eventually("its child runs no more", || !runs(&child));
    // Nobody can find these any more, as the documentation says.
    pids.iter().filter(|pid| runs(pid)).for_each(|pid| kill(pid));
    assert!(process.stop(PATIENCE));
}

#[test]
fn one_that_ends_by_itself_takes_all_along() {
    let told = Arc::new(Told::default());
    let process = start_told(settings(&["deaf"]), &told);
    process.wait_until_ready().unwrap();
    let pids = told.after("pid ", 4);
    let before = process.address();
    assert_eq!(get(&process, "/die"), None);
    eventually("it is ready again", || {
        process.address().is_some_and(|address| Some(&address) != before.as_ref())
    });
    assert!(!pids.iter().any(|pid| exists(pid)), "{pids:?}");
}

/// What another process of this test does until it is killed: it keeps a program.
#[test]
#[expect(clippy::disallowed_methods, reason = "how a test tells a child of itself what to do")]
fn as_another_supervisor() {
    if std::env::var_os("PROCESS_TEST_SUPERVISOR").is_none() {
        return;
    }
    let told = Arc::new(Told::default());
    let _process = start_told(settings(&["deaf"]), &told);
    for pid in told.after("pid ", 4) {
        println!("pid {pid}");
    }
    loop {
        std::thread::park();
    }
}

#[test]
fn one_whose_supervisor_is_killed_is_gone() {
    use std::io::BufRead as _;
    let mut other = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "ends::as_another_supervisor", "--nocapture"])
        .env("PROCESS_TEST_SUPERVISOR", "1")
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let lines = std::io::BufReader::new(other.stdout.take().unwrap()).lines();
    let lines = lines.map(|line| line.unwrap());
    let pids = lines.filter_map(|line| Some(line.split_once("pid ")?.1.to_owned()));
    let pids: Vec<String> = pids.take(4).collect();
    assert!(pids.iter().all(|pid| exists(pid)), "{pids:?}");
    other.kill().unwrap();
    other.wait().unwrap();
    eventually("nobody is left", || !pids.iter().any(|pid| exists(pid)));
}
