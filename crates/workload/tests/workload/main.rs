//! What a loaded bundle does with requests: real guests, real archives, one thread.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod cache;
mod components;
mod egress;
mod example;
mod guests;
mod isolation;
mod limits;
mod loading;
mod printed;
mod programs;
mod reuse;
mod site;
mod site_ranges;
mod streaming;
mod support;
mod upstreams;
