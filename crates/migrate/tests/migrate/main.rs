//! Old installs, made in temporary folders and migrated.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod alias;
mod config;
mod dev;
mod old_tree;
mod state;
