//! What a registry's refusal means to a person.

use deploy_spec::{Fault, Kind};
use http::StatusCode;
use serde::Deserialize;

use crate::auth::login;
use crate::reference::HostPort;
use crate::text::told;

/// The errors of the distribution specification, and the one of OAuth 2.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Told {
    errors: Vec<One>,
    error: String,
    error_description: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct One {
    code: String,
    message: String,
}

/// The failure that a status is, when `what` was asked for: 401 and 403 are `refused`, 404 is
/// `not-found`, 429 and 5xx are `unavailable`, the rest is `refused`.
pub(crate) fn of(what: &str, registry: &HostPort, status: StatusCode, body: &[u8]) -> Fault {
    let why = reason(body).map(|why| format!(": {why}")).unwrap_or_default();
    let told = format!("{what}: {registry} says {status}{why}");
    match status.as_u16() {
        401 | 403 => Fault::refused(told).hint(login(registry)),
        404 => Fault::not_found(told),
        408 | 429 | 500..=599 => Fault::unavailable(told),
        _ => Fault::refused(told),
    }
    .detail("http_status", status.as_u16())
}

/// Which status a failure came from; 0 when it came from none.
pub(crate) fn status(fault: &Fault) -> u64 {
    fault.details.get("http_status").and_then(serde_json::Value::as_u64).unwrap_or_default()
}

/// Whether the same may succeed when it is tried again.
pub(crate) fn may_pass(fault: &Fault) -> bool {
    fault.kind == Kind::Unavailable
}

fn reason(body: &[u8]) -> Option<String> {
    let said: Told = serde_json::from_slice(body).ok()?;
    let (code, message) = match said.errors.first() {
        Some(one) => (one.code.as_str(), one.message.as_str()),
        None => (said.error.as_str(), said.error_description.as_str()),
    };
    let parts: Vec<&str> = [code, message].into_iter().filter(|part| !part.is_empty()).collect();
    (!parts.is_empty()).then(|| told(&parts.join(" ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_has_its_kind_and_its_words() {
        let registry = HostPort::parse("h:5000").unwrap();
        let errors = br#"{"errors":[{"code":"DENIED","message":"no\u0007"}]}"#;
        let oauth = br#"{"error":"invalid_grant"}"#;
        let told = |status: u16, body: &[u8]| {
            of("reading x", &registry, StatusCode::from_u16(status).unwrap(), body).to_string()
        };
        insta::assert_snapshot!([
            told(401, oauth), told(403, errors), told(404, b"<html>"), told(429, b""),
            told(503, b"{}"), told(400, errors),
        ].join("\n"), @r"
        refused: reading x: h:5000 says 401 Unauthorized: invalid_grant (docker login h:5000)
        refused: reading x: h:5000 says 403 Forbidden: DENIED no\u{7} (docker login h:5000)
        not-found: reading x: h:5000 says 404 Not Found
        unavailable: reading x: h:5000 says 429 Too Many Requests
        unavailable: reading x: h:5000 says 503 Service Unavailable
        refused: reading x: h:5000 says 400 Bad Request: DENIED no\u{7}
        ");
    }
}
