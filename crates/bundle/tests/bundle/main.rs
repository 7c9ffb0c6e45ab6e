//! The crate beside other implementations of what it implements.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod signatures;
