//! The tools of the machine that env-packs call: whether they are there, new enough, and logged in.
//!
//! Where to look and with which variables to run is handed in; every run has a deadline.

mod catalogue;
mod check;
mod probe;
mod report;
mod run;
mod version;

pub use catalogue::{Platform, Tool, ToolNeed};
pub use check::{Machine, Outcome, check_tools};
pub use probe::Probe;
pub use report::{BindingTools, ToolReport};

#[cfg(test)]
mod tests;
