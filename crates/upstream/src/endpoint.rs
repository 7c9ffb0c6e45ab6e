//! Where a server is, and connecting to it.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use deploy_spec::hands_out_credentials;
use tokio::net::{TcpStream, lookup_host};

use crate::socket::Socket;

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// A port of an address.
    Address(SocketAddr),
    /// A port of a name, which is looked up for each connection.
    Name {
        /// The name, as DNS has it.
        host: String,
        /// The port.
        port: u16,
    },
    /// A Unix socket.
    Unix {
        /// Where it is.
        path: PathBuf,
        /// Who must have made it, as a user id; anybody may when there is none.
        owner: Option<u32>,
    },
}

impl Endpoint {
    /// Connects.
    ///
    /// # Errors
    /// When nobody listens there, or the name has no address; `PermissionDenied` when a Unix
    /// socket is somebody else's, or an address is one of [`hands_out_credentials`].
    pub async fn connect(&self) -> io::Result<Socket> {
        match self {
            Self::Address(address) => tcp(*address).await,
            Self::Name { host, port } => {
                let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
                for address in lookup_host((host.as_str(), *port)).await? {
                    match tcp(address).await {
                        Ok(socket) => return Ok(socket),
                        Err(error) => last = error,
                    }
                }
                Err(last)
            }
            Self::Unix { path, owner } => unix(path, *owner).await,
        }
    }
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Name { host, port } => write!(f, "{host}:{port}"),
            Self::Unix { path, .. } => write!(f, "unix:{}", path.display()),
        }
    }
}

async fn tcp(address: SocketAddr) -> io::Result<Socket> {
    if hands_out_credentials(address.ip()) {
        return Err(denied("link-local addresses are not connected to"));
    }
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(Socket::Tcp(stream))
}

#[cfg(unix)]
async fn unix(path: &Path, owner: Option<u32>) -> io::Result<Socket> {
    let stream = tokio::net::UnixStream::connect(path).await?;
    let is_theirs = match owner {
        Some(owner) => stream.peer_cred()?.uid() == owner,
        None => true,
    };
    // A program could put a link to any socket of the machine where its own should be, and have us
    // talk to that with our powers.
    if is_theirs {
        Ok(Socket::Unix(stream))
    } else {
        Err(denied("the socket is not one that its owner made"))
    }
}

#[cfg(not(unix))]
async fn unix(_: &Path, _: Option<u32>) -> io::Result<Socket> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "there are no Unix sockets here"))
}

fn denied(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, why)
}
