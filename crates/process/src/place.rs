//! Where one life happens: a folder of its own, and where it answers. Each start has both anew.

use std::fs::Permissions;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::Path;

use tempfile::TempDir;
use upstream::{Endpoint, Trust};

use crate::container::{Inside, MOUNT, TMP};
use crate::launch::Container;
use crate::settings::Listen;

/// The name of a socket.
const SOCKET: &str = "http.sock";

/// Where one life happens.
pub(crate) struct Place {
    /// Removed when it is dropped.
    pub(crate) folder: TempDir,
    pub(crate) endpoint: Endpoint,
    /// What tells it where to be and to listen.
    pub(crate) variables: [(String, String); 2],
}

impl Place {
    /// For a program that runs as `user`, or as we do. A Unix socket must be one that it made.
    pub(crate) fn of_program(below: &Path, listen: Listen, user: Option<u32>) -> io::Result<Self> {
        let folder = private_folder(below)?;
        if let Some(user) = user {
            chown(folder.path(), Some(user), Some(user))?;
        }
        let owner = user.unwrap_or_else(|| rustix::process::geteuid().as_raw());
        let socket = folder.path().join(SOCKET);
        let (endpoint, told) = match listen {
            Listen::Socket => {
                let told = ("GREENTIC_SOCKET", text(&socket));
                (Endpoint::Unix { path: socket, trust: Trust::User(owner) }, told)
            }
            Listen::Port => {
                let port = free_port()?;
                (local(port), ("PORT", port.to_string()))
            }
        };
        let variables = [("TMPDIR", text(folder.path())), told];
        Ok(Self { folder, endpoint, variables: variables.map(named) })
    }

    /// For a container, whose users we do not know: nobody else on the machine comes into the
    /// folder, and inside of it everybody may do everything.
    pub(crate) fn of_container(
        below: &Path,
        listen: Listen,
        container: &Container,
    ) -> io::Result<(Self, Inside)> {
        let folder = private_folder(below)?;
        let (endpoint, told, reached) = match listen {
            Listen::Socket => {
                let shared = folder.path().join("run");
                std::fs::create_dir(&shared)?;
                std::fs::set_permissions(&shared, Permissions::from_mode(0o777))?;
                let path = shared.join(SOCKET);
                let told = ("GREENTIC_SOCKET", format!("{MOUNT}/{SOCKET}"));
                (Endpoint::Unix { path, trust: Trust::NoLink }, told, Inside::Socket(shared))
            }
            Listen::Port => {
                let (outside, inside) = (free_port()?, container.port);
                let told = ("PORT", inside.to_string());
                (local(outside), told, Inside::Port { outside, inside })
            }
        };
        let variables = [("TMPDIR", TMP.to_owned()), told].map(named);
        Ok((Self { folder, endpoint, variables }, reached))
    }
}

fn named((name, value): (&str, String)) -> (String, String) {
    (name.to_owned(), value)
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

const fn local(port: u16) -> Endpoint {
    Endpoint::Address(std::net::SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), port))
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

fn private_folder(below: &Path) -> io::Result<TempDir> {
    let folder = tempfile::Builder::new().prefix("greentic-").tempdir_in(below)?;
    std::fs::set_permissions(folder.path(), Permissions::from_mode(0o700))?;
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_container_shares_is_open_inside_and_closed_outside() {
        let image = format!("a.b/c@{}", deploy_spec::Digest::of(b""));
        let image = crate::container::Image::named(&image.parse().unwrap());
        let container = Container { image, command: None, port: 1, cpu_milli: None };
        let below = std::env::temp_dir();
        let (place, reached) = Place::of_container(&below, Listen::Socket, &container).unwrap();
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        let shared = place.folder.path().join("run");
        assert_eq!((mode(place.folder.path()), mode(&shared)), (0o700, 0o777));
        assert_eq!(reached, Inside::Socket(shared));
    }
}
