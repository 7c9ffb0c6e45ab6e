//! `gtc op bundles`: bundles and where they answer.

mod add;
mod list;
mod show;

pub use add::{Add, AddAnswers, DeploymentShown};
pub use list::{DeploymentSummary, DeploymentsShown, list};
pub use show::{BundleShown, show};
