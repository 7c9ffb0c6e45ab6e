//! Why a request is answered by the revision that it is: every step of [`choose`], for people.

use deploy_spec::{RevisionId, SessionSource, Why};

use crate::choose::{Ask, COOKIES_TRIED, NoChoice, choose, still_valid};
use crate::cookie::{BadCookie, Sticky, cookies};
use crate::deployment::Deployment;
use crate::seal::CookieKeys;
use crate::session::slot_of;

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// What every cookie of ours says that it brought, or why it is not believed.
    pub cookies: Vec<Result<Sticky, BadCookie>>,
    /// Whether the cookie that counts was superseded by a newer split, or by the end of its
    /// revision.
    pub is_superseded: bool,
    /// The slot of its session and who owns it, where a slot decided. A slot that was drawn is
    /// only an example.
    pub slot: Option<(u16, RevisionId)>,
    /// Who answers and why, or why nobody does.
    pub outcome: Result<(RevisionId, Why), NoChoice>,
}

/// Explains what [`choose`] does with the same arguments.
pub fn explain<B>(deployment: &Deployment<B>, ask: &Ask<'_>, keys: &CookieKeys) -> Explanation {
    let outcome = choose(deployment, ask, keys).map(|choice| (choice.live.revision_id, choice.why));
    let of_cookies = deployment.session == SessionSource::Cookie;
    let cookies: Vec<_> = ask
        .cookie
        .filter(|_| of_cookies)
        .into_iter()
        .flat_map(|header| cookies(header, &deployment.cookie_name).take(COOKIES_TRIED))
        .map(|text| Sticky::verify(text, keys, &deployment.scope, ask.now_s))
        .collect();
    let sticky = cookies.iter().find_map(|read| read.ok());
    let split = deployment.split.as_ref();
    let is_superseded = match (&sticky, split) {
        (Some(sticky), Some(split)) => still_valid(deployment, split, sticky.pin()).is_none(),
        _ => false,
    };
    let session = match (&outcome, &sticky) {
        (Ok((_, Why::Drawn)), _) => Some(ask.fresh.0.as_slice()),
        (Ok((_, Why::Slot)), Some(sticky)) => Some(sticky.session.0.as_slice()),
        (Ok((_, Why::Slot)), None) => ask.session_header,
        _ => None,
    };
    let slot = session.zip(split).map(|(session, split)| {
        let slot = slot_of(session, &split.salt);
        (slot, split.owner(slot))
    });
    Explanation { cookies, is_superseded, slot, outcome }
}
