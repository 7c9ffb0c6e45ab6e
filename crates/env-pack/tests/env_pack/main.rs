//! The tool check, on a real machine.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod tools;
