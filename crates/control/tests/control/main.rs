//! The verbs, each asked for real: documents in, replies and records out.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod audit;
mod backups;
mod bundles;
mod closure;
mod config;
mod credentials;
mod documents;
mod env;
mod env_change;
mod env_packs;
mod env_show;
mod handles;
mod laws;
mod mechanism;
mod migrations;
mod movement;
mod moves;
mod projection;
mod prune;
mod removal;
mod revisions;
mod rollback;
mod roster;
mod routes;
mod secrets;
mod share;
mod traffic;
mod verbs;
mod walk;
mod world;
