//! `gtc op revisions`: immutable versions, and the proof that they may serve.

mod list;
mod show;
mod stage;
mod warm;

pub use list::{RevisionSummary, RevisionsShown, list};
pub use show::{RevisionShown, show};
pub use stage::{Stage, StageAnswers, StageOutcome, StagedBundle};
pub use warm::{Warm, WarmAnswers, WarmOutcome, subject};
