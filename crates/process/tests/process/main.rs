//! Real programs under a real supervisor.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod confined;
mod containers;
mod ends;
mod engine;
mod guests;
mod printed;
mod ready;
mod restarts;
mod support;
