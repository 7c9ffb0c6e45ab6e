//! Who may give which command: the policies are asked before anything is found out for it.

use std::path::Path;

use control::{Context, VERBS, denied};
use deploy_spec::{Actor, EnvironmentId, Fault};
use policy::{Access, Request};
use store::{EnvironmentStore, Holder};

use crate::ambient;

/// The circumstances of the command `noun op` that account `uid` gives in `store`. A refusal is
/// written to the audit log, also that of a command that only looks.
///
/// # Errors
/// `refused`, with the smallest policy that would permit the command where no policy says
/// anything; as [`ambient::random`].
pub fn permit(store: &EnvironmentStore, words: (&str, &str), uid: u32) -> Result<Context, Fault> {
    permit_actor(store, words, &ambient::actor(uid))
}

/// The same, for whoever was recognised otherwise.
pub(crate) fn permit_actor(
    store: &EnvironmentStore,
    (noun, op): (&str, &str),
    actor: &Actor,
) -> Result<Context, Fault> {
    let root = store.folder().parent().unwrap_or(store.folder());
    let (user, uid) = (actor.principal(), actor.uid);
    let request = Request { user: &user, uid, noun, verb: op, environment: store.id() };
    let authorization = policy::authorize(root, &verbs(), &request);
    let context = ambient::context(actor.clone(), authorization)?;
    let Some(rejection) = denied((noun, op), store.id(), &context) else { return Ok(context) };
    let unwritten = match store.exists() {
        // Nothing is made for a command that is refused.
        false => None,
        true => write_down(store, &rejection, &context, (noun, op)).err(),
    };
    let mut fault = with_grant(rejection.fault, root, &request);
    if !store.exists() && (noun, op) != ("env", "create") {
        let id = store.id();
        let message = format!("{}; and there is no environment `{id}`", fault.message);
        fault = Fault { message, ..fault }.hint("gtc op env list");
    }
    if let Some(problem) = unwritten {
        fault = fault.detail("not_in_audit_log", problem.message);
    }
    Err(fault)
}

fn write_down(
    store: &EnvironmentStore,
    rejection: &control::Rejection,
    context: &Context,
    (noun, op): (&str, &str),
) -> Result<(), Fault> {
    let holder = Holder { since: context.now, ..ambient::holder(&format!("{noun} {op}")) };
    store.write(&holder)?.refuse(rejection)
}

/// The refusal with the policy that would have been needed, where none says anything.
fn with_grant(fault: Fault, root: &Path, request: &Request<'_>) -> Fault {
    if fault.details.get("policy").is_none_or(|policy| policy != policy::CLOSED) {
        return fault;
    }
    let grant = policy::smallest_grant(request);
    let file = root.join(policy::FILE);
    fault
        .hint(format!("who owns the store may add the smallest grant to {}", file.display()))
        .detail("smallest_grant", grant)
}

/// Why `actor` may, or may not, give the command `noun verb` in `environment`.
#[must_use]
pub fn explain(
    root: &Path,
    (noun, verb): (&str, &str),
    environment: &EnvironmentId,
    actor: &Actor,
) -> policy::Explanation {
    let (user, uid) = (actor.principal(), actor.uid);
    let request = Request { user: &user, uid, noun, verb, environment };
    policy::explain(root, &verbs(), &request)
}

fn verbs() -> Vec<policy::Verb<'static>> {
    let all = VERBS.iter().flat_map(|(noun, writes, reads)| {
        let write = writes.iter().map(|verb| (*verb, Access::Write));
        let read = reads.iter().map(|verb| (*verb, Access::Read));
        write.chain(read).map(|(verb, access)| policy::Verb { noun, verb, access })
    });
    all.collect()
}
