//! Where one life happens: a folder of its own, and where it answers. Each start has both anew.

use std::fs::Permissions;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::Path;

use tempfile::TempDir;
use upstream::{Endpoint, Trust};

use crate::container::{Container, Inside, MOUNT, TMP};
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
    pub(crate) fn of_program(
        below: &Path,
        listen: Listen,
        user: Option<u32>,
    ) -> io::Result<Self> {
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
                open_to_all(&shared)?;
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

/// Lets everybody into a folder, and to the sockets that will be made there whatever the umask is of
/// who makes them: that is what a list of access does that a folder hands down (`acl(5)`).
fn open_to_all(folder: &Path) -> io::Result<()> {
    std::fs::set_permissions(folder, Permissions::from_mode(0o777))?;
    let handed_down = hand_down(folder);
    // Root needs no permission to connect.
    if rustix::process::geteuid().is_root() { Ok(()) } else { handed_down }
}

#[cfg(target_os = "linux")]
fn hand_down(folder: &Path) -> io::Result<()> {
    /// Version 2 (`linux/posix_acl_xattr.h`), then owner, group and others, each with all rights.
    const EVERYTHING: [u8; 28] = [
        2, 0, 0, 0, //
        0x01, 0, 7, 0, 0xff, 0xff, 0xff, 0xff, //
        0x04, 0, 7, 0, 0xff, 0xff, 0xff, 0xff, //
        0x20, 0, 7, 0, 0xff, 0xff, 0xff, 0xff,
    ];
    let name = "system.posix_acl_default";
    rustix::fs::setxattr(folder, name, &EVERYTHING, rustix::fs::XattrFlags::empty())?;
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn hand_down(_: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn a_socket_of_a_container_is_open_to_us_and_closed_to_others() {
        let image = crate::container::Image::named(
            &format!("a.b/c@{}", deploy_spec::Digest::of(b"")).parse().unwrap(),
        );
        let container = Container { image, command: None, port: 1, cpu_milli: None };
        let below = std::env::temp_dir();
        let (place, reached) = Place::of_container(&below, Listen::Socket, &container).unwrap();
        let Inside::Socket(shared) = reached else { panic!("{reached:?}") };
        let _listener = UnixListener::bind(shared.join(SOCKET)).unwrap();
        let mode = |path: &Path| path.symlink_metadata().unwrap().permissions().mode() & 0o777;
        // Without the list, the umask of this test would have taken some of it.
        assert_eq!(mode(&shared.join(SOCKET)), 0o777);
        assert_eq!(mode(place.folder.path()), 0o700);
    }
}
