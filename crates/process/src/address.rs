//! Where a program answers; each start has its own address.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;

use upstream::Endpoint;

use crate::settings::Listen;

/// An address for a program that runs in `folder` as `owner`. A Unix socket there must be one that
/// the owner made.
pub(crate) fn choose(listen: Listen, folder: &Path, owner: u32) -> io::Result<Endpoint> {
    match listen {
        Listen::Socket => Ok(Endpoint::Unix { path: folder.join("http.sock"), owner: Some(owner) }),
        Listen::Port => {
            let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
            free.local_addr().map(Endpoint::Address)
        }
    }
}

/// The environment variable that tells the program.
pub(crate) fn variable(endpoint: &Endpoint) -> (String, String) {
    match endpoint {
        Endpoint::Address(address) => ("PORT".into(), address.port().to_string()),
        Endpoint::Name { port, .. } => ("PORT".into(), port.to_string()),
        Endpoint::Unix { path, .. } => {
            ("GREENTIC_SOCKET".into(), path.to_string_lossy().into_owned())
        }
    }
}
