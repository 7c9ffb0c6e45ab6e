//! The server that replicas share their pins in: Redis, or what speaks its protocol.
//!
//! One connection is kept by a thread of its own; requests use it side by side, each for one round
//! trip that has a deadline. While there is no connection, nobody waits.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use deploy_spec::Fault;
use dispatch::{LIFETIME_S, Pin, PinName};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, IntoConnectionInfo as _, RedisError, Script};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

/// How long one attempt to connect, or to hear of the server, may take.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often a connection that is at rest is tried.
const LOOK: Duration = Duration::from_secs(1);
/// How long a failed attempt is waited after; doubled each time, up to [`LOOK`].
const AGAIN: Duration = Duration::from_millis(50);
/// For how long a server that did not answer in time is not asked.
const REST: Duration = Duration::from_millis(100);

/// What is kept counts if its split is not older; else what is proposed is kept. The life of what is
/// kept is renewed when half of it is over.
const AGREE: &str = "
local kept = redis.call('GET', KEYS[1])
local generation = kept and tonumber(string.match(kept, '^(%d+):'))
if generation and generation >= tonumber(ARGV[1]) then
  if redis.call('TTL', KEYS[1]) * 2 < tonumber(ARGV[3]) then
    redis.call('EXPIRE', KEYS[1], ARGV[3])
  end
  return kept
end
redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
return ARGV[2]
";

/// Where the server is.
#[derive(Clone, PartialEq, Eq)]
pub struct Server {
    /// `redis://HOST[:PORT][/DATABASE]`, or `rediss://` for TLS.
    pub url: String,
    /// As whom to log in, if not as the default user.
    pub user: Option<String>,
    /// With what to log in.
    pub password: Option<String>,
    /// How long a request waits for its pin.
    pub deadline: Duration,
}

impl Server {
    fn client(&self) -> Result<Client, RedisError> {
        let info = self.url.as_str().into_connection_info()?;
        let mut login = info.redis_settings().clone();
        if let Some(user) = &self.user {
            login = login.set_username(user);
        }
        if let Some(password) = &self.password {
            login = login.set_password(password);
        }
        Client::open(info.set_redis_settings(login))
    }
}

/// The server, as requests ask it.
pub(crate) struct Connected {
    link: Arc<Link>,
    script: Script,
    deadline: Duration,
    /// Until when it is not asked, in milliseconds after `begun`.
    rests_until: AtomicU64,
    begun: Instant,
}

/// What the thread that keeps the connection shares with those who use it.
struct Link {
    client: Client,
    connection: ArcSwapOption<MultiplexedConnection>,
    /// Rung when the connection may be lost, and when nobody needs it any more.
    look: Notify,
}

impl Connected {
    pub(crate) fn new(server: &Server) -> Result<Self, Fault> {
        let client = server.client().map_err(|error| {
            Fault::invalid(format!("`{}` is no address of a Redis server: {error}", server.url))
        })?;
        let link = Link { client, connection: ArcSwapOption::empty(), look: Notify::new() };
        let link = Arc::new(link);
        keep(&link)?;
        Ok(Self {
            link,
            script: Script::new(AGREE),
            deadline: server.deadline,
            rests_until: AtomicU64::new(0),
            begun: Instant::now(),
        })
    }

    /// The pin that counts; none when the server did not say so in time.
    pub(crate) async fn agree(&self, name: &PinName<'_>, proposed: Pin) -> Option<Pin> {
        if self.rests() {
            return None;
        }
        let mut connection = self.link.connection.load().as_deref().cloned()?;
        let mut asked = self.script.prepare_invoke();
        asked.key(name.to_string()).arg(proposed.generation).arg(proposed.to_string());
        asked.arg(LIFETIME_S);
        let answer = timeout(self.deadline, asked.invoke_async::<String>(&mut connection)).await;
        if let Ok(Ok(agreed)) = answer {
            return agreed.parse().ok();
        }
        if answer.is_ok() {
            self.link.look.notify_one();
        }
        self.rest();
        None
    }

    fn age(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn rests(&self) -> bool {
        self.age() < self.rests_until.load(Ordering::Relaxed)
    }

    fn rest(&self) {
        let rest = u64::try_from(REST.as_millis()).unwrap_or(0);
        self.rests_until.store(self.age() + rest, Ordering::Relaxed);
    }
}

impl Drop for Connected {
    fn drop(&mut self) {
        self.link.look.notify_one();
    }
}

/// Begins to keep the connection.
fn keep(link: &Arc<Link>) -> Result<(), Fault> {
    let link = Arc::downgrade(link);
    let keeper = std::thread::Builder::new().name("session-pins".into());
    let begun = keeper.spawn(move || {
        match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime.block_on(keep_connected(&link)),
            Err(error) => tracing::error!(%error, "session pins are not shared"),
        }
    });
    let failed = |error| Fault::unavailable(format!("no thread for session pins: {error}"));
    begun.map(drop).map_err(failed)
}

/// Connects, again and again, as long as anybody needs it.
async fn keep_connected(link: &Weak<Link>) {
    let mut again = AGAIN;
    let mut is_told = false;
    while let Some(link) = link.upgrade() {
        match connect(&link.client).await {
            Ok(connection) => {
                tracing::info!("session pins are shared");
                (again, is_told) = (AGAIN, false);
                link.connection.store(Some(Arc::new(connection.clone())));
                let why = until_lost(&link, connection).await;
                link.connection.store(None);
                let Some(error) = why else { return };
                tracing::warn!(%error, "session pins are not shared: the server was lost");
            }
            Err(error) => {
                if !is_told {
                    tracing::warn!(%error, "session pins are not shared: the server cannot be reached");
                }
                is_told = true;
                drop(link);
                // Nothing tells that a server which cannot be reached is there again.
                sleep(again).await;
                again = (again * 2).min(LOOK);
            }
        }
    }
}

async fn connect(client: &Client) -> Result<MultiplexedConnection, RedisError> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(PATIENCE))
        .set_response_timeout(Some(PATIENCE));
    client.get_multiplexed_async_connection_with_config(&config).await
}

/// Why the connection is lost; none when nobody needs it any more.
async fn until_lost(link: &Arc<Link>, mut connection: MultiplexedConnection) -> Option<RedisError> {
    loop {
        let _ = timeout(LOOK, link.look.notified()).await;
        // The other one is ours.
        if Arc::strong_count(link) == 1 {
            return None;
        }
        if let Err(error) = redis::cmd("PING").query_async::<()>(&mut connection).await {
            return Some(error);
        }
    }
}
