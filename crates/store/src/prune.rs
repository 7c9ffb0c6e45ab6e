//! Forgetting what nobody needs any more, so that no folder grows without bound.

use control::Key;

use crate::commit::Commit;
use crate::disk::Disk;
use crate::layout::{self, COMMITS};

/// How many commits stay for those who follow; who is further behind reads everything anew.
pub(crate) const COMMITS_KEPT: u64 = 256;
/// How many before-images of one file stay.
const BACKUPS_KEPT: usize = 5;
/// How long an idempotency key is remembered.
const ANSWERS_KEPT_MS: i64 = 7 * 24 * 3600 * 1000;
/// How many idempotency keys one of the 256 ledger folders holds at most.
const ANSWERS_PER_FOLDER: usize = 256;

/// Whether what is to go goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// Nothing is changed.
    LookOnly,
    /// It goes.
    Remove,
}

/// Prunes the folders that a commit has added to. It may fail: the next commit forgets more.
pub(crate) fn after(commit: &Commit, disk: &dyn Disk) {
    prune(disk, COMMITS, |_, name| {
        layout::sequence_of(name).is_some_and(|sequence| sequence + COMMITS_KEPT <= commit.sequence)
    });
    for file in &commit.files {
        if layout::is_backed_up(&file.path) {
            prune(disk, &layout::backups_of(&file.path), |kept, _| kept >= BACKUPS_KEPT);
        }
        if let Key::Answered(key) = &file.key {
            // When the clock went backwards, the newest answer is not the last in order.
            let own = layout::answer_suffix(key);
            let oldest = commit.audit.ts.as_millisecond() - ANSWERS_KEPT_MS;
            let is_old = |name: &str| layout::answered_at(name).is_some_and(|ms| ms < oldest);
            prune(disk, &layout::answers_folder(key), |kept, name| {
                !name.ends_with(&own) && (kept >= ANSWERS_PER_FOLDER || is_old(name))
            });
        }
    }
}

/// Removes the files for which `goes(how many newer ones stay, name)` says so.
fn prune(disk: &dyn Disk, folder: &str, goes: impl Fn(usize, &str) -> bool) {
    let mut kept = 0;
    for name in disk.list(folder).unwrap_or_default().iter().rev() {
        if goes(kept, name) {
            let _ = disk.remove(&format!("{folder}/{name}"));
        } else {
            kept += 1;
        }
    }
}
