//! One connection, between two exchanges or in one.

use std::sync::Arc;
use std::time::Duration;

use ingress::timer::Timer;
use tokio::time::timeout;

use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::socket::Socket;

#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) socket: Socket,
    /// One for all its exchanges, because moving a deadline is free and making one is not.
    pub(crate) timer: Timer,
    pub(crate) endpoint: Arc<Endpoint>,
}

impl Connection {
    pub(crate) async fn open(endpoint: &Arc<Endpoint>, patience: Duration) -> Result<Self, Error> {
        let socket = timeout(patience, endpoint.connect()).await;
        let socket = socket.map_err(|_| Error::Timeout("accept a connection"))?;
        let socket = socket.map_err(Error::Connect)?;
        Ok(Self { socket, timer: Timer::after(patience), endpoint: Arc::clone(endpoint) })
    }
}
