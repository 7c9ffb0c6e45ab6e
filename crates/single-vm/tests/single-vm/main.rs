//! The crate from outside: texts for systemd, and plans on a machine that is a map.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod machine;
mod properties;
mod story;
mod systemd;
mod world;
