//! Tokens for one scope, by Docker's token protocol
//! (<https://distribution.github.io/distribution/spec/auth/token/>) or, with an identity token, by
//! OAuth 2 (<https://distribution.github.io/distribution/spec/auth/oauth/>).

use std::time::{Duration, Instant};

use bytes::Bytes;
use deploy_spec::Fault;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::{Credential, Secret, basic, login};
use crate::failure;
use crate::http::{Ask as Request, Http, Url};
use crate::reference::HostPort;

const CLIENT: &str = "gtc";
/// How long a token is good when the server does not say, by the protocol.
const USUAL: u64 = 60;
/// A token is not used in its last part, since requests take time too.
const SPARE: Duration = Duration::from_secs(10);

/// What a token is asked for.
pub(super) struct Ask {
    pub(super) realm: Url,
    pub(super) service: Option<String>,
    pub(super) scope: String,
}

pub(super) struct Token {
    pub(super) text: Secret,
    pub(super) good_until: Option<Instant>,
}

#[derive(Deserialize)]
struct Issued {
    #[serde(default)]
    token: Secret,
    #[serde(default)]
    access_token: Secret,
    #[serde(default)]
    expires_in: Option<u64>,
}

/// # Errors
/// `refused` when the server gives none; `unavailable` when it does not answer.
pub(super) async fn fetch(
    http: &Http,
    registry: &HostPort,
    ask: &Ask,
    credential: &Credential,
) -> Result<Token, Fault> {
    let asked = Instant::now();
    let answer = http.send(request(ask, credential)?).await?;
    let status = answer.status();
    let body = Zeroizing::new(answer.whole(http.limits().answer_bytes).await?.to_vec());
    if !status.is_success() {
        let what = format!("a token for {} of {registry}", ask.scope);
        return Err(failure::of(&what, registry, status, &body).hint(login(registry)));
    }
    let issued: Issued = serde_json::from_slice(&body).map_err(|_| unusable(ask))?;
    let text = if issued.token.is_empty() { issued.access_token } else { issued.token };
    if text.is_empty() {
        return Err(unusable(ask));
    }
    // Ten years and "for ever" are the same to a process, and the sum must not overflow.
    let good = Duration::from_secs(issued.expires_in.unwrap_or(USUAL).min(10 * 365 * 86_400));
    Ok(Token { text, good_until: Some(asked + good.saturating_sub(SPARE)) })
}

fn unusable(ask: &Ask) -> Fault {
    Fault::refused(format!("{} answered without a token", ask.realm.origin))
}

fn request(ask: &Ask, credential: &Credential) -> Result<Request, Fault> {
    let escape = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let mut parameters = vec![format!("scope={}", escape(&ask.scope))];
    parameters.extend(ask.service.as_deref().map(|s| format!("service={}", escape(s))));
    let mut headers = HeaderMap::new();
    if let Credential::Identity(token) = credential {
        let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
        headers.insert(CONTENT_TYPE, kind);
        let token = Zeroizing::new(escape(token));
        parameters.push(format!("grant_type=refresh_token&client_id={CLIENT}"));
        parameters.push(format!("refresh_token={}", token.as_str()));
        let body = Bytes::from(parameters.join("&"));
        return Ok(Request { method: Method::POST, url: ask.realm.clone(), headers, body });
    }
    if let Credential::Password { user, password } = credential {
        parameters.push(format!("account={}", escape(user)));
        headers.insert(AUTHORIZATION, basic(user, password)?);
    }
    let sign = if ask.realm.target.contains('?') { '&' } else { '?' };
    let target = format!("{}{sign}{}", ask.realm.target, parameters.join("&"));
    let url = Url { origin: ask.realm.origin.clone(), target };
    Ok(Request { method: Method::GET, url, headers, body: Bytes::new() })
}
