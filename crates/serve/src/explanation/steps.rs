//! What was found, as a document and in words.

use deploy_spec::RevisionId;
use dispatch::{BadCookie, Explanation, NoChoice, Sticky, Why};

use super::{CookieRead, Explained, Question, Share, Slot};

pub(super) fn told<B>(
    asked: &Question,
    is_trusted: bool,
    found: &dispatch::Matched<'_, B>,
    why: &Explanation,
) -> Explained {
    let deployment = found.deployment;
    let share = |live: &dispatch::Live<B>| Share {
        revision_id: live.revision_id,
        sequence: live.sequence,
        weight_bps: deployment.weight(live.revision_id),
    };
    let shares: Vec<Share> = deployment.revisions().iter().map(share).collect();
    let name = |id: RevisionId| named(&shares, id);
    let answer = why.outcome.ok().filter(|(_, why)| *why != Why::Drawn).map(|(id, _)| id);
    let mut steps = vec![format!(
        "route: {} is bundle `{}`, deployment {}",
        found.prefix,
        deployment.bundle_id(),
        deployment.id()
    )];
    if let (Some(revision), false) = (&asked.revision, is_trusted) {
        steps.push(format!("header: `{revision}` is asked for, and this peer is not trusted to"));
    }
    if let (Some(_), false) = (&asked.preview, matches!(why.outcome, Ok((_, Why::Preview)))) {
        steps.push("preview: not of this deployment, or its time is over, ignored".into());
    }
    steps.extend(why.cookies.iter().map(|read| cookie_step(read, why.is_superseded, name)));
    if let Some((slot, owner)) = why.slot.filter(|_| answer.is_some()) {
        steps.push(format!(
            "slot: the session has slot {slot} of 10000, which {} owns",
            name(owner)
        ));
    }
    steps.push(last_step(why, &shares));
    Explained {
        deployment_id: deployment.id(),
        bundle_id: deployment.bundle_id().to_string(),
        path_prefix: found.prefix.clone(),
        split_generation: deployment.split_generation(),
        session_source: deployment.session().clone(),
        cookies: why.cookies.iter().map(|read| cookie(read, why.is_superseded)).collect(),
        slot: why
            .slot
            .filter(|_| answer.is_some())
            .map(|(slot, revision_id)| Slot { slot, revision_id }),
        revision_id: answer,
        sequence: shares.iter().find(|it| Some(it.revision_id) == answer).map(|it| it.sequence),
        why: reason(why.outcome),
        shares,
        steps,
    }
}

fn named(shares: &[Share], id: RevisionId) -> String {
    let known = shares.iter().find(|share| share.revision_id == id);
    known.map_or_else(|| id.to_string(), |share| format!("r{}", share.sequence))
}

fn cookie(read: &Result<Sticky, BadCookie>, is_superseded: bool) -> CookieRead {
    let verdict = match read {
        Ok(_) if is_superseded => "superseded",
        Ok(_) => "valid",
        Err(BadCookie::Malformed) => "malformed",
        Err(BadCookie::Unsigned) => "unsigned",
        Err(BadCookie::Expired) => "expired",
    };
    let sticky = read.as_ref().ok();
    CookieRead {
        verdict,
        revision_id: sticky.map(|it| it.revision),
        generation: sticky.map(|it| it.generation),
        expires_s: sticky.map(|it| it.expires_s),
    }
}

fn cookie_step(
    read: &Result<Sticky, BadCookie>,
    is_superseded: bool,
    name: impl Fn(RevisionId) -> String,
) -> String {
    match read {
        Ok(sticky) => {
            let (revision, generation) = (name(sticky.revision), sticky.generation);
            let then = if is_superseded { "superseded, so its slot decides" } else { "it counts" };
            format!("cookie: {revision} by split {generation}, signed by us: {then}")
        }
        Err(BadCookie::Malformed) => "cookie: malformed or cut off, ignored".into(),
        Err(BadCookie::Unsigned) => {
            "cookie: none of our keys signed it for this deployment, ignored".into()
        }
        Err(BadCookie::Expired) => "cookie: its time is over, ignored".into(),
    }
}

fn last_step(why: &Explanation, shares: &[Share]) -> String {
    match why.outcome {
        Ok((_, Why::Drawn)) => {
            let drawn = shares.iter().filter(|share| share.weight_bps > 0).map(|share| {
                let (whole, rest) = (share.weight_bps / 100, share.weight_bps % 100);
                format!("r{} {whole}.{rest:02} %", share.sequence)
            });
            format!("answer: drawn, {}", drawn.collect::<Vec<_>>().join(", "))
        }
        Ok((id, why)) => {
            let by = match why {
                Why::Forced => "a trusted peer asks for it",
                Why::Preview => "it brings a preview of it",
                Why::Cookie => "its cookie names it",
                Why::Pinned => "it is what the session is remembered to have",
                Why::Slot | Why::Drawn => "it owns the slot of the session",
            };
            format!("answer: {}, because {by}", named(shares, id))
        }
        Err(NoChoice::Paused) => "answer: none, the deployment is paused".into(),
        Err(NoChoice::OffTheAir) => "answer: none, no traffic is set".into(),
        Err(NoChoice::NoSuchRevision) => {
            "answer: none, the revision that is asked for cannot be reached".into()
        }
    }
}

const fn reason(outcome: Result<(RevisionId, Why), NoChoice>) -> &'static str {
    match outcome {
        Ok((_, why)) => why.name(),
        Err(NoChoice::Paused) => "paused",
        Err(NoChoice::OffTheAir) => "off-the-air",
        Err(NoChoice::NoSuchRevision) => "no-such-revision",
    }
}
