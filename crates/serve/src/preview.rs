//! Previews: how a request brings one, and how a link becomes a cookie.

use control::{Handle, resolve_revision};
use deploy_spec::{EnvironmentId, Fault, Lifecycle, RevisionId, Timestamp};
use dispatch::{Preview, Scope};
use http::{HeaderName, HeaderValue, Request, Response, StatusCode, header};
use serde::Serialize;
use store::EnvironmentStore;
use workload::Body;

use crate::ambient::now_s;
use crate::keys::present_cookie_keys;
use crate::plan::Found;
use crate::says::Says;

/// The header that brings a preview.
pub(crate) static X_PREVIEW: HeaderName = HeaderName::from_static("x-greentic-preview");
/// The parameter of a link that brings one.
const PARAMETER: &str = "gt_preview";
/// How long a preview may last: as long as every key is kept.
pub const LONGEST_S: u64 = dispatch::LIFETIME_S;

/// A preview that was made.
#[derive(Debug, Clone, Serialize)]
pub struct MadePreview {
    /// Whose preview.
    pub environment_id: EnvironmentId,
    /// The revision that it reaches.
    pub revision_id: RevisionId,
    /// What `r1` means.
    pub sequence: u64,
    /// What a link says behind its `?`.
    pub query: String,
    /// A header that does the same.
    pub header: String,
    /// Until when.
    pub expires_at: Timestamp,
}

/// Makes a preview of a revision that is ready, for so many seconds.
///
/// # Errors
/// `refused` when it is not ready; what naming it and reading the keys come to.
pub fn make_preview(
    store: &EnvironmentStore,
    deployment: Option<&Handle>,
    revision: &Handle,
    seconds: u64,
) -> Result<MadePreview, Fault> {
    let view = store.read()?;
    let (record, revision) = resolve_revision(&view, deployment, revision)?;
    if revision.lifecycle != Lifecycle::Ready {
        let name = format!("r{}", revision.sequence);
        let why = format!("{name} is {}, and only what is ready has a preview", revision.lifecycle);
        return Err(Fault::refused(why).hint(format!("gtc op revisions warm {name}")));
    }
    let tenant = record.deployment.route_binding.tenant_selector.as_ref();
    let scope = Scope::new(store.id(), tenant.map(|tenant| &tenant.tenant), revision.deployment_id);
    let expires_s = now_s() + seconds.clamp(1, LONGEST_S);
    let preview = Preview { revision: revision.revision_id, expires_s };
    let text = preview.sign(&present_cookie_keys(store)?, &scope);
    let text = text.ok_or_else(|| Fault::unavailable("there is no key to sign a preview with"))?;
    Ok(MadePreview {
        environment_id: store.id().clone(),
        revision_id: revision.revision_id,
        sequence: revision.sequence,
        query: format!("{PARAMETER}={text}"),
        header: format!("{}: {text}", X_PREVIEW.as_str()),
        expires_at: i64::try_from(expires_s)
            .ok()
            .and_then(|at| Timestamp::from_second(at).ok())
            .unwrap_or_default(),
    })
}

/// The preview that a request brings by header or cookie.
pub(crate) fn brought<'r>(
    said: &'r impl Says,
    cookies: Option<&'r str>,
    name: &str,
) -> Option<&'r str> {
    if let Some(header) = said.text(&X_PREVIEW) {
        return Some(header);
    }
    dispatch::cookies(cookies?, name).next()
}

/// Whether a link might bring one.
pub(crate) fn is_in(query: Option<&str>) -> bool {
    query.is_some_and(|query| query.contains(PARAMETER))
}

/// The answer to a link that brings one: a cookie, and where to go on without it. Whether it is
/// believed shows there. A request that is more than a link is answered as it is.
pub(crate) fn taken<B>(
    request: &Request<B>,
    found: &Found<'_>,
    tls: bool,
) -> Option<Response<Body>> {
    let uri = Some(request.uri()).filter(|_| request.method().is_safe())?;
    let query = uri.query().filter(|query| is_in(Some(query)))?;
    let is_ours = |part: &&str| part.split_once('=').is_some_and(|(name, _)| name == PARAMETER);
    let (_, value) = query.split('&').find(is_ours)?.split_once('=')?;
    // Anything else could say more in a cookie than its value.
    let is_text = value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    let value = Some(value).filter(|_| is_text)?;
    let rest: Vec<&str> = query.split('&').filter(|part| !is_ours(part)).collect();
    let rest = rest.join("&");
    let path = uri.path();
    let place = if rest.is_empty() { path.to_owned() } else { format!("{path}?{rest}") };
    let secure = if tls { "; Secure" } else { "" };
    let (name, prefix) = (found.deployment.preview_name(), found.prefix);
    let cookie = format!(
        "{name}={value}; Path={prefix}; Max-Age={LONGEST_S}; HttpOnly; SameSite=Lax{secure}"
    );
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::FOUND;
    let headers = response.headers_mut();
    headers.insert(header::LOCATION, HeaderValue::from_str(&place).ok()?);
    headers.insert(header::SET_COOKIE, HeaderValue::from_str(&cookie).ok()?);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    Some(response)
}
