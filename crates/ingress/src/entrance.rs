//! What a connection passes before its first request: a proxy that says whose it is, and TLS.

use std::fmt::Display;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use crate::connection::Connection;
use crate::http2;
use crate::proxy_protocol::{Progress, Proxied, read};
use crate::service::Service;
use crate::timer::from_now;
use crate::tls::{self, Certificates};

/// What stands before a server; nothing for plaintext from anybody.
#[derive(Debug, Clone, Default)]
pub(crate) struct Entrance {
    pub(crate) certificates: Option<Arc<Certificates>>,
    /// The proxies that may say who their clients are; nobody else may connect then.
    pub(crate) proxies: Option<Arc<[IpNet]>>,
}

impl Entrance {
    /// Lets a connection in and serves it.
    pub(crate) fn admit<S: Service>(&self, connection: Connection<S>, stream: TcpStream) {
        if self.certificates.is_none() && self.proxies.is_none() {
            tokio::spawn(connection.run(stream));
        } else {
            tokio::spawn(self.clone().lead(connection, stream));
        }
    }

    async fn lead<S: Service>(self, mut connection: Connection<S>, mut stream: TcpStream) {
        let deadline = from_now(connection.settings.handshake_timeout);
        if let Some(proxies) = &self.proxies {
            match proxied(proxies, connection.peer.address.ip(), &mut stream, deadline).await {
                Ok(None) => {}
                Ok(Some(Proxied { source, destination })) => {
                    connection.peer.address = source;
                    connection.peer.local = destination;
                }
                Err(error) => return left(&connection, &error),
            }
        }
        // A task of its own from here on: what the entrance needs is not kept for a life.
        let Some(certificates) = &self.certificates else {
            tokio::spawn(connection.run(stream));
            return;
        };
        match timeout_at(deadline, tls::accept(certificates, stream))
            .await
            .unwrap_or_else(|late| Err(late.into()))
        {
            Ok(Some((mut stream, shown))) => {
                connection.peer.tls = true;
                connection.shown = Some(shown);
                if stream.is_http2() {
                    tokio::spawn(http2::serve(connection, stream, Vec::new()));
                } else {
                    tokio::spawn(connection.run(stream));
                }
            }
            Ok(None) => left(&connection, &"an authority was answered its challenge"),
            Err(error) => left(&connection, &error),
        }
    }
}

fn left<S>(connection: &Connection<S>, why: &dyn Display) {
    tracing::debug!(peer = %connection.peer.address, %why, "a connection was left");
}

/// Whose connection this is, when its proxy says so.
async fn proxied(
    proxies: &[IpNet],
    peer: IpAddr,
    stream: &mut TcpStream,
    deadline: Instant,
) -> io::Result<Option<Proxied>> {
    let peer = peer.to_canonical();
    if !proxies.iter().any(|network| network.contains(&peer)) {
        return Err(io::Error::other("it comes from no proxy that is trusted"));
    }
    let mut header = Vec::new();
    loop {
        match read(&header).map_err(io::Error::other)? {
            Progress::Whole(proxied) => return Ok(proxied),
            Progress::More(more) => {
                let at = header.len();
                header.resize(at + more, 0);
                timeout_at(deadline, stream.read_exact(&mut header[at..])).await??;
            }
        }
    }
}
