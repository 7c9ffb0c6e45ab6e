//! The dev-store, the ways in and the tool check, on a real machine.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod dev_store;
mod secret_source;
mod tools;
