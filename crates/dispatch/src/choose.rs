//! Picking the revision: forced by somebody trusted, else by a preview, else by the session's cookie
//! or pin, else by the slot of the session; a request without a session draws a slot (DESIGN §8).

use deploy_spec::{DeploymentLifecycle, RevisionId, SessionSource, Why};

use crate::cookie::{LIFETIME_S, Sticky, cookies};
use crate::deployment::{Deployment, Live, Owners};
use crate::pin::Pin;
use crate::preview::Preview;
use crate::seal::CookieKeys;
use crate::session::{SessionId, slot_of};

/// How many cookies of our name are looked at: one for each path that a browser may know us by,
/// and no more, since checking one costs a hash.
pub(crate) const COOKIES_TRIED: usize = 8;

/// What is known of a request, as far as the choice needs it.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// The revision that a trusted peer asks for: an id, `r3` or a tag.
    pub forced: Option<&'a str>,
    /// The preview that it brings.
    pub preview: Option<&'a str>,
    /// The `Cookie` header.
    pub cookie: Option<&'a str>,
    /// The session as the application names it, where the deployment says so.
    pub session_header: Option<&'a [u8]>,
    /// What is remembered of that session.
    pub pin: Option<Pin>,
    /// The time, in seconds since 1970.
    pub now_s: u64,
    /// 128 random bits: the session that a request without one begins.
    pub fresh: SessionId,
}

/// The revision that answers.
#[derive(Debug)]
pub struct Choice<'a, B> {
    /// The revision.
    pub live: &'a Live<B>,
    /// Why.
    pub why: Why,
    /// The cookie to give, as `name=value`; the caller adds the attributes.
    pub cookie: Option<String>,
    /// What to remember of the session that the application names.
    pub pin: Option<Pin>,
}

/// Why no revision answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoChoice {
    /// No traffic was set, or it was cleared.
    OffTheAir,
    /// The deployment is paused, or on its way out.
    Paused,
    /// The revision that was asked for cannot be reached.
    NoSuchRevision,
}

/// Picks the revision of `deployment` that answers.
///
/// # Errors
/// Why none does.
pub fn choose<'a, B>(
    deployment: &'a Deployment<B>,
    ask: &Ask<'_>,
    keys: &CookieKeys,
) -> Result<Choice<'a, B>, NoChoice> {
    if deployment.lifecycle != DeploymentLifecycle::Active {
        return Err(NoChoice::Paused);
    }
    if let Some(name) = ask.forced {
        let live = deployment.named(name).ok_or(NoChoice::NoSuchRevision)?;
        return Ok(Choice { live, why: Why::Forced, cookie: None, pin: None });
    }
    if let Some(live) = ask.preview.and_then(|text| previewed(deployment, text, ask, keys)) {
        return Ok(Choice { live, why: Why::Preview, cookie: None, pin: None });
    }
    let split = deployment.split.as_ref().ok_or(NoChoice::OffTheAir)?;
    match &deployment.session {
        SessionSource::Cookie => by_cookie(deployment, split, ask, keys),
        // An empty name is no name: else all who send one would share a slot.
        SessionSource::Header(_) => match ask.session_header.filter(|name| !name.is_empty()) {
            Some(session) => by_name(deployment, split, session, ask.pin),
            None => by_slot(deployment, split, &ask.fresh.0, Why::Drawn),
        },
        SessionSource::None => by_slot(deployment, split, &ask.fresh.0, Why::Drawn),
    }
}

/// A preview that is not believed, or whose revision is gone, is none.
fn previewed<'a, B>(
    deployment: &'a Deployment<B>,
    text: &str,
    ask: &Ask<'_>,
    keys: &CookieKeys,
) -> Option<&'a Live<B>> {
    let preview = Preview::verify(text, keys, &deployment.scope, ask.now_s).ok()?;
    deployment.ready(preview.revision)
}

fn by_slot<'a, B>(
    deployment: &'a Deployment<B>,
    split: &Owners,
    session: &[u8],
    why: Why,
) -> Result<Choice<'a, B>, NoChoice> {
    let owner = split.owner(slot_of(session, &split.salt));
    let live = deployment.revision(owner).ok_or(NoChoice::NoSuchRevision)?;
    Ok(Choice { live, why, cookie: None, pin: None })
}

fn by_name<'a, B>(
    deployment: &'a Deployment<B>,
    split: &Owners,
    session: &[u8],
    pin: Option<Pin>,
) -> Result<Choice<'a, B>, NoChoice> {
    if let Some(live) = pin.and_then(|pin| still_valid(deployment, split, pin)) {
        return Ok(Choice { live, why: Why::Pinned, cookie: None, pin: None });
    }
    let choice = by_slot(deployment, split, session, Why::Slot)?;
    let pin = Pin { revision: choice.live.revision_id, generation: split.generation };
    Ok(Choice { pin: Some(pin), ..choice })
}

fn by_cookie<'a, B>(
    deployment: &'a Deployment<B>,
    split: &Owners,
    ask: &Ask<'_>,
    keys: &CookieKeys,
) -> Result<Choice<'a, B>, NoChoice> {
    let sticky = ask.cookie.and_then(|header| {
        cookies(header, &deployment.cookie_name)
            .take(COOKIES_TRIED)
            .find_map(|text| Sticky::verify(text, keys, &deployment.scope, ask.now_s).ok())
    });
    let Some(sticky) = sticky else {
        let choice = by_slot(deployment, split, &ask.fresh.0, Why::Drawn)?;
        return Ok(remember(choice, ask.fresh, split, deployment, ask, keys));
    };
    if let Some(live) = still_valid(deployment, split, sticky.pin()) {
        let choice = Choice { live, why: Why::Cookie, cookie: None, pin: None };
        let half_over = sticky.expires_s < ask.now_s + LIFETIME_S / 2;
        let current = sticky.generation == split.generation;
        if current && half_over {
            return Ok(remember(choice, sticky.session, split, deployment, ask, keys));
        }
        return Ok(choice);
    }
    let choice = by_slot(deployment, split, &sticky.session.0, Why::Slot)?;
    Ok(remember(choice, sticky.session, split, deployment, ask, keys))
}

/// The revision that a cookie or pin names, where it still counts: in the split that chose it. One of
/// a newer split than ours comes from a replica that is ahead; it is believed, so that nobody flaps
/// while a shift spreads, as long as its revision can be reached.
pub(crate) fn still_valid<'a, B>(
    deployment: &'a Deployment<B>,
    split: &Owners,
    pin: Pin,
) -> Option<&'a Live<B>> {
    if pin.generation < split.generation {
        return None;
    }
    deployment.ready(pin.revision)
}

fn remember<'a, B>(
    mut choice: Choice<'a, B>,
    session: SessionId,
    split: &Owners,
    deployment: &Deployment<B>,
    ask: &Ask<'_>,
    keys: &CookieKeys,
) -> Choice<'a, B> {
    let revision: RevisionId = choice.live.revision_id;
    let expires_s = ask.now_s + LIFETIME_S;
    let sticky = Sticky { session, revision, generation: split.generation, expires_s };
    let value = sticky.sign(keys, &deployment.scope);
    choice.cookie = value.map(|value| format!("{}={value}", deployment.cookie_name));
    choice
}
