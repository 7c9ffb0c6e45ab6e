//! What one Linux machine should have, and the steps from what it has to there.
//!
//! A description ([`Deployment`]) and what was found out beside it ([`Facts`]) give what the machine
//! should have ([`Desired`]); that, what it has ([`Observed`]) and what was done to it before
//! ([`Recorded`]) give a [`Plan`]. Nothing here reads the machine, writes to it, knows the time or
//! draws a random number: whoever does hands in what it saw, and executes the steps.

pub mod bootstrap;
mod certificates;
mod desired;
mod differ;
mod facts;
mod fields;
mod id;
mod layout;
mod observed;
mod permissions;
mod plan;
mod problem;
mod read;
mod recorded;
mod render;
pub mod resource;
pub mod spec;
mod suits;
mod units;
mod yaml;

pub use desired::{Desired, Gate, desired};
pub use differ::{Drift, drift};
pub use facts::certificate_directory;
pub use facts::{CertificateFacts, Facts, Issued, Machine, MountBy, ProgramFacts};
pub use fields::Change;
pub use id::Id;
pub use observed::{Observed, to_observe};
pub use plan::{Action, Aim, Kept, Plan, Step, plan, plan_removal};
pub use problem::Problem;
pub use recorded::{Entry, Recorded};
pub use render::{drift_text, plan_text, step_text};
pub use resource::{Actual, Resource};
pub use spec::Deployment;
pub use suits::SYSTEMD;
