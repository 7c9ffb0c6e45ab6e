//! What one Linux machine should have, and the steps from what it has to there.
//!
//! A description ([`Deployment`]) and what was found out beside it ([`Facts`]) give what the machine
//! should have ([`Desired`]); that, what it has ([`Observed`]) and what was done to it before
//! ([`Recorded`]) give a [`Plan`]. Nothing here reads the machine, writes to it, knows the time or
//! draws a random number: whoever does hands in what it saw, and executes the steps.

mod layout;
mod problem;
mod read;
pub mod spec;
mod yaml;

pub use problem::Problem;
pub use spec::Deployment;
