//! The service manager that began this process, if one did: the socket it hands over
//! (sd_listen_fds(3)), what it wants to be told (sd_notify(3)), and how often (sd_watchdog_enabled(3)).

use std::convert::Infallible;
use std::net::TcpListener;
use std::os::fd::{FromRawFd as _, OwnedFd};
use std::sync::mpsc;
use std::time::Duration;

use deploy_spec::Fault;
use sd_notify::NotifyState;

use crate::environment::variable;

/// What the socket for requests is called (`FileDescriptorName=` in its unit).
const SOCKET: &str = "http";

/// How much waits for it to listen; what comes besides is not said.
const UNHEARD: usize = 8;

/// What it gave this process. Nothing of it is inherited by a child.
#[derive(Debug, Default)]
pub(super) struct Manager {
    /// Where requests come in.
    pub(super) listener: Option<TcpListener>,
    /// How long it waits for a sign of life.
    patience: Option<Duration>,
}

impl Manager {
    /// Takes what it gave. To be called while this process has one thread, and once.
    ///
    /// # Errors
    /// `invalid-input` when it handed over something else than the socket for requests.
    #[expect(unsafe_code, reason = "what is inherited is numbers and environment variables")]
    pub(super) fn of_this_process() -> Result<Self, Fault> {
        // SAFETY: the environment is changed, and no other thread can be reading it.
        let handed = unsafe { sd_notify::listen_fds_with_names_and_unset_env() };
        let handed = handed.map_err(|error| {
            Fault::invalid(format!("what the service manager handed over is in disorder: {error}"))
        })?;
        // SAFETY: the descriptors were made for this process, which takes each of them once, here.
        let handed = handed.map(|(fd, name)| (name, unsafe { OwnedFd::from_raw_fd(fd) }));
        let listener = socket(handed)?;
        // SAFETY: as above.
        let patience = unsafe { sd_notify::watchdog_enabled_and_unset_env() };
        Ok(Self { listener, patience })
    }

    /// How often it wants a sign of life; twice as often as it must, as it recommends.
    pub(super) fn beat(&self) -> Option<Duration> {
        self.patience.map(|patience| patience / 2)
    }
}

/// The socket for requests, which must be all there is.
fn socket(handed: impl Iterator<Item = (String, OwnedFd)>) -> Result<Option<TcpListener>, Fault> {
    let mut listener = None;
    for (name, fd) in handed {
        if name != SOCKET || listener.is_some() {
            return Err(Fault::invalid(format!(
                "the service manager handed over a socket called `{name}`; one called `{SOCKET}` is \
                 what is known here"
            ))
            .hint(format!("FileDescriptorName={SOCKET} in the socket unit, with one ListenStream=")));
        }
        listener = Some(TcpListener::from(fd));
    }
    Ok(listener)
}

/// Tells it things, on a thread of its own: a manager that does not listen holds up nothing else.
#[derive(Debug)]
pub(super) struct Voice {
    sayings: Option<mpsc::SyncSender<NotifyState<'static>>>,
    ended: mpsc::Receiver<Infallible>,
}

impl Voice {
    /// Says nothing where nobody wants to be told.
    ///
    /// # Errors
    /// `unavailable` when there is no thread for it.
    pub(super) fn begin() -> Result<Self, Fault> {
        let (sayings, said) = mpsc::sync_channel(UNHEARD);
        let (ends, ended) = mpsc::channel();
        if variable("NOTIFY_SOCKET").is_none() {
            return Ok(Self { sayings: None, ended });
        }
        let tell = move || {
            let _ends = ends;
            for saying in said {
                if let Err(error) = sd_notify::notify(&[saying]) {
                    tracing::warn!(%error, "the service manager cannot be told");
                }
            }
        };
        let spawned = std::thread::Builder::new().name("notify".into()).spawn(tell);
        spawned.map_err(|error| Fault::unavailable(format!("no thread: {error}")))?;
        Ok(Self { sayings: Some(sayings), ended })
    }

    /// It serves.
    pub(super) fn ready(&self) {
        self.say(NotifyState::Ready);
    }

    /// It is about to end.
    pub(super) fn stopping(&self) {
        self.say(NotifyState::Stopping);
    }

    /// It lives.
    pub(super) fn alive(&self) {
        self.say(NotifyState::Watchdog);
    }

    fn say(&self, what: NotifyState<'static>) {
        let Some(sayings) = &self.sayings else { return };
        if sayings.try_send(what).is_err() {
            tracing::warn!("the service manager does not listen");
        }
    }

    /// Waits until all is said, or for as long as `patience`.
    pub(super) fn finish(mut self, patience: Duration) {
        self.sayings = None;
        let _ = self.ended.recv_timeout(patience);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_socket_called_http_is_taken() {
        let fd = || OwnedFd::from(TcpListener::bind("127.0.0.1:0").unwrap());
        let taken = |names: &[&str]| {
            let handed = names.iter().map(|name| ((*name).to_owned(), fd()));
            socket(handed).map(|listener| listener.is_some()).map_err(|fault| fault.message)
        };
        assert_eq!(taken(&[]), Ok(false));
        assert_eq!(taken(&["http"]), Ok(true));
        for wrong in [&["unknown"][..], &["http", "http"], &["http", "admin"]] {
            let name = wrong.last().unwrap();
            let told = format!("handed over a socket called `{name}`");
            assert!(taken(wrong).unwrap_err().contains(&told), "{wrong:?}");
        }
    }

    #[test]
    fn a_sign_of_life_comes_in_half_the_time() {
        let patience = Some(Duration::from_secs(30));
        let manager = Manager { patience, ..Manager::default() };
        assert_eq!(manager.beat(), Some(Duration::from_secs(15)));
        assert_eq!(Manager::default().beat(), None);
    }
}
