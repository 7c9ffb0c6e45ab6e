//! One connection of HTTP/1.1, between two exchanges or in one.

use std::sync::Arc;

use ingress::timer::Timer;
use tokio::time::timeout;

use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::pool::Pool;
use crate::socket::Socket;
use crate::speaks::Alpn;

#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) socket: Socket,
    /// One for all its exchanges, because moving a deadline is free and making one is not.
    pub(crate) timer: Timer,
    pub(crate) endpoint: Arc<Endpoint>,
}

impl Connection {
    pub(crate) async fn open(endpoint: &Arc<Endpoint>, pool: &Pool) -> Result<Self, Error> {
        let patience = pool.settings.connect_timeout;
        let opening = async {
            let socket = endpoint.connect().await.map_err(Error::Connect)?;
            match pool.speaks.tls() {
                // Boxed, so that who speaks in the clear carries none of it.
                Some(tls) => Box::pin(tls.greet(socket, Alpn::Http1)).await,
                None => Ok(socket),
            }
        };
        let socket = timeout(patience, opening).await;
        let socket = socket.map_err(|_| Error::Timeout("accept a connection"))??;
        Ok(Self::over(socket, endpoint, pool))
    }

    /// A connection that was made already.
    pub(crate) fn over(socket: Socket, endpoint: &Arc<Endpoint>, pool: &Pool) -> Self {
        let timer = Timer::after(pool.settings.connect_timeout);
        Self { socket, timer, endpoint: Arc::clone(endpoint) }
    }
}
