//! The crate against real servers: `docker-registry` of Debian on a loopback port, and small servers
//! of the test's own where a registry has to misbehave, or to do what that one cannot.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod auth;
mod catalog;
mod hostile;
mod push_pull;
mod referrers;
mod resume;
mod server;
mod support;
mod tls;
mod tokens;
