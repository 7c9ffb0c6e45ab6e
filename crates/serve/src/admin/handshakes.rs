//! Connections to the admin endpoint, once TLS has proven who is there. Nobody waits for the
//! handshake of somebody else.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::Listener;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::endpoint::Endpoint;

/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How many may be in the middle of one; who comes later waits in the queue of the kernel.
const AT_ONCE: usize = 64;
/// How long to wait when nothing can be accepted: out of descriptors, most likely.
const AGAIN: Duration = Duration::from_millis(100);

type Proven = (TlsStream<TcpStream>, SocketAddr);

/// The connections that have got through, for axum to serve.
pub(super) struct Handshakes {
    proven: mpsc::Receiver<Proven>,
    address: SocketAddr,
    _accepting: JoinSet<()>,
}

impl Handshakes {
    pub(super) fn of(endpoint: Endpoint) -> io::Result<Self> {
        let listener = TcpListener::from_std(endpoint.listener)?;
        let address = listener.local_addr()?;
        let (through, proven) = mpsc::channel(AT_ONCE);
        let mut accepting = JoinSet::new();
        accepting.spawn(accept(listener, TlsAcceptor::from(endpoint.config), through));
        Ok(Self { proven, address, _accepting: accepting })
    }
}

async fn accept(listener: TcpListener, tls: TlsAcceptor, through: mpsc::Sender<Proven>) {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut begun = JoinSet::new();
    while let Ok(place) = places.clone().acquire_owned().await {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "the admin endpoint cannot accept a connection");
                sleep(AGAIN).await;
                continue;
            }
        };
        let (tls, through) = (tls.clone(), through.clone());
        begun.spawn(async move {
            let _place = place;
            match timeout(HANDSHAKE, tls.accept(stream)).await {
                Ok(Ok(proven)) => drop(through.send((proven, peer)).await),
                Ok(Err(error)) => tracing::info!(%peer, %error, "no TLS on the admin endpoint"),
                Err(_) => tracing::info!(%peer, "no TLS on the admin endpoint in time"),
            }
        });
        while begun.try_join_next().is_some() {}
    }
}

impl Listener for Handshakes {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> Proven {
        match self.proven.recv().await {
            Some(proven) => proven,
            // Whoever accepts lives as long as this.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}
