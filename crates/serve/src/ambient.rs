//! What the world is like: the time, random bits, who we are. The only room where they are asked.

use std::path::Path;

use control::{Context, Fresh};
use deploy_spec::{Actor, ActorKind, Authorization, Fault, Permission, Timestamp};
use store::Holder;

/// The time.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the home of the clock")]
pub fn now() -> Timestamp {
    Timestamp::try_from(std::time::SystemTime::now()).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// The time in whole seconds since 1970.
#[must_use]
pub fn now_s() -> u64 {
    u64::try_from(now().as_second()).unwrap_or(0)
}

/// Random bytes from the system.
///
/// # Errors
/// `unavailable` when the system has none.
pub fn random<const N: usize>() -> Result<[u8; N], Fault> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|error| Fault::unavailable(format!("the system gives no random bits: {error}")))?;
    Ok(bytes)
}

/// A fair draw, for what must not happen at the same time everywhere.
#[must_use]
pub fn roll() -> u32 {
    rand::random()
}

/// The account with this number, on this machine.
#[must_use]
pub fn actor(uid: u32) -> Actor {
    let account = nix::unistd::User::from_uid(nix::unistd::Uid::from_raw(uid)).ok().flatten();
    Actor {
        kind: ActorKind::OsUser,
        user: account.map_or_else(|| uid.to_string(), |account| account.name),
        uid,
        host: host(),
    }
}

/// Whoever has the client certificate with this common name. The operator's own authority vouches
/// for them to this process, so it acts for them: with its own account, under their name.
#[must_use]
pub fn certificate(common_name: String) -> Actor {
    Actor { kind: ActorKind::ClientCertificate, user: common_name, uid: own_uid(), host: host() }
}

fn host() -> String {
    let host = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
    host.unwrap_or_default()
}

/// The number of the account that runs this process.
#[must_use]
pub fn own_uid() -> u32 {
    nix::unistd::geteuid().as_raw()
}

/// This process, as whoever holds an environment's lock to do this.
#[must_use]
pub fn holder(command: &str) -> Holder {
    Holder {
        user: actor(own_uid()).user,
        pid: std::process::id(),
        command: command.to_owned(),
        since: now(),
    }
}

/// How much space is left for this account where `path` is, in bytes; none when nobody knows.
#[must_use]
pub fn free_bytes(path: &Path) -> Option<u64> {
    let found = rustix::fs::statvfs(path).ok()?;
    Some(found.f_bavail * found.f_frsize)
}

/// The circumstances of a command of `actor`.
///
/// # Errors
/// As [`random`].
pub(crate) fn context(actor: Actor, authorization: Authorization) -> Result<Context, Fault> {
    Ok(Context { now: now(), actor, authorization, fresh: fresh()? })
}

/// The circumstances of what the data plane does by itself: it ends what somebody who may has
/// begun.
///
/// # Errors
/// As [`random`].
pub fn data_plane_context() -> Result<Context, Fault> {
    let authorization = Authorization {
        decision: Permission::Allow,
        policy: "builtin/data-plane".into(),
        reason: "the data plane ends what was begun".into(),
    };
    context(actor(own_uid()), authorization)
}

fn fresh() -> Result<Fresh, Fault> {
    Ok(Fresh {
        event: u128::from_be_bytes(random()?),
        id: u128::from_be_bytes(random()?),
        salt: random()?,
    })
}
