//! `gtc op backups`: all records of an environment in one file, and back. The file itself is
//! written and read outside; here is what is known of it, and what putting it back changes.

mod consistency;
mod create;
mod forward;
mod list;
mod prune;
mod restore;
mod travel;

pub use consistency::contradictions;
pub use create::{BackupMade, Create, CreateAnswers};
pub use list::{BackupsShown, find, list};
pub use prune::{Prune, PruneAnswers, PruneOutcome};
pub use restore::{Restore, RestoreAnswers, RestoreFacts, RestoreOutcome};
