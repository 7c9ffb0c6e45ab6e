//! One listener for each thread, all on the same address: our own, or one that was handed to us.

use std::io;
use std::net::{SocketAddr, TcpListener};

use deploy_spec::Fault;
use socket2::{Domain, Protocol, Socket, Type};

use crate::settings::Settings;

/// Listeners on `address`, one for each thread.
pub(crate) fn listeners(
    address: SocketAddr,
    settings: &Settings,
) -> Result<Vec<TcpListener>, Fault> {
    let failed = |error: io::Error| explain(address, &error);
    if !settings.share_address && address.port() != 0 {
        alone(address).map_err(failed)?;
    }
    let first = listener(address, settings.backlog).map_err(failed)?;
    let bound = first.local_addr().map_err(failed)?;
    let mut all = vec![first];
    for _ in 1..settings.threads.max(1) {
        all.push(listener(bound, settings.backlog).map_err(failed)?);
    }
    Ok(all)
}

/// `SO_REUSEPORT` lets any process of the same user share an address without a word, so it is
/// first tried without.
fn alone(address: SocketAddr) -> io::Result<()> {
    let socket = socket(address)?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())
}

/// Whether a socket listens.
#[cfg(target_os = "linux")]
fn listens(socket: &TcpListener) -> io::Result<bool> {
    socket2::SockRef::from(socket).is_listener()
}

/// Only systemd hands sockets over, and it is Linux's.
#[cfg(not(target_os = "linux"))]
fn listens(_: &TcpListener) -> io::Result<bool> {
    Ok(false)
}

/// Handles of a listener that somebody else made and keeps, one for each thread. They share its
/// queue.
pub(crate) fn handles(
    listener: TcpListener,
    settings: &Settings,
) -> Result<(SocketAddr, Vec<TcpListener>), Fault> {
    let wrong = |why: &str| {
        Fault::invalid(format!("the socket that was handed over {why}"))
            .hint("a socket unit for gtc start has ListenStream=ADDRESS:PORT and Accept=no")
    };
    let failed = |error: io::Error| {
        Fault::unavailable(format!("the socket that was handed over cannot be used: {error}"))
    };
    let address = listener.local_addr().map_err(|_| wrong("is no TCP socket"))?;
    if !listens(&listener).map_err(failed)? {
        return Err(wrong("does not listen"));
    }
    listener.set_nonblocking(true).map_err(failed)?;
    let mut all = vec![listener];
    for _ in 1..settings.threads.max(1) {
        all.push(all[0].try_clone().map_err(failed)?);
    }
    Ok((address, all))
}

fn listener(address: SocketAddr, backlog: i32) -> io::Result<TcpListener> {
    let socket = socket(address)?;
    share(&socket)?;
    socket.bind(&address.into())?;
    socket.listen(backlog)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// Lets every thread have a listener of its own.
#[cfg(unix)]
fn share(socket: &Socket) -> io::Result<()> {
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)
}

/// Windows has nothing that spreads connections over listeners of one address.
#[cfg(not(unix))]
fn share(_: &Socket) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

fn socket(address: SocketAddr) -> io::Result<Socket> {
    Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))
}

fn explain(address: SocketAddr, error: &io::Error) -> Fault {
    let hint = match error.kind() {
        io::ErrorKind::AddrInUse => {
            "another process listens there; stop it, or give another --listen"
        }
        io::ErrorKind::PermissionDenied => "ports below 1024 need a privilege; give a higher port",
        io::ErrorKind::AddrNotAvailable => "this machine does not have that address",
        _ => "give another --listen",
    };
    Fault::unavailable(format!("listening on {address} failed: {error}")).hint(hint)
}
