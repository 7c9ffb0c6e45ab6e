//! What the world is like: the time, random bits, who we are. The only room where they are asked.

use control::{Context, Fresh};
use deploy_spec::{Actor, ActorKind, Authorization, EnvironmentId, Fault, Permission, Timestamp};

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

/// The account with this number, on this machine.
#[must_use]
pub fn actor(uid: u32) -> Actor {
    let account = nix::unistd::User::from_uid(nix::unistd::Uid::from_raw(uid)).ok().flatten();
    let host = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
    Actor {
        kind: ActorKind::OsUser,
        user: account.map_or_else(|| uid.to_string(), |account| account.name),
        uid,
        host: host.unwrap_or_default(),
    }
}

/// The number of the account that runs this process.
#[must_use]
pub fn own_uid() -> u32 {
    nix::unistd::geteuid().as_raw()
}

/// How much space is left for this account where `path` is, in bytes; none when nobody knows.
#[must_use]
pub fn free_bytes(path: &std::path::Path) -> Option<u64> {
    let found = nix::sys::statvfs::statvfs(path).ok()?;
    Some(found.blocks_available() * found.fragment_size())
}

/// The circumstances of a command that account `uid` gives to `environment`.
///
/// # Errors
/// As [`random`].
pub fn context(uid: u32, environment: &EnvironmentId) -> Result<Context, Fault> {
    let authorization = authorize(environment);
    Ok(Context { now: now(), actor: actor(uid), authorization, fresh: fresh()? })
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
    Ok(Context { now: now(), actor: actor(own_uid()), authorization, fresh: fresh()? })
}

fn fresh() -> Result<Fresh, Fault> {
    Ok(Fresh {
        event: u128::from_be_bytes(random()?),
        id: u128::from_be_bytes(random()?),
        salt: random()?,
    })
}

/// The default policy: whoever can write the store may do anything to `local`, and nobody
/// anything elsewhere (law 9).
fn authorize(environment: &EnvironmentId) -> Authorization {
    let (decision, policy, reason) = if environment.is_local() {
        (
            Permission::Allow,
            "default/local-owner",
            "the owner of the store may do anything to `local`",
        )
    } else {
        (
            Permission::Deny,
            "default/closed",
            "nothing is allowed outside `local` until a policy grants it",
        )
    };
    Authorization { decision, policy: policy.into(), reason: reason.into() }
}
