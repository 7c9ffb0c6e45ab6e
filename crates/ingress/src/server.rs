//! The threads of a server, and how they end.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use deploy_spec::Fault;
use ipnet::IpNet;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use crate::clock;
use crate::codec::Reject;
use crate::connection::Connection;
use crate::drain::Drain;
use crate::entrance::Entrance;
use crate::listen::{handles, listeners};
use crate::refusal;
use crate::service::{Peer, Service};
use crate::settings::Settings;
use crate::timer::from_now;
use crate::tls::Certificates;

/// When a connection could not be accepted, the next one is tried after this.
const TRY_AGAIN: Duration = Duration::from_millis(10);
/// While none can be, the log says so as often.
const TELL_AGAIN: Duration = Duration::from_secs(10);

/// A server that has its address and does not answer yet.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    listeners: Vec<TcpListener>,
    settings: Settings,
    entrance: Entrance,
    queue: Queue,
}

/// What becomes of the connections that wait to be accepted when the server is drained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Queue {
    /// They would be reset with their listener: they are accepted.
    Ours,
    /// They wait for whoever is handed the listener next.
    Shared,
}

/// A server that answers, until it is drained.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    drain: Arc<Drain>,
    deadline: tokio::sync::watch::Sender<Option<Instant>>,
    threads: Vec<JoinHandle<()>>,
}

/// How the connections of a drained server ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DrainReport {
    /// How many were open when the drain began.
    pub open: usize,
    /// How many of them ended by themselves.
    pub finished: usize,
    /// How many were cut at the deadline.
    pub cut: usize,
}

impl Server {
    /// Takes an address; port 0 takes a free one.
    ///
    /// # Errors
    /// `unavailable` when the address is in use or not permitted.
    pub fn bind(address: SocketAddr, settings: Settings) -> Result<Self, Fault> {
        let listeners = listeners(address, &settings)?;
        let bound = listeners.first().and_then(|listener| listener.local_addr().ok());
        let address = bound.unwrap_or(address);
        Ok(Self { address, listeners, settings, entrance: Entrance::default(), queue: Queue::Ours })
    }

    /// Answers on a listener that somebody else made and keeps, such as a service manager. What
    /// waits on it when the server is drained is left to whoever answers on it next.
    ///
    /// # Errors
    /// `invalid-input` when it is no TCP socket that listens; `unavailable` when it cannot be used.
    pub fn from_listener(listener: TcpListener, settings: Settings) -> Result<Self, Fault> {
        let (address, listeners) = handles(listener, &settings)?;
        let entrance = Entrance::default();
        Ok(Self { address, listeners, settings, entrance, queue: Queue::Shared })
    }

    /// The address.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Speaks TLS only, and shows these certificates.
    #[must_use]
    pub fn with_certificates(mut self, certificates: Arc<Certificates>) -> Self {
        self.entrance.certificates = Some(certificates);
        self
    }

    /// Takes connections from these proxies only, each with a header of the PROXY protocol that says
    /// who its client is.
    #[must_use]
    pub fn with_proxy_protocol(mut self, trusted: Vec<IpNet>) -> Self {
        self.entrance.proxies = Some(trusted.into());
        self
    }

    /// Answers with `service` from now on.
    ///
    /// # Panics
    /// When the system gives no thread or no event queue.
    pub fn start<S: Service>(self, service: &Arc<S>) -> Running {
        let drain = Arc::<Drain>::default();
        let settings = Arc::new(self.settings);
        let (deadline, told) = tokio::sync::watch::channel(None);
        let spawn = |(index, listener): (usize, TcpListener)| {
            let worker = Worker {
                service: Arc::clone(service),
                settings: settings.clone(),
                entrance: self.entrance.clone(),
                drain: drain.clone(),
                local: self.address,
                queue: self.queue,
                deadline: told.clone(),
            };
            std::thread::Builder::new()
                .name(format!("ingress-{index}"))
                .spawn(move || worker.run(listener))
                .expect("the system gives a thread")
        };
        let threads = self.listeners.into_iter().enumerate().map(spawn).collect();
        Running { address: self.address, drain, deadline, threads }
    }
}

