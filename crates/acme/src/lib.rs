//! Certificates from an authority by ACME (RFC 8555): got, kept, and renewed while they are used.
//!
//! A [`Keeper`] has a thread of its own, so that no request waits for an authority, and gets one
//! certificate for each name: what is wrong with one name holds up no other. When it asks is
//! decided in [`schedule`], which knows no clock. What it has is in the environment's folder, so
//! that the next start asks nobody while it is good.
//!
//! Whoever serves an environment has claimed it, so that no two keepers ask for the same names.

mod client;
mod failure;
mod files;
mod keeper;
mod order;
pub mod schedule;
mod settings;

pub use keeper::{Failed, Keeper, State, World};
pub use settings::{Challenge, Contact, Directory, Domain, Settings};
