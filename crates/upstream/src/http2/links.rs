//! The connections that there are, and finding room in one of them. Each belongs to the thread and
//! the runtime that made it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::runtime::{Handle, Id};
use tokio::sync::watch;
use tokio::time::Instant;

use super::link::{Link, Slot};
use super::opening;
use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::pool::Pool;

thread_local! {
    /// By the client they belong to.
    static LINKS: RefCell<BTreeMap<u64, Vec<Entry>>> = RefCell::default();
}

struct Entry {
    endpoint: Arc<Endpoint>,
    runtime: Id,
    phase: watch::Receiver<Phase>,
}

/// How far a connection is.
pub(super) enum Phase {
    Opening,
    Open(Arc<Link>),
    /// The server has chosen HTTP/1.1; the connection waits with others of its kind.
    Http1 {
        /// How long that is believed.
        until: Instant,
    },
    Failed(Error),
}

/// How a request goes to a server.
pub(crate) enum Way {
    Http2(Slot),
    Http1,
}

enum Found {
    Way(Way),
    /// Somebody is making a connection.
    Opening(watch::Receiver<Phase>),
    Nothing,
}

/// Room for one request to `endpoint`; a connection is made if there is none with room.
///
/// # Errors
/// Why there is no connection.
pub(crate) async fn reach(pool: &Arc<Pool>, endpoint: &Arc<Endpoint>) -> Result<Way, Error> {
    loop {
        let mut phase = match find(pool, endpoint) {
            Found::Way(way) => return Ok(way),
            Found::Opening(phase) => phase,
            Found::Nothing => open(pool, endpoint),
        };
        match phase.wait_for(|phase| !matches!(phase, Phase::Opening)).await.as_deref() {
            Ok(Phase::Failed(error)) => return Err(error.again()),
            // Whoever came first has taken what room there is.
            Ok(_) => {}
            Err(_) => return Err(Error::Closed),
        }
    }
}

/// Lets what a client has in this thread end; in other threads it does when it was not used for long
/// enough.
pub(crate) fn forget(client: u64) {
    let taken = LINKS.try_with(|all| all.try_borrow_mut().ok()?.remove(&client));
    for entry in taken.ok().flatten().unwrap_or_default() {
        if let Phase::Open(link) = &*entry.phase.borrow() {
            link.retire();
        }
    }
}

fn find(pool: &Pool, endpoint: &Arc<Endpoint>) -> Found {
    let runtime = Handle::current().id();
    LINKS.with_borrow_mut(|all| {
        let Some(entries) = all.get_mut(&pool.id) else { return Found::Nothing };
        let mut found = Found::Nothing;
        entries.retain(Entry::is_of_use);
        let leads_there = |entry: &&Entry| entry.runtime == runtime && entry.endpoint == *endpoint;
        for entry in entries.iter().filter(leads_there) {
            match &*entry.phase.borrow() {
                Phase::Opening => found = Found::Opening(entry.phase.clone()),
                Phase::Open(link) => {
                    if let Some(slot) = link.slot() {
                        return Found::Way(Way::Http2(slot));
                    }
                }
                Phase::Http1 { .. } => return Found::Way(Way::Http1),
                Phase::Failed(_) => {}
            }
        }
        found
    })
}

fn open(pool: &Arc<Pool>, endpoint: &Arc<Endpoint>) -> watch::Receiver<Phase> {
    let (tell, phase) = watch::channel(Phase::Opening);
    let runtime = Handle::current();
    let entry =
        Entry { endpoint: Arc::clone(endpoint), runtime: runtime.id(), phase: phase.clone() };
    LINKS.with_borrow_mut(|all| {
        // Those of clients that are gone are seen here.
        all.retain(|_, entries| {
            entries.retain(Entry::is_of_use);
            !entries.is_empty()
        });
        all.entry(pool.id).or_default().push(entry);
    });
    runtime.spawn(opening::run(Arc::clone(pool), Arc::clone(endpoint), tell));
    phase
}

impl Entry {
    fn is_of_use(&self) -> bool {
        match &*self.phase.borrow() {
            Phase::Opening => self.phase.has_changed().is_ok(),
            Phase::Open(link) => !link.is_retired(),
            Phase::Http1 { until } => Instant::now() < *until,
            Phase::Failed(_) => false,
        }
    }
}
