//! `gtc op env`: the places you deploy to.

mod bindings;
mod create;
mod destroy;
mod doctor;
mod init;
mod list;
mod render;
mod show;
mod status;
mod update;

pub use create::{Create, CreateAnswers, CreateOutcome};
pub use destroy::{Destroy, DestroyAnswers, DestroyOutcome};
pub use doctor::{
    Diagnosis, DoctorFacts, Finding, PackKnown, SecretsChecked, Severity, Validated, doctor,
    needed_artifacts,
};
pub use init::{Init, InitAnswers, InitFacts, InitOutcome, InitResult};
pub use list::{EnvironmentSummary, list};
pub use render::render;
pub use show::{EnvironmentShown, show};
pub use status::{DeploymentPicture, Picture, RevisionPicture, picture};
pub use update::{HostConfigAnswers, Update, UpdateAnswers, UpdateOutcome};
