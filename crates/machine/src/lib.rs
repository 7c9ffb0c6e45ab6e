//! One Linux machine, read and changed: what it has, and the steps of a plan carried out on it.
//!
//! What should be there, and in which order it can be made, is decided by `single-vm`; here is what
//! touches the machine. [`Linux::facts`] and `single_vm::desired` say what it should have;
//! [`plan_apply`] and [`plan_destroy`] make a [`PlanDocument`] and touch nothing; [`apply`] carries
//! one out; [`status`] tells what became of it. It runs as root, on the machine itself; [`bootstrap`]
//! brings it to a machine that has nothing but `sshd`, and has it run there.

mod answer;
mod apply;
mod bootstrap;
mod certificates;
mod execute;
#[cfg(unix)]
mod linux;
#[cfg(not(unix))]
#[path = "elsewhere.rs"]
mod linux;
mod local;
mod machine;
mod plan;
mod sources;
mod ssh;
mod status;

pub use apply::{Applied, apply};
pub use bootstrap::{Bootstrapped, Reached, TellReached, Wanted, bootstrap, check};
pub use execute::{Progress, Tell};
pub use linux::Linux;
pub use machine::{Machine, With};
pub use plan::{PLAN_SCHEMA, PlanDocument, plan_apply, plan_destroy};
pub use sources::Sources;
pub use ssh::{Destination, HostKey, Ssh, Way};
pub use status::{CertificateStatus, State, Status, status};
