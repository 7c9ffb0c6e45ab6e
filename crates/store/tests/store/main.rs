//! The store, held to its word: on a disk that forgets and fails, and on a real one.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod artifacts;
mod at_step;
mod audit;
mod backups;
mod collect;
mod corrupt;
mod cost;
mod dice;
mod feed;
mod histories;
mod hostile;
mod keeping;
mod lock;
mod model;
mod names;
mod plan;
mod private;
mod processes;
mod real;
mod sim_disk;
mod sweep;
mod world;
