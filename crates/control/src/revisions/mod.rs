//! `gtc op revisions`: immutable versions, and the proof that they may serve.

mod archive;
mod complete_drain;
mod drain;
mod list;
mod moves;
mod prune;
mod retry;
mod show;
mod stage;
mod warm;

pub use archive::{Archive, ArchiveAnswers};
pub use complete_drain::{CompleteDrain, CompleteDrainAnswers};
pub use drain::{Drain, DrainAnswers, DrainFacts};
pub use list::{RevisionSummary, RevisionsShown, list};
pub use moves::MoveOutcome;
pub use prune::{Prune, PruneAnswers, PruneOutcome, PrunedRevision};
pub use retry::{Retry, RetryAnswers};
pub use show::{RevisionShown, show};
pub use stage::{Stage, StageAnswers, StageOutcome, StagedBundle};
pub use warm::{Warm, WarmAnswers, WarmOutcome, subject};

pub(crate) use moves::archived;
