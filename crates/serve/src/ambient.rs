//! What the world is like: the time, random bits, who we are. The only room where they are asked.

#[cfg_attr(unix, path = "ambient/unix.rs")]
#[cfg_attr(windows, path = "ambient/windows.rs")]
mod system;

use control::{Context, Fresh};
use deploy_spec::{Actor, ActorKind, Authorization, Fault, Permission, Timestamp};
use store::Holder;

pub use system::{free_bytes, own_uid};

/// The time.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the home of the clock")]
pub fn now() -> Timestamp {
    Timestamp::try_from(std::time::SystemTime::now()).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// The time in whole seconds since 1970.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the home of the clock")]
pub fn now_s() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
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
    let user = system::name_of(uid).unwrap_or_else(|| uid.to_string());
    Actor { kind: ActorKind::OsUser, user, uid, host: system::host() }
}

/// Whoever has the client certificate with this common name. The operator's own authority vouches
/// for them to this process, so it acts for them: with its own account, under their name.
#[must_use]
pub fn certificate(common_name: String) -> Actor {
    Actor {
        kind: ActorKind::ClientCertificate,
        user: common_name,
        uid: own_uid(),
        host: system::host(),
    }
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
