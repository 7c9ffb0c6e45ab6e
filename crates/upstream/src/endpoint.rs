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
        /// What is looked at before it is talked to.
        trust: Trust,
    },
}

/// What is believed of the path of a Unix socket. Whoever may write in its folder could put a link to
/// any socket of the machine there, and have us talk to that with our powers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// Wherever it leads: nobody else may write there.
    Path,
    /// Who listens must be this user.
    User(u32),
    /// It must be a socket itself: no link is followed at its end.
    NoLink,
}

impl Endpoint {
    /// Connects.
    ///
    /// # Errors
    /// When nobody listens there, or the name has no address; `PermissionDenied` when a Unix
    /// socket is not to be trusted, or an address is one of [`hands_out_credentials`].
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
            Self::Unix { path, trust } => unix(path, *trust).await,
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
async fn unix(path: &Path, trust: Trust) -> io::Result<Socket> {
    if trust == Trust::NoLink {
        return itself(path).await;
    }
    let stream = tokio::net::UnixStream::connect(path).await?;
    match trust {
        Trust::User(user) if stream.peer_cred()?.uid() != user => {
            Err(denied("the socket is not one that its owner made"))
        }
        _ => Ok(Socket::Unix(stream)),
    }
}

#[cfg(not(unix))]
async fn unix(_: &Path, _: Trust) -> io::Result<Socket> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "there are no Unix sockets here"))
}

/// Connects to what is at the path and no link. What was looked at is what is connected to: it is held
/// while it is looked at, and named by what holds it (`proc_pid_fd(5)`).
#[cfg(target_os = "linux")]
async fn itself(path: &Path) -> io::Result<Socket> {
    use std::os::fd::AsRawFd as _;

    use rustix::fs::{FileType, Mode, OFlags, fstat, open};

    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let held = open(path, flags, Mode::empty())?;
    if FileType::from_raw_mode(fstat(&held)?.st_mode) != FileType::Socket {
        return Err(denied("what is there is not a socket"));
    }
    let named = format!("/proc/self/fd/{}", held.as_raw_fd());
    Ok(Socket::Unix(tokio::net::UnixStream::connect(named).await?))
}

#[cfg(all(unix, not(target_os = "linux")))]
async fn itself(_: &Path) -> io::Result<Socket> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "only Linux names a socket by what holds it"))
}

fn denied(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, why)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[tokio::test(flavor = "current_thread")]
    async fn where_others_may_write_no_link_is_followed() {
        let folder = tempfile::tempdir().unwrap();
        let [socket, link, file] =
            ["http.sock", "link", "file"].map(|name| folder.path().join(name));
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        std::os::unix::fs::symlink(&socket, &link).unwrap();
        std::fs::write(&file, "").unwrap();
        let connect = async |path: &Path, trust| {
            let endpoint = Endpoint::Unix { path: path.to_owned(), trust };
            endpoint.connect().await.map(drop).map_err(|error| error.to_string())
        };
        assert_eq!(connect(&socket, Trust::NoLink).await, Ok(()));
        assert_eq!(connect(&link, Trust::Path).await, Ok(()));
        for not_one in [&link, &file] {
            let said = connect(not_one, Trust::NoLink).await;
            assert_eq!(said, Err("what is there is not a socket".into()));
        }
    }
}
