//! The dev-store and the ways in, on a real disk.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod dev_store;
mod secret_source;
