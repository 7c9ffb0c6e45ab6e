//! `gtc` from outside: envelopes, exit codes, real sockets, and the README as it is typed.
#![expect(clippy::unwrap_used, reason = "what fails here is the test")]

mod acme;
mod admin_api;
mod admin_tls;
mod bootstrap;
mod chaos;
mod closure;
mod collector;
mod completing;
mod containers;
mod credentials;
mod disk;
mod doctor;
mod document;
mod doors;
mod drain;
mod elsewhere;
mod env_packs;
mod envelope;
mod everyday;
mod gate;
mod grpc;
mod hostile;
mod idle;
mod keeping;
mod logs;
mod managed;
mod migrate;
mod pins;
mod policy;
mod programs;
mod readme;
mod registries;
mod scan;
mod secrets;
mod secure_upstreams;
mod serving;
mod setup;
mod shadow;
mod single_vm;
mod tables;
mod telemetry;
mod trust;
mod upstreams;
mod usage;
mod watching;
mod ways;
mod world;

/// An authority whose answers a test writes.
#[path = "../../../acme/tests/acme/authority.rs"]
#[expect(dead_code, reason = "it is shared, and not all of it is used here")]
mod acme_authority;

/// A machine with a real systemd.
#[path = "../../../machine/tests/machine/host.rs"]
#[expect(dead_code, reason = "it is shared, and not all of it is used here")]
mod machine_host;
