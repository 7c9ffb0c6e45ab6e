//! How a revision runs: WASM components in a metered sandbox, static files in place, programs and
//! containers that are kept running and proxied to, and servers that run already and are only proxied to.
//!
//! An [`Engine`] is shared by the process; [`Engine::load`] turns an open bundle into a
//! [`Workload`]; [`Workload::respond`] answers requests and never fails: what goes wrong inside a
//! workload becomes the response of that one request, by the table in [`Failure`].
//!
//! No sockets are opened here except a guest's own calls to the hosts that its pack names and the
//! connections to programs and upstreams, and nothing knows about deployments, revisions or splits.

mod body;
mod component;
mod container;
mod engine;
mod failure;
mod hop_by_hop;
mod prefix;
mod program;
mod relay;
mod site;
mod upstream;
mod workload;

pub use body::{Body, BoxError};
pub use engine::{Engine, EngineSettings, Given};
pub use failure::{Because, Failure};
pub use relay::Relay;
pub use workload::{PackInfo, Workload};
