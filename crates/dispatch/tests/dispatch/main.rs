//! Which revision answers, asked a million times over: shares, sessions, cookies and routes.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod binomial;
mod changes;
mod cookies;
mod forged;
mod golden;
mod heap;
mod hostile;
mod movement;
mod reach;
mod replicas;
mod routes;
mod shares;
mod world;
