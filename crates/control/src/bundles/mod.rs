//! `gtc op bundles`: bundles and where they answer.

mod add;
mod list;
mod pause;
mod remove;
mod resume;
mod routes;
mod show;
mod update;

pub use add::{Add, AddAnswers, DeploymentShown};
pub use list::{DeploymentSummary, DeploymentsShown, list, list_retired};
pub use pause::{Pause, PauseAnswers};
pub use remove::{Remove, RemoveAnswers, RemoveOutcome};
pub use resume::{Resume, ResumeAnswers};
pub use show::{BundleShown, show};
pub use update::{Update, UpdateAnswers};
