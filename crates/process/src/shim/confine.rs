//! Gives up every power, and becomes the program.

use std::io::{self, Write as _};
use std::os::fd::{AsRawFd as _, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

use nix::unistd::{Gid, Uid};
use rustix::fs::Mode;
use rustix::io::{Errno, FdFlags};
use rustix::process::{Resource, Rlimit, Signal};

use crate::settings::Limits;
use crate::wire::{Handed, Order};

/// Becomes the program. What is written to `socket` is why that failed; when it is closed with
/// nothing said, the program runs.
pub(super) fn become_program(
    socket: &UnixStream,
    order: &Order,
    handed: Handed<OwnedFd>,
) -> io::Error {
    let error = match prepare(socket, order) {
        Ok(()) => run(order, handed),
        Err(error) => error,
    };
    let mut socket = socket;
    // Nobody is there to hear why this failed as well.
    let _ = write!(socket, "{error}");
    error
}

fn prepare(socket: &UnixStream, order: &Order) -> io::Result<()> {
    close_on_exec()?;
    nix::unistd::setsid().map_err(said("a session of its own"))?;
    limit(order.limits, order.user.is_some())?;
    if let Some(user) = order.user {
        become_user(user)?;
    }
    nix::sys::prctl::set_no_new_privs().map_err(said("no new privileges"))?;
    // After the user id has changed, which would undo it.
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    let keeper = rustix::net::sockopt::socket_peercred(socket)?.pid;
    if rustix::process::getppid() != Some(keeper) {
        return Err(io::Error::other("the shim is gone"));
    }
    rustix::process::umask(Mode::from_raw_mode(0o077));
    small_pages::end();
    std::env::set_current_dir(&order.folder)
}

fn run(order: &Order, handed: Handed<OwnedFd>) -> io::Error {
    let Some(program) = handed.program else {
        return io::Error::other("there is no program to become");
    };
    Command::new(format!("/proc/self/fd/{}", program.as_raw_fd()))
        .arg0(&order.name)
        .args(&order.args)
        .env_clear()
        .envs(&order.env)
        .stdin(Stdio::null())
        .stdout(handed.stdout)
        .stderr(handed.stderr)
        .exec()
}

/// Whatever was inherited from whoever started us ends here, known to us or not.
#[expect(unsafe_code, reason = "a descriptor that nobody told us about has only its number")]
fn close_on_exec() -> io::Result<()> {
    let number = |entry: io::Result<std::fs::DirEntry>| -> Option<RawFd> {
        entry.ok()?.file_name().to_str()?.parse().ok()
    };
    let open: Vec<RawFd> = std::fs::read_dir("/proc/self/fd")?.filter_map(number).collect();
    for fd in open.into_iter().filter(|fd| *fd > 2) {
        // SAFETY: this process has one thread, which closes nothing in this loop; the one
        // descriptor that is closed by now, that of the listing, is told by EBADF.
        let fd = unsafe { BorrowedFd::borrow_raw(fd) };
        match rustix::io::fcntl_setfd(fd, FdFlags::CLOEXEC) {
            Ok(()) | Err(Errno::BADF) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn limit(limits: Limits, has_own_user: bool) -> io::Result<()> {
    let mut rows = vec![
        (Resource::Data, u64::from(limits.memory_mb) << 20),
        (Resource::Nofile, u64::from(limits.files)),
        (Resource::Core, 0),
        (Resource::Memlock, 0),
        (Resource::Msgqueue, 0),
    ];
    // The kernel counts all processes of a user; those of ours are none of the program's business.
    if has_own_user {
        rows.push((Resource::Nproc, u64::from(limits.processes)));
    }
    for (resource, limit) in rows {
        // Who may have less already keeps that.
        let allowed = rustix::process::getrlimit(resource).maximum;
        let limit = Some(allowed.map_or(limit, |allowed| allowed.min(limit)));
        rustix::process::setrlimit(resource, Rlimit { current: limit, maximum: limit })?;
    }
    Ok(())
}

fn become_user(id: u32) -> io::Result<()> {
    let (user, group) = (Uid::from_raw(id), Gid::from_raw(id));
    nix::unistd::setgroups(&[]).map_err(said("no groups"))?;
    nix::unistd::setresgid(group, group, group).map_err(said("a group of its own"))?;
    nix::unistd::setresuid(user, user, user).map_err(said("a user of its own"))
}

fn said(what: &'static str) -> impl Fn(nix::Error) -> io::Error {
    move |error| io::Error::other(format!("{what} could not be had: {error}"))
}
