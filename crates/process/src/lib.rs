//! Runs programs that bundles bring, and containers that they name: checked before they could run,
//! confined, watched over, and gone with everything they began when they should be.
//!
//! A [`Program`] is a static ELF executable in sealed memory. [`Supervisor::start`] keeps it running
//! as a [`Process`], which answers HTTP at its [`upstream::Endpoint`] once it is ready. Between the
//! two stands a shim, a process of this very program that [`shim_main`] is the whole of: it makes itself weak
//! and becomes the program, and a second one of it clears up behind it.
//!
//! What a program gets: a user and group of its own where we are root, no other groups, no way to
//! new privileges, a session and process group, an environment and a folder of its own, standard
//! input from nowhere, its two outputs to a [`Sink`], no other descriptor, and [`Limits`]. What it
//! shares with everyone: the network, and the files that everyone may read. Where we are not root
//! it runs as we do, and can do to us what any program of ours could.
//!
//! A [`Container`] is kept running in the same way, by Podman or Docker ([`Containers`]): its shim
//! makes it, waits for its end and removes it. What it gets is said in `container/arguments.rs`.
//!
//! Nothing here knows bundles, revisions or HTTP beyond the probe.

#[cfg(unix)]
mod backoff;
#[cfg(unix)]
mod container;
#[cfg(not(unix))]
mod elsewhere;
mod launch;
mod launcher;
#[cfg(unix)]
mod logs;
mod only_linux;
#[cfg(unix)]
mod place;
#[cfg(unix)]
mod probe;
#[cfg(unix)]
mod program;
mod settings;
mod shim;
mod sink;
#[cfg(unix)]
mod state;
#[cfg(unix)]
mod supervisor;
#[cfg(unix)]
mod users;
#[cfg(unix)]
mod wire;

#[cfg(unix)]
pub use container::{Containers, Image, find_engine};
#[cfg(not(unix))]
pub use elsewhere::{Containers, Image, Process, Program, Supervisor, find_engine};
pub use launch::{Container, Launch};
pub use launcher::Launcher;
#[cfg(unix)]
pub use program::Program;
pub use settings::{Ask, Limits, Listen, Probe, Restart, Settings};
pub use shim::main as shim_main;
pub use sink::{Output, Sink};
#[cfg(unix)]
pub use state::State;
#[cfg(unix)]
pub use supervisor::{Process, Supervisor};
