//! Connections that wait for their next request. Each belongs to the thread and the runtime that
//! made it, so that nobody waits for a lock; the one used last is on top, because it is the least
//! likely to have been closed.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use ingress::clock::about_now;
use tokio::runtime::{Handle, Id, RuntimeFlavor};
use tokio::time::{Instant, sleep};

use crate::connection::Connection;
use crate::endpoint::Endpoint;
use crate::http2;
use crate::settings::Settings;
use crate::speaks::Speaks;

/// How often a thread looks for connections that nobody needs any more.
const LOOK: Duration = Duration::from_secs(2);

thread_local! {
    static WAITING: RefCell<BTreeMap<u64, Vec<Waiting>>> = RefCell::default();
    /// The runtime in which a task of this thread looks.
    static LOOKING: Cell<Option<Id>> = const { Cell::new(None) };
}

struct Waiting {
    connection: Connection,
    pool: Weak<Pool>,
    runtime: Id,
    until: Instant,
}

/// What a client's connections have in common. Dropping the last handle closes those that wait.
#[derive(Debug)]
pub(crate) struct Pool {
    pub(crate) id: u64,
    pub(crate) settings: Settings,
    pub(crate) speaks: Speaks,
}

/// What a connection must be to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Care {
    /// Not known to be closed: the request can be sent again.
    Quiet,
    /// Asked right now whether it is closed, for a request that can be sent only once.
    Open,
}

impl Pool {
    pub(crate) fn new(settings: Settings, speaks: Speaks) -> Arc<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Arc::new(Self { id: NEXT.fetch_add(1, Ordering::Relaxed), settings, speaks })
    }

    /// A connection to `endpoint` that waits in this thread. Those above it that are of no use are
    /// closed.
    pub(crate) fn take(&self, endpoint: &Arc<Endpoint>, care: Care) -> Option<Connection> {
        let runtime = Handle::current().id();
        WAITING.with_borrow_mut(|all| {
            let waiting = all.get_mut(&self.id)?;
            while let Some(Waiting { mut connection, runtime: of, until, .. }) = waiting.pop() {
                let leads_there =
                    Arc::ptr_eq(&connection.endpoint, endpoint) || connection.endpoint == *endpoint;
                let is_alive = |connection: &mut Connection| match care {
                    Care::Quiet => connection.socket.is_quiet(),
                    Care::Open => connection.socket.is_open(),
                };
                let is_ours = of == runtime && leads_there && about_now() < until;
                if is_ours && is_alive(&mut connection) {
                    return Some(connection);
                }
            }
            None
        })
    }

    /// Keeps a connection whose exchange is complete on both sides.
    pub(crate) fn give(self: &Arc<Self>, connection: Connection) {
        // Dropped outside of a runtime, it cannot be used again.
        let Ok(handle) = Handle::try_current() else { return };
        let runtime = handle.id();
        WAITING.with_borrow_mut(|all| {
            let waiting = all.entry(self.id).or_default();
            if waiting.len() < self.settings.idle_connections {
                let until = about_now() + self.settings.idle_timeout;
                waiting.push(Waiting { connection, pool: Arc::downgrade(self), runtime, until });
            }
        });
        if LOOKING.get() != Some(runtime) && handle.runtime_flavor() == RuntimeFlavor::CurrentThread
        {
            LOOKING.set(Some(runtime));
            handle.spawn(look());
        }
    }
}

impl Drop for Pool {
    /// Other threads see it when they look.
    fn drop(&mut self) {
        let _ = WAITING.try_with(|all| all.try_borrow_mut().map(|mut all| all.remove(&self.id)));
        http2::forget(self.id);
    }
}

/// Closes what nobody needs any more, for as long as there is something.
async fn look() {
    loop {
        sleep(LOOK).await;
        let now = Instant::now();
        let left = WAITING.with_borrow_mut(|all| {
            all.retain(|_, waiting| {
                waiting.retain_mut(|one| {
                    now < one.until
                        && one.pool.strong_count() > 0
                        && one.connection.socket.is_quiet()
                });
                !waiting.is_empty()
            });
            !all.is_empty()
        });
        if !left {
            LOOKING.set(None);
            return;
        }
    }
}
