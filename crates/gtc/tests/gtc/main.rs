//! `gtc` from outside: envelopes, exit codes, real sockets, and the README as it is typed.

mod document;
mod envelope;
mod gate;
mod readme;
mod serving;
mod world;
