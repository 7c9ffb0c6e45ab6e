//! Where a server is, and connecting to it.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use tokio::net::{TcpStream, UnixStream, lookup_host};

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
    /// socket is somebody else's, or an address is link-local (RFC 3927, RFC 4291 §2.5.6): there
    /// the clouds keep what hands out a machine's own credentials, and no application.
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
            Self::Unix { path, owner } => {
                let stream = UnixStream::connect(path).await?;
                let is_theirs = match owner {
                    Some(owner) => stream.peer_cred()?.uid() == *owner,
                    None => true,
                };
                // A program could put a link to any socket of the machine where its own should
                // be, and have us talk to that with our powers.
                if is_theirs { Ok(Socket::Unix(stream)) } else { Err(denied("another's socket")) }
            }
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
    if is_link_local(address.ip()) {
        return Err(denied("link-local addresses are not connected to"));
    }
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(Socket::Tcp(stream))
}

fn is_link_local(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local() || address == METADATA_V6,
    }
}

/// What Amazon gives its metadata service besides the link-local one.
const METADATA_V6: std::net::Ipv6Addr =
    std::net::Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);

fn denied(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hands_out_credentials_is_not_connected_to() {
        for (address, refused) in [
            ("169.254.169.254", true),
            ("::ffff:169.254.169.254", true),
            ("fe80::1", true),
            ("fd00:ec2::254", true),
            ("127.0.0.1", false),
            ("10.0.0.1", false),
            ("fd00::1", false),
        ] {
            assert_eq!(is_link_local(address.parse().unwrap()), refused, "{address}");
        }
    }
}
