//! Following the store: what changed since a sequence, and being told that something did.

use std::sync::Arc;

use control::Key;
use deploy_spec::Fault;
use notify::Watcher as _;

use crate::commit::{self, Commit};
use crate::layout::{COMMITS, JOURNAL};
use crate::prune::COMMITS_KEPT;
use crate::root::EnvironmentStore;

/// A commit, as those who follow see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitSeen {
    /// Its place in the order of all commits.
    pub sequence: u64,
    /// The records it changed.
    pub keys: Vec<Key>,
}

/// What changed since a sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Feed {
    /// Every commit since then, oldest first.
    Commits(Vec<CommitSeen>),
    /// Too much: read everything anew.
    Gap,
}

/// Tells that something changed, for as long as it lives.
pub struct Watch(
    #[expect(dead_code, reason = "dropping it ends the watch")] notify::RecommendedWatcher,
);

impl EnvironmentStore {
    /// What was committed after `sequence`.
    ///
    /// # Errors
    /// `unavailable` when the commits cannot be read.
    pub fn commits_after(&self, sequence: u64) -> Result<Feed, Fault> {
        // A reader sees a commit as soon as it is decided, which may be long before it is done.
        let decided = commit::last(&self.id, &*self.disk, JOURNAL)?.unwrap_or(0);
        let newest = commit::last(&self.id, &*self.disk, COMMITS)?.unwrap_or(0);
        let is_behind = newest.saturating_sub(sequence) >= COMMITS_KEPT;
        if newest.max(decided) < sequence || is_behind {
            return Ok(Feed::Gap);
        }
        let mut commits = Vec::new();
        for sequence in sequence + 1..=newest {
            let Some(commit) = Commit::read(&self.id, &*self.disk, COMMITS, sequence)? else {
                return Ok(Feed::Gap);
            };
            let keys = commit.files.into_iter().map(|file| file.key).collect();
            commits.push(CommitSeen { sequence, keys });
        }
        Ok(Feed::Commits(commits))
    }

    /// Calls `changed` whenever something may have been committed, from another thread.
    ///
    /// # Errors
    /// `unavailable` when the system cannot watch the folder.
    pub fn watch(&self, changed: impl Fn() + Send + Sync + 'static) -> Result<Watch, Fault> {
        let cannot = |error: notify::Error| {
            Fault::unavailable(format!("watching environment `{}` failed: {error}", self.id))
                .hint("the system may be out of inotify watches: see fs.inotify.max_user_watches")
        };
        let changed = Arc::new(changed);
        let tell = move |event: notify::Result<notify::Event>| {
            if event.map_or(true, |event| !event.kind.is_access()) {
                changed();
            }
        };
        let mut watcher = notify::recommended_watcher(tell).map_err(cannot)?;
        let folder = self.folder.join(COMMITS);
        watcher.watch(&folder, notify::RecursiveMode::NonRecursive).map_err(cannot)?;
        Ok(Watch(watcher))
    }
}
