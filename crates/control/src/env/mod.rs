//! `gtc op env`: the places you deploy to.

mod bindings;
mod create;
mod destroy;
mod doctor;
mod init;
mod list;
mod migrate_dev;
mod migrate_state;
mod render;
mod show;
mod status;
mod update;

pub use create::{Create, CreateAnswers, CreateOutcome};
pub use destroy::{Destroy, DestroyAnswers, DestroyOutcome};
pub use doctor::{
    CertificateKnown, Diagnosis, DoctorFacts, Finding, LostSecret, PackKnown, SecretsChecked,
    Severity, Validated, doctor, living, needed_artifacts, pinned_values, runs_proven,
};
pub use init::{Init, InitAnswers, InitFacts, InitOutcome, InitResult};
pub use list::{EnvironmentSummary, list};
pub use migrate_dev::{
    DevAction, DevFinding, DevUse, MigrateDev, MigrateDevAnswers, MigrateDevFacts,
    MigrateDevOutcome,
};
pub use migrate_state::{
    Elsewhere, Leftover, MigrateState, MigrateStateAnswers, MigrateStateFacts, MigrateStateOutcome,
    MigrateStateResult, StateMove,
};
pub use render::render;
pub use show::{EnvironmentShown, show};
pub use status::{DeploymentPicture, Picture, RevisionPicture, picture};
pub use update::{HostConfigAnswers, Update, UpdateAnswers, UpdateOutcome};
