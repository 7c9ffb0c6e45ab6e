//! Packs that are WASM components exporting `wasi:http/incoming-handler` 0.2.
//!
//! Each request gets a fresh instance from a pool, or where its pack allows it one that has served
//! others, with limits on its memory and time; it sees nothing of the world but its configuration,
//! clocks, randomness and the hosts its pack names.

mod compiled;
mod egress;
mod guest;
mod instance;
mod load;
mod log;
mod memory;
mod pool;
mod reply;
mod respond;
mod running;
mod shelf;
mod ticker;

pub(crate) use guest::{Granted, text};
pub(crate) use load::Components;
pub(crate) use reply::GuestBody;
pub(crate) use respond::ComponentPack;
