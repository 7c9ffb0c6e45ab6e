//! What the world is like: the time, random bits, who we are. The only room where they are asked.

use std::path::Path;

use control::{Context, Fresh, Verb};
use deploy_spec::{
    Actor, ActorKind, Authorization, EnvironmentId, Fault, Kind, Permission, Timestamp,
};
use store::EnvironmentStore;

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
pub fn free_bytes(path: &Path) -> Option<u64> {
    let found = nix::sys::statvfs::statvfs(path).ok()?;
    Some(found.blocks_available() * found.fragment_size())
}

/// What is asked of which environment, and where its policies are.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The folder of environments.
    pub root: &'a Path,
    /// The environment.
    pub environment: &'a EnvironmentId,
    /// The noun of the command.
    pub noun: &'a str,
    /// The verb of the command.
    pub verb: &'a str,
}

impl<'a> Asked<'a> {
    /// What verb `V` asks of the environment in `store`.
    #[must_use]
    pub fn of<V: Verb>(store: &'a EnvironmentStore) -> Self {
        let root = store.folder().parent().unwrap_or(store.folder());
        Self { root, environment: store.id(), noun: V::NOUN, verb: V::OP }
    }

    /// Whether the account with this number and name may.
    #[must_use]
    pub fn authorize(&self, uid: u32, user: &str) -> Authorization {
        policy::authorize(self.root, &verbs(), &self.by(uid, user))
    }

    /// Why it may, or may not.
    #[must_use]
    pub fn explain(&self, uid: u32, user: &str) -> policy::Explanation {
        policy::explain(self.root, &verbs(), &self.by(uid, user))
    }

    fn by(&self, uid: u32, user: &'a str) -> policy::Request<'a> {
        let Self { environment, noun, verb, .. } = *self;
        policy::Request { user, uid, noun, verb, environment }
    }

    /// The refusal with the policy that would have been needed, where none says anything.
    #[must_use]
    pub fn with_grant(&self, fault: Fault, actor: &'a Actor) -> Fault {
        let is_closed = fault.details.get("policy").is_some_and(|policy| policy == policy::CLOSED);
        if fault.kind != Kind::Refused || !is_closed {
            return fault;
        }
        let grant = policy::smallest_grant(&self.by(actor.uid, &actor.user));
        let file = self.root.join("policy.cedar");
        fault
            .hint(format!("who owns the store may add to {}: {grant}", file.display()))
            .detail("smallest_grant", grant)
    }
}

fn verbs() -> Vec<policy::Verb> {
    let all = control::VERBS.iter().flat_map(|(noun, writes, reads)| {
        let write = writes.iter().map(|verb| (*verb, policy::Access::Write));
        let read = reads.iter().map(|verb| (*verb, policy::Access::Read));
        write.chain(read).map(|(verb, access)| ((*noun).to_owned(), verb.to_owned(), access))
    });
    all.collect()
}

/// The circumstances of a command that account `uid` gives.
///
/// # Errors
/// As [`random`].
pub fn context(uid: u32, asked: &Asked<'_>) -> Result<Context, Fault> {
    let actor = actor(uid);
    let authorization = asked.authorize(uid, &actor.user);
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
    Ok(Context { now: now(), actor: actor(own_uid()), authorization, fresh: fresh()? })
}

fn fresh() -> Result<Fresh, Fault> {
    Ok(Fresh {
        event: u128::from_be_bytes(random()?),
        id: u128::from_be_bytes(random()?),
        salt: random()?,
    })
}
