//! Where a program answers, and connections to it.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

use crate::settings::Listen;

/// What a connection can do.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// A connection to a program.
pub type Connection = Box<dyn Duplex>;

/// Where a program answers; each start has its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// A port of 127.0.0.1.
    Port(SocketAddr),
    /// A Unix socket.
    Socket {
        /// Where it is.
        path: PathBuf,
        /// Who must have made it, as a user id.
        owner: u32,
    },
}

impl Address {
    /// An address for a program that runs in `folder` as `owner`.
    pub(crate) fn choose(listen: Listen, folder: &Path, owner: u32) -> io::Result<Self> {
        match listen {
            Listen::Socket => Ok(Self::Socket { path: folder.join("http.sock"), owner }),
            Listen::Port => {
                let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
                free.local_addr().map(Self::Port)
            }
        }
    }

    /// The environment variable that tells the program.
    pub(crate) fn variable(&self) -> (String, String) {
        match self {
            Self::Port(address) => ("PORT".into(), address.port().to_string()),
            Self::Socket { path, .. } => {
                ("GREENTIC_SOCKET".into(), path.to_string_lossy().into_owned())
            }
        }
    }

    /// Connects.
    ///
    /// # Errors
    /// When nobody listens there; `PermissionDenied` when a Unix socket is somebody else's. A
    /// program could put a link to any socket of the machine where its own should be, and have us
    /// talk to that with our powers.
    pub async fn connect(&self) -> io::Result<Connection> {
        match self {
            Self::Port(address) => {
                let stream = TcpStream::connect(address).await?;
                stream.set_nodelay(true)?;
                Ok(Box::new(stream))
            }
            Self::Socket { path, owner } => {
                let stream = UnixStream::connect(path).await?;
                if stream.peer_cred()?.uid() == *owner {
                    return Ok(Box::new(stream));
                }
                let why = "the socket is not one that the program made";
                Err(io::Error::new(io::ErrorKind::PermissionDenied, why))
            }
        }
    }
}
