//! `gtc op revisions`: immutable versions, and the proof that they may serve.

mod archive;
mod closure;
mod complete_drain;
mod diff;
mod drain;
mod list;
mod moves;
mod prune;
mod retry;
mod show;
mod stage;
mod tag;
mod untag;
mod warm;

pub use archive::{Archive, ArchiveAnswers};
pub use closure::Pin;
pub use complete_drain::{CompleteDrain, CompleteDrainAnswers};
pub use diff::{Contents, Difference, FileFound, How, PartSummary, RevisionsDiff, diff, pair};
pub use drain::{Drain, DrainAnswers, DrainFacts};
pub use list::{RevisionSummary, RevisionsShown, list};
pub use moves::MoveOutcome;
pub use prune::{Prune, PruneAnswers, PruneOutcome, PrunedRevision};
pub use retry::{Retry, RetryAnswers};
pub use show::{RevisionShown, show};
pub use stage::{Stage, StageAnswers, StageOutcome, StagedBundle};
pub use tag::{Tag, TagAnswers, TagOutcome};
pub use untag::{Untag, UntagAnswers};
pub use warm::{GateReport, Warm, WarmAnswers, WarmOutcome, subject};

pub(crate) use moves::archived;
