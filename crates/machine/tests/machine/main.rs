//! The machine that is a map and a real one, put through the same life.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod certificates;
mod cuts;
#[expect(dead_code, reason = "it is shared, and not all of it is used here")]
mod host;
mod real;

/// The machine that is a map, and descriptions to make plans of.
#[path = "../../../single-vm/tests/single-vm/machine.rs"]
#[expect(dead_code, reason = "it is shared, and not all of it is used here")]
mod machine;
#[path = "../../../single-vm/tests/single-vm/world.rs"]
#[expect(dead_code, reason = "it is shared, and not all of it is used here")]
mod world;