impl Running {
    /// The address.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// How many connections are open.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.drain.open()
    }

    /// Begins to end the server, as [`drain`](Self::drain) does, and does not wait: so several
    /// servers have the same time. What it says first holds.
    pub fn begin_drain(&self, grace: Duration) {
        self.deadline.send_if_modified(|deadline| {
            let is_first = deadline.is_none();
            deadline.get_or_insert_with(|| from_now(grace));
            is_first
        });
        self.drain.begin();
    }

    /// Whether all its threads live: one that has panicked answers no more.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        !self.threads.iter().any(JoinHandle::is_finished)
    }

    /// Ends the server: accepts nothing more, lets what is in flight finish, and cuts what is left
    /// after `grace`. Blocks until then.
    #[must_use]
    pub fn drain(self, grace: Duration) -> DrainReport {
        let open = self.drain.open();
        self.begin_drain(grace);
        for thread in self.threads {
            if thread.join().is_err() {
                tracing::error!("a thread of the server panicked");
            }
        }
        let cut = self.drain.was_cut();
        DrainReport { open, finished: open.saturating_sub(cut), cut }
    }
}

struct Worker<S> {
    service: Arc<S>,
    settings: Arc<Settings>,
    entrance: Entrance,
    drain: Arc<Drain>,
    local: SocketAddr,
    queue: Queue,
    deadline: tokio::sync::watch::Receiver<Option<Instant>>,
}

impl<S: Service> Worker<S> {
    fn run(self, listener: TcpListener) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .on_thread_park(clock::asleep)
            .on_thread_unpark(clock::awake)
            .build()
            .expect("the system gives an event queue");
        runtime.block_on(async {
            match tokio::net::TcpListener::from_std(listener) {
                Ok(listener) => self.accept(listener).await,
                Err(error) => tracing::error!(%error, "a listener cannot be used"),
            }
            self.finish().await;
        });
    }

    /// Accepts until the drain begins, and then what the kernel has accepted for us alone.
    async fn accept(&self, listener: tokio::net::TcpListener) {
        let mut begun = std::pin::pin!(self.drain.begun());
        let mut told: Option<Instant> = None;
        loop {
            let accepted = tokio::select! {
                biased;
                () = &mut begun => break,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, address)) => self.serve(stream, address),
                Err(error) => {
                    // Out of descriptors, most likely: let connections end before the next try.
                    let now = Instant::now();
                    if told.is_none_or(|told| now.duration_since(told) >= TELL_AGAIN) {
                        told = Some(now);
                        tracing::warn!(%error, "connections cannot be accepted");
                    }
                    tokio::time::sleep(TRY_AGAIN).await;
                }
            }
        }
        if self.queue == Queue::Shared {
            return;
        }
        let waiting = listener.into_std();
        while let Ok((stream, address)) =
            waiting.as_ref().map_or_else(|_| Err(()), |l| l.accept().map_err(drop))
        {
            if stream.set_nonblocking(true).is_ok()
                && let Ok(stream) = TcpStream::from_std(stream)
            {
                self.serve(stream, address);
            }
        }
    }

    fn serve(&self, stream: TcpStream, address: SocketAddr) {
        let counted = self.drain.count();
        if self.drain.open() > self.settings.max_connections {
            let answer = refusal::answer(Reject::TooManyConnections, b"");
            let _ = stream.try_write(&answer);
            return;
        }
        let _ = stream.set_nodelay(true);
        let connection = Connection {
            service: self.service.clone(),
            settings: self.settings.clone(),
            counted,
            peer: Peer { address, local: self.local, tls: false },
            shown: None,
        };
        self.entrance.admit(connection, stream);
    }

    /// Waits until every connection has ended, or the deadline is over.
    async fn finish(&self) {
        let deadline = self.deadline.borrow().unwrap_or_else(Instant::now);
        if timeout_at(deadline, self.drain.all_closed()).await.is_err() {
            self.drain.note_cut();
        }
    }
}
