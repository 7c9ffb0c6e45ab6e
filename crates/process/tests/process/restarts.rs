//! One that ends by itself is started again, until it has failed too often.

use std::sync::Arc;

use process::{Limits, Process, Restart, Settings, State};

use crate::support::{Told, eventually, get, ready, settings, start_told};

fn ready_again(process: &Process, before: &Arc<upstream::Endpoint>) {
    eventually("it is ready again", || process.address().is_some_and(|address| address != *before));
}

#[test]
fn one_that_ends_between_requests_is_started_again() {
    let process = ready(settings(&["serve-some", "2"]));
    for _ in 0..3 {
        let before = process.address().unwrap();
        assert_eq!(get(&process, "/").as_deref(), Some("hello\n"));
        let _ = get(&process, "/");
        ready_again(&process, &before);
    }
}

#[test]
fn one_that_takes_too_much_memory_hurts_itself() {
    let limits = Limits { memory_mb: 64, ..Limits::default() };
    let process = ready(Settings { limits, ..settings(&[]) });
    let before = process.address().unwrap();
    assert_eq!(get(&process, "/eat"), None);
    ready_again(&process, &before);
    assert_eq!(get(&process, "/").as_deref(), Some("hello\n"));
}

#[test]
fn one_that_fails_too_often_is_given_up() {
    let told = Arc::new(Told::default());
    let restart = Restart { retries: 2, ..settings(&[]).restart };
    let process = start_told(Settings { restart, ..settings(&["crash"]) }, &told);
    let gave_up = || matches!(process.state(), State::GaveUp { .. });
    eventually("it is given up", gave_up);
    assert_eq!(
        process.state(),
        State::GaveUp { why: "it ended by itself: exit status: 3".to_owned() }
    );
    assert_eq!(told.all().len(), 3, "started once, and twice again");
    assert!(process.stop(crate::support::PATIENCE));
}
