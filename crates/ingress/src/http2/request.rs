//! What is asked of a request of HTTP/2 besides what the library asks: the same as of HTTP/1.1.
//!
//! The library refuses upper-case names, pseudo headers that are unknown, repeated, missing or in
//! the wrong place, the headers of a connection, `te` but for `trailers`, and a body that is not as
//! long as it said.

use std::sync::Arc;

use h2::RecvStream;
use http::header::{CONTENT_LENGTH, COOKIE, EXPECT, HOST};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Request, Uri};

use super::body::{Incoming, Verdict};
use crate::body::Body;
use crate::codec::{Authority, Form, Reject, Target, content_length};
use crate::settings::Settings;
use crate::tls::Shown;

/// A request as a service sees it.
pub(super) struct Asked {
    pub(super) request: Request<Body>,
    /// What becomes of its body.
    pub(super) verdict: Arc<Verdict>,
    pub(super) expects_continue: bool,
}

/// Checks a request and gives it the form that a service expects.
///
/// # Errors
/// [`Reject`]: it breaks a rule, or could be read in two ways.
pub(super) fn read(
    request: Request<RecvStream>,
    settings: &Settings,
    shown: Option<&Shown>,
) -> Result<Asked, Reject> {
    let (mut parts, stream) = request.into_parts();
    if parts.headers.len() > settings.limits().headers {
        return Err(Reject::TooManyHeaders);
    }
    if parts.headers.values().any(has_blanks_around) {
        return Err(Reject::HeaderValue);
    }
    let host = host(&parts.uri, &parts.headers, shown)?;
    let uri = uri(parts.method.as_str(), &parts.uri, settings)?;
    let length = length(&parts.headers)?;
    if length.is_some_and(|length| length > settings.max_body_bytes) {
        return Err(Reject::BodyTooLarge);
    }
    let expects_continue = take_expectation(&mut parts.headers)? && !stream.is_end_stream();
    parts.uri = uri;
    parts.headers.insert(HOST, host);
    join_cookies(&mut parts.headers)?;
    let verdict = Arc::<Verdict>::default();
    let body = match stream.is_end_stream() {
        true => Body::empty(),
        false => Body::http2(Incoming::new(stream, length, verdict.clone(), settings)),
    };
    Ok(Asked { request: Request::from_parts(parts, body), verdict, expects_continue })
}

/// RFC 9113 §8.2.1: written to an HTTP/1.1 connection, these would be lost.
fn has_blanks_around(value: &HeaderValue) -> bool {
    let blank = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
    blank(value.as_bytes().first()) || blank(value.as_bytes().last())
}

/// Who the request is for: `:authority`, `Host`, or both if they agree (RFC 9113 §8.3.1). It must be
/// somebody whose certificate was shown.
fn host(uri: &Uri, headers: &HeaderMap, shown: Option<&Shown>) -> Result<HeaderValue, Reject> {
    let mut lines = headers.get_all(HOST).iter();
    let header = lines.next().map(|line| Authority::parse(line.as_bytes())).transpose()?;
    if lines.next().is_some() {
        return Err(Reject::HostRepeated);
    }
    let authority = match uri.authority().map(http::uri::Authority::as_str) {
        Some(text) if text.contains('@') => return Err(Reject::UserInfo),
        Some(text) => Some(Authority::parse(text.as_bytes())?),
        None => None,
    };
    let default_port = match uri.scheme_str() {
        Some("https") => 443,
        None | Some("http") => 80,
        Some(_) => return Err(Reject::Target),
    };
    let host = match (authority, header) {
        (Some(authority), Some(header)) if !authority.same_server(&header, default_port) => {
            return Err(Reject::HostDiffers);
        }
        (Some(host), _) | (None, Some(host)) => host,
        (None, None) => return Err(Reject::HostMissing),
    };
    if shown.is_some_and(|shown| shown.is_misdirected(&host)) {
        return Err(Reject::Misdirected);
    }
    HeaderValue::from_str(host.as_str()).map_err(|_| Reject::HostInvalid)
}

/// The target in origin form, its path normalised.
fn uri(method: &str, uri: &Uri, settings: &Settings) -> Result<Uri, Reject> {
    if method == "CONNECT" {
        return Err(Reject::Connect);
    }
    let text = uri.path_and_query().ok_or(Reject::Target)?;
    if text.as_str().len() > settings.max_target_bytes {
        return Err(Reject::TargetTooLong);
    }
    let target = Target::parse(method, text.as_str())?;
    if matches!(target.form, Form::Absolute(..)) {
        return Err(Reject::Target);
    }
    let unchanged = target.path_and_query() == text.as_str();
    let spelled = if unchanged {
        Ok(text.clone())
    } else {
        PathAndQuery::from_maybe_shared(target.path_and_query().into_owned())
    };
    spelled.map(Uri::from).map_err(|_| Reject::Target)
}

fn length(headers: &HeaderMap) -> Result<Option<u64>, Reject> {
    let mut lines = headers.get_all(CONTENT_LENGTH).iter();
    let length = lines.next().map(|line| content_length(line.as_bytes())).transpose()?;
    if lines.next().is_some() { Err(Reject::LengthRepeated) } else { Ok(length) }
}

/// True when the client waits for `100 Continue`, which is then between it and us only.
fn take_expectation(headers: &mut HeaderMap) -> Result<bool, Reject> {
    let met = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"100-continue");
    if !headers.get_all(EXPECT).iter().all(met) {
        return Err(Reject::Expectation);
    }
    Ok(headers.remove(EXPECT).is_some())
}

/// Clients may send each cookie on a line of its own; services see one line (RFC 9113 §8.2.3).
fn join_cookies(headers: &mut HeaderMap) -> Result<(), Reject> {
    let lines: Vec<&[u8]> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if lines.len() > 1 {
        let joined = HeaderValue::from_bytes(&lines.join(&b"; "[..]));
        headers.insert(COOKIE, joined.map_err(|_| Reject::HeaderValue)?);
    }
    Ok(())
}
