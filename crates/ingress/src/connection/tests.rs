//! What a connection costs while it waits, and that no refusal holds one for ever.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use tokio::net::{TcpListener, TcpStream};

use super::{Connection, refuse};
use crate::body::Body;
use crate::drain::Drain;
use crate::service::{Peer, Service};
use crate::settings::Settings;
use crate::timer::Timer;

/// Bytes of the future of one connection. A thousand idle connections may take 1.5 MB, that is
/// 1 500 bytes each; half of it is left to what tokio keeps for a task, a socket and a timer.
/// What an exchange needs is boxed, so that it is not part of this.
const FUTURE: usize = 768;

struct Silent;

impl Service for Silent {
    type Body = Body;
    type Relay = crate::NoRelay<Self::Body>;
    async fn call(&self, _: Request<Body>, _: &Peer) -> Response<Body> {
        Response::new(Body::empty())
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.unwrap().block_on(future)
}

/// The two ends of one connection; ours is the first.
async fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let theirs = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    (listener.accept().await.unwrap().0, theirs)
}

#[test]
fn a_thousand_idle_connections_fit_into_their_memory() {
    block_on(async {
        let (ours, _theirs) = pair().await;
        let address: SocketAddr = ours.local_addr().unwrap();
        let connection = Connection {
            service: Arc::new(Silent),
            settings: Arc::new(Settings::default()),
            counted: Arc::<Drain>::default().count(),
            peer: Peer { address, local: address, tls: false },
            shown: None,
        };
        let size = size_of_val(&connection.run(ours));
        assert!(size <= FUTURE, "{size} bytes");
    });
}

#[test]
fn a_refusal_that_nobody_takes_does_not_hold_the_connection() {
    block_on(async {
        let (mut ours, _theirs) = pair().await;
        // Until the other end, which reads nothing, has no room.
        let full = |error: std::io::Error| error.kind() == std::io::ErrorKind::WouldBlock;
        while !ours.try_write(&[0; 64 * 1024]).is_err_and(full) {
            tokio::task::yield_now().await;
        }
        let settings = Settings { write_timeout: Duration::from_millis(20), ..Settings::default() };
        let mut timer = Timer::after(settings.idle_timeout);
        let refused = refuse(&mut ours, b"HTTP/1.1 400 Bad Request\r\n\r\n", &mut timer, &settings);
        let patience = Duration::from_secs(20);
        assert!(tokio::time::timeout(patience, refused).await.is_ok(), "it waits for room");
    });
}

#[test]
fn a_time_without_end_is_no_overflow() {
    block_on(async {
        let mut timer = Timer::after(Duration::MAX);
        timer.set(Duration::MAX);
        let expired = std::future::poll_fn(|cx| std::task::Poll::Ready(timer.poll(cx).is_ready()));
        assert!(!expired.await);
    });
}
