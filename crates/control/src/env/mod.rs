//! `gtc op env`: the places you deploy to.

mod bindings;
mod create;
mod init;
mod list;
mod render;
mod show;

pub use create::{Create, CreateAnswers, CreateOutcome};
pub use init::{Init, InitAnswers, InitFacts, InitOutcome, InitResult};
pub use list::{EnvironmentSummary, list};
pub use render::render;
pub use show::{EnvironmentShown, Page, show};
