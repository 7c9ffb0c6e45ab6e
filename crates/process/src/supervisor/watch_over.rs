//! One life after the other, until it is told to stop or has failed too often.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;

use super::Task;
use super::one_life::{End, live};
use crate::backoff::Backoff;
use crate::state::State;

/// The thread of one program. It also is its parent's thread in the eyes of the kernel, and lives
/// as long as the program.
pub(super) fn run(task: &Task, mut told: watch::Receiver<bool>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let last = match runtime {
        Ok(runtime) => runtime.block_on(watch_over(task, &mut told)),
        Err(error) => State::GaveUp { why: format!("no runtime to watch over it: {error}") },
    };
    task.board.set(last);
}

async fn watch_over(task: &Task, told: &mut watch::Receiver<bool>) -> State {
    let program = &task.settings.name;
    let mut backoff = Backoff::new(task.settings.restart);
    loop {
        let End::Failed { why, ready_for } = live(task, told).await else {
            return State::Stopped;
        };
        let Some(wait) = backoff.after(ready_for, (task.shared.roll)()) else {
            let failures = backoff.failures() + 1;
            tracing::error!(program, failures, "the program is given up: {why}");
            task.board.set(State::GaveUp { why });
            stopped(told).await;
            return State::Stopped;
        };
        let millis = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        tracing::warn!(program, "the program failed, and is started again in {millis} ms: {why}");
        task.board.set(State::Waiting { why });
        if pause(wait, told).await == Pause::Stopped {
            return State::Stopped;
        }
        task.board.set(State::Starting);
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pause {
    Over,
    Stopped,
}

async fn pause(wait: Duration, told: &mut watch::Receiver<bool>) -> Pause {
    tokio::select! {
        () = sleep(wait) => Pause::Over,
        () = stopped(told) => Pause::Stopped,
    }
}

/// Waits until the program is to stop. That nobody can say so any more means the same.
pub(super) async fn stopped(told: &mut watch::Receiver<bool>) {
    let _ = told.wait_for(|stop| *stop).await;
}
