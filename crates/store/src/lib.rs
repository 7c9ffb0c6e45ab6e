//! Where state lives: one folder per environment, one file per record.
//!
//! A change is journalled, then applied; killed at any instruction, the next start finds the old
//! state or the new one, and an audit log that agrees (law 5). Whoever reads sees all of a commit
//! or none of it. Nothing here decides anything: `control` does.

mod artifacts;
mod audit;
mod backup;
mod collect;
mod commit;
mod corrupt;
mod disk;
mod execute;
mod feed;
mod folders;
mod format;
mod health;
mod journal;
mod layout;
mod lock;
mod private_file;
mod prune;
mod root;
mod snapshot;
mod writer;

pub use artifacts::Stored;
pub use audit::{
    AuditFilter, AuditOrder, AuditOutcome, AuditPage, AuditProblem, AuditPruned, AuditReport,
    RotatedFile,
};
pub use backup::{Backup, BackupContent, BackupHeader, BackupSchema, backup_read};
pub use collect::{Collected, CollectedArtifact};
pub use disk::{Disk, LockMode, RealDisk};
pub use execute::Executed;
pub use feed::{CommitSeen, Feed, Watch};
pub use health::PermissionProblem;
pub use lock::{Guard, Holder};
pub use prune::Removal;
pub use root::{EnvironmentStore, Root};
pub use snapshot::Snapshot;
pub use writer::Writer;
