//! Env-packs that are no part of this program: components of the WIT package `greentic:env-pack`
//! (`wit/env-pack.wit`), which say themselves what they are, and are given nothing.
//!
//! A [`Host`] opens a component as a [`Plugin`] and asks it, each time in a fresh instance within
//! [`Limits`]. [`describe`] reads what it says of itself without running anything. Where components
//! come from, and who vouches for them, is the caller's business.

mod describe;
mod guest;
mod host;
mod limits;
mod objections;
mod run;

pub use describe::{DESCRIPTION_BYTES, Described, describe};
pub use host::{Host, Plugin};
pub use limits::Limits;
