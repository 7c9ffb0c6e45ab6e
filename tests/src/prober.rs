//! Requests that keep flowing while the dial moves, and when each new split was obeyed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::http::Connection;

/// How long a shift may take before something is wrong.
const PATIENCE: Duration = Duration::from_secs(5);

/// When a request was sent, and the generation that answered it.
type Seen = (Instant, u64);

/// When a shift was obeyed, in milliseconds after the command that made it had returned.
#[derive(Debug, Clone, Copy)]
pub struct Obeyed {
    /// When the first request that obeys was sent; below zero when the data plane was sooner.
    pub first_ms: f64,
    /// When the last request was sent that an older split still answered; zero when none was.
    pub last_old_ms: f64,
}

fn ms_after(later: Instant, earlier: Instant) -> f64 {
    let ms = |span: Duration| span.as_secs_f64() * 1e3;
    ms(later.saturating_duration_since(earlier)) - ms(earlier.saturating_duration_since(later))
}

/// A thread that asks again and again.
#[derive(Debug)]
pub struct Prober {
    stop: Arc<AtomicBool>,
    seen: Mutex<Receiver<Seen>>,
    thread: JoinHandle<(u64, u64)>,
}

impl Prober {
    /// Starts asking.
    ///
    /// # Errors
    /// When nobody answers at `address`.
    pub fn start(address: &str, host: &str, path: &str) -> Result<Self, String> {
        let stop = Arc::new(AtomicBool::new(false));
        let (tell, seen) = channel();
        let mut connection = Connection::open(address)?;
        let stopped = stop.clone();
        let (address, host, path) = (address.to_owned(), host.to_owned(), path.to_owned());
        let thread = std::thread::spawn(move || {
            let (mut answered, mut failed) = (0, 0);
            while !stopped.load(Ordering::Relaxed) {
                let sent = Instant::now();
                match connection.get(&host, &path) {
                    Ok(answer) if answer.status == 200 => {
                        answered += 1;
                        if let Some(generation) = answer.generation {
                            let _ = tell.send((sent, generation));
                        }
                    }
                    _ => {
                        failed += 1;
                        match Connection::open(&address) {
                            Ok(another) => connection = another,
                            Err(_) => break,
                        }
                    }
                }
            }
            (answered, failed)
        });
        Ok(Self { stop, seen: Mutex::new(seen), thread })
    }

    /// When the split of `generation` began to be obeyed, as seen from now.
    ///
    /// # Errors
    /// When it is not obeyed in time.
    pub fn obeys(&self, generation: u64) -> Result<Obeyed, String> {
        let returned = Instant::now();
        let seen = self.seen.lock().map_err(|_| "the prober panicked")?;
        let (mut first, mut last_old) = (None, None);
        loop {
            let (sent, by) = seen.recv_timeout(PATIENCE).map_err(|_| "no answers came any more")?;
            if by < generation {
                last_old = Some(sent);
            } else {
                let first = *first.get_or_insert(sent);
                if sent > returned {
                    let first_ms = ms_after(first, returned);
                    let last_old_ms = last_old.map_or(0.0, |old| ms_after(old, returned).max(0.0));
                    return Ok(Obeyed { first_ms, last_old_ms });
                }
            }
            if sent > returned + PATIENCE {
                return Err(format!("generation {generation} was not obeyed within {PATIENCE:?}"));
            }
        }
    }

    /// How many requests were answered, and how many were not.
    ///
    /// # Errors
    /// When the thread panicked.
    pub fn stop(self) -> Result<(u64, u64), String> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| "the prober panicked".into())
    }
}
