//! The process between a supervisor and a program or container: one for each start, of one thread.
//!
//! It is there because two things need a process of their own. Whoever gives up powers and limits
//! itself before it becomes the program must not be a thread among others. And whoever is to find
//! every process that the program leaves behind must be where the kernel hands orphans
//! (`PR_SET_CHILD_SUBREAPER`). When the supervisor is gone, however it went, so is the program; and so is
//! a container, which no process of ours would outlive otherwise.

#[cfg(target_os = "linux")]
mod confine;
#[cfg(target_os = "linux")]
mod contain;
#[cfg(target_os = "linux")]
mod keep;
#[cfg(target_os = "linux")]
mod orphans;

use std::io;
use std::process::ExitCode;

/// The whole of a shim: takes an order from standard input, and returns when nothing of the program
/// is left. To be called first thing in `main`, before there is a second thread.
#[must_use]
pub fn main() -> ExitCode {
    match obey() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("the shim of a program failed: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Elsewhere nobody begins one: there is no program that it could become.
#[cfg(not(target_os = "linux"))]
fn obey() -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(target_os = "linux")]
fn obey() -> io::Result<()> {
    use std::os::fd::AsFd as _;
    use std::os::unix::net::UnixStream;

    use crate::wire::{Order, Role};

    let socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    let (role, order, handed) = Order::receive(&socket)?;
    match role {
        Role::Keep => match &order.contained {
            Some(contained) => contain::keep(socket, &order, contained, handed),
            None => keep::keep(socket, &order, handed),
        },
        Role::Become => Err(confine::become_program(&socket, &order, handed)),
    }
}
