//! Env-packs from elsewhere: taken in and vouched for as bundles are, pinned by their digest, and
//! asked for what they are from the pinned bytes, whenever they are used.

mod code;

use control::env_packs::{PackFacts, check_source, slot_generation};
use control::{Lookup as _, Problem};
use deploy_spec::{Digest, EnvPackBinding, Environment, Fault, PackRef};
use env_pack::{Handler, Objection, Registry};
use plugin::{Described, Host, Limits, Plugin};
use store::EnvironmentStore;

use self::code::{Code, held, taken};
use crate::staging::{Fetched, Mode};
use crate::vouching::{Subject, vouch};

/// A component that was fetched from where it was named.
#[derive(Debug, Clone)]
pub struct FetchedPack {
    /// Where it is, spelled so that it can be found again from anywhere.
    pub place: String,
    /// The file, and the signatures that came with it.
    pub fetched: Fetched,
}

/// What must be known of the env-pack that `wanted` names, before it is bound. One with a digest is
/// the code that the environment holds; without, `fetch` brings it.
///
/// # Errors
/// `not-found` when there is no such component, and what `fetch` says. What is wrong with the slot or
/// with the component itself is in the facts.
pub fn pack_facts(
    store: &EnvironmentStore,
    wanted: &EnvPackBinding,
    mode: Mode,
    fetch: impl FnOnce(&str) -> Result<FetchedPack, Fault>,
) -> Result<PackFacts, Fault> {
    let environment = store.read()?.environment()?;
    let slot = wanted.slot;
    let mut facts = PackFacts {
        slot,
        pack_ref: wanted.pack_ref.clone(),
        digest: None,
        objection: None,
        problems: Vec::new(),
        generation: slot_generation(&environment, slot),
    };
    let PackRef::At(named) = &wanted.pack_ref else {
        let registry = Registry::builtin()?;
        facts.slot = registry.get(&wanted.kind).map_or(slot, |handler| handler.slot);
        facts.problems = listed(registry.check(slot, &wanted.kind, &wanted.answers));
        return Ok(facts);
    };
    // Nothing is fetched for a slot that would not take it.
    if let Err(fault) = check_source(slot, &wanted.pack_ref) {
        facts.objection = Some(Box::new(fault));
        return Ok(facts);
    }
    let code = match &wanted.digest {
        Some(digest) => held(store, wanted, digest)?,
        None => taken(store, wanted, named, mode, fetch)?,
    };
    facts.pack_ref = PackRef::At(code.place.clone());
    facts.digest = Some(code.digest.clone());
    let judged = judged(store, &environment, wanted, &code, mode);
    let judged = judged.and_then(|(described, plugin)| {
        let slot = described.handler.slot;
        Ok((slot, problems(wanted, described, &plugin)?))
    });
    match judged {
        Ok((slot, problems)) => (facts.slot, facts.problems) = (slot, problems),
        Err(fault) => facts.objection = Some(Box::new(fault)),
    }
    Ok(facts)
}

fn listed(objections: Vec<Objection>) -> Vec<Problem> {
    objections.into_iter().map(|(at, why)| Problem::new(at, why)).collect()
}

/// The handlers of all that an environment is bound to, besides those that are part of this program.
///
/// # Errors
/// As [`handler`].
pub fn registry(store: &EnvironmentStore, environment: &Environment) -> Result<Registry, Fault> {
    let mut registry = Registry::builtin()?;
    for binding in &environment.bindings {
        if let Some(handler) = handler(store, environment, binding)? {
            registry.register(handler)?;
        }
    }
    Ok(registry)
}

/// What the code that a binding is pinned to says of itself; none for a builtin.
///
/// # Errors
/// `not-found` when the environment does not hold the code any more, `unhealthy` when it was altered
/// or is not what was bound; `refused` when nobody who is trusted vouches for it (any more);
/// otherwise as [`Plugin::describe`].
pub fn handler(
    store: &EnvironmentStore,
    environment: &Environment,
    binding: &EnvPackBinding,
) -> Result<Option<Handler>, Fault> {
    let Some(digest) = &binding.digest else { return Ok(None) };
    let code = held(store, binding, digest)?;
    let (described, _) = judged(store, environment, binding, &code, Mode::LookOnly)?;
    let Described { kind, handler } = described;
    if kind == binding.kind && handler.slot == binding.slot {
        return Ok(Some(handler));
    }
    let why = format!(
        "slot `{}` is bound to `{}`, and its code says that it is `{kind}` for slot `{}`",
        binding.slot, binding.kind, handler.slot
    );
    let again = format!("gtc op env-packs update {} {}", store.id(), binding.slot);
    Err(Fault::unhealthy(why).hint(again))
}

/// What a component says of itself, once somebody who is trusted has vouched for it.
fn judged(
    store: &EnvironmentStore,
    environment: &Environment,
    binding: &EnvPackBinding,
    code: &Code,
    mode: Mode,
) -> Result<(Described, Plugin), Fault> {
    let subject = Subject { name: binding.kind.path(), digest: &code.digest };
    match vouch(store, environment, subject, &code.signatures, mode)? {
        Ok(Some(_)) => {}
        Ok(None) => return Err(unsigned(environment, &code.digest)),
        Err(objection) => return Err(*objection),
    }
    let plugin = Host::new(Limits::default())?.open(&code.place, &code.bytes)?;
    Ok((plugin.describe()?, plugin))
}

/// All that is wrong with a binding to this component.
fn problems(
    wanted: &EnvPackBinding,
    described: Described,
    plugin: &Plugin,
) -> Result<Vec<Problem>, Fault> {
    let Described { kind, handler } = described;
    let mut problems = Vec::new();
    if kind != wanted.kind {
        let why = format!("the pack is `{kind}`, not `{}`", wanted.kind);
        problems.push(Problem::new("/kind", why));
    }
    let mut registry = Registry::builtin()?;
    if registry.get(&kind).is_some() {
        let why = format!("`{}` is part of gtc, and this is something else", kind.path());
        problems.push(Problem::new("/pack_ref", why));
        return Ok(problems);
    }
    let slot = handler.slot;
    registry.register(handler)?;
    let mut wrong = registry.check(slot, &kind, &wanted.answers);
    // It may count on what its schema says.
    if wrong.is_empty() {
        wrong = plugin.check(&wanted.answers)?;
    }
    problems.extend(listed(wrong));
    Ok(problems)
}

fn unsigned(environment: &Environment, digest: &Digest) -> Fault {
    let id = &environment.environment_id;
    Fault::refused(format!("no key that `{id}` trusts has signed the env-pack {digest}"))
        .hint("gtc bundle sign FILE --key KEY, with a key of gtc op trust list")
        .detail("reason", "no-signature")
}
