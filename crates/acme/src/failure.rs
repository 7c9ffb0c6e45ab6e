//! Why there is no certificate, what to do about it, and how soon it is worth another try.

use std::time::Duration;

use deploy_spec::Fault;
use instant_acme::{Error, Problem};

use crate::schedule::Cause;
use crate::settings::{Challenge, Domain};

/// Characters of what an authority says that are told on, at most.
const TOLD_MAX: usize = 400;

/// Why there is no certificate.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) cause: Cause,
    pub(crate) fault: Fault,
    /// How long the authority asks to be left alone.
    pub(crate) told: Option<Duration>,
}

impl Failure {
    pub(crate) const fn new(cause: Cause, fault: Fault) -> Self {
        Self { cause, fault, told: None }
    }

    /// The authority could not convince itself that the name is ours.
    pub(crate) fn not_proven(
        name: &Domain,
        challenge: Challenge,
        problem: Option<&Problem>,
    ) -> Self {
        let why = problem.map_or_else(|| "it does not say why".into(), said);
        let (port, door) = match challenge {
            Challenge::TlsAlpn01 => (443, "--tls-listen"),
            Challenge::Http01 => (80, "--listen"),
        };
        let name = name.as_str();
        let fault =
            Fault::refused(format!("the authority could not prove `{name}` by {challenge}: {why}"))
                .hint(format!("port {port} of {name} must lead to {door} of this machine"));
        Self::new(Cause::Refused, fault)
    }

    /// The authority has no challenge of this kind.
    pub(crate) fn no_challenge(name: &Domain, challenge: Challenge) -> Self {
        let name = name.as_str();
        let fault = Fault::refused(format!("the authority does not prove `{name}` by {challenge}"))
            .hint("try --acme-challenge with the other way");
        Self::new(Cause::Refused, fault)
    }

    /// It ended in a way that no authority should.
    pub(crate) fn nonsense(why: &str) -> Self {
        let fault =
            Fault::unavailable(format!("the authority cannot be understood: {}", clean(why)))
                .hint("is --acme-directory the directory of an ACME server?");
        Self::new(Cause::Refused, fault)
    }
}

impl From<Fault> for Failure {
    /// What is wrong on this machine does not go sooner by asking an authority.
    fn from(fault: Fault) -> Self {
        Self::new(Cause::Refused, fault)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Api(problem) => of_problem(&problem),
            Error::Other(inner) => match inner.downcast::<Fault>() {
                Ok(fault) => Self::new(Cause::Away, *fault),
                Err(inner) => Self::nonsense(&inner.to_string()),
            },
            Error::Timeout(_) => {
                let fault = Fault::unavailable("the authority did not decide in time")
                    .hint("it is asked again by itself");
                Self::new(Cause::Refused, fault)
            }
            other => Self::nonsense(&other.to_string()),
        }
    }
}

fn of_problem(problem: &Problem) -> Failure {
    let kind = kind(problem);
    let fault = Fault::refused(format!("the authority refused: {}", said(problem)));
    let (cause, hint) = match kind {
        // Each of these may well go by itself.
        "badNonce" | "serverInternal" | "accountDoesNotExist" | "orderNotReady" => {
            (Cause::Away, "it is asked again by itself")
        }
        "rateLimited" => (
            Cause::Refused,
            "it is asked again by itself; --acme-directory \
            letsencrypt-staging is there for tries",
        ),
        "userActionRequired"
        | "externalAccountRequired"
        | "unauthorized"
        | "unsupportedContact"
        | "invalidContact" => (Cause::Refused, "look at what the authority wants of its accounts"),
        _ => (Cause::Refused, "leave that --acme-domain out, or name another --acme-directory"),
    };
    Failure::new(cause, fault.hint(hint))
}

/// What kind of problem it is, without the name space (RFC 8555 §6.7).
pub(crate) fn kind(problem: &Problem) -> &str {
    let kind = problem.r#type.as_deref().unwrap_or_default();
    kind.strip_prefix("urn:ietf:params:acme:error:").unwrap_or(kind)
}

fn said(problem: &Problem) -> String {
    let all: Vec<String> = [problem.detail.as_deref().unwrap_or("no reason is given")]
        .into_iter()
        .chain(problem.subproblems.iter().filter_map(|sub| sub.detail.as_deref()))
        .map(str::to_owned)
        .collect();
    clean(&format!("{} ({})", all.join("; "), kind(problem)))
}

/// What a stranger says, fit for a log and a terminal.
pub(crate) fn clean(text: &str) -> String {
    let plain = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut clean: String = plain.take(TOLD_MAX).collect();
    if text.chars().nth(TOLD_MAX).is_some() {
        clean.push('…');
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(kind: &str, detail: &str) -> Error {
        let text = serde_json::json!({"type": kind, "detail": detail, "status": 400});
        Error::Api(serde_json::from_value(text).unwrap())
    }

    #[test]
    fn what_goes_by_itself_is_tried_again_soon() {
        for (kind, cause) in [
            ("badNonce", Cause::Away),
            ("serverInternal", Cause::Away),
            ("rateLimited", Cause::Refused),
            ("rejectedIdentifier", Cause::Refused),
            ("something new", Cause::Refused),
        ] {
            let failure =
                Failure::from(problem(&format!("urn:ietf:params:acme:error:{kind}"), "no"));
            assert_eq!(failure.cause, cause, "{kind}");
            assert!(failure.fault.message.ends_with(&format!("no ({kind})")), "{}", failure.fault);
        }
    }

    #[test]
    fn what_a_stranger_says_is_short_and_moves_no_cursor() {
        let failure = Failure::from(problem("x", &format!("\x1b[2J\n{}", "y".repeat(10_000))));
        assert!(!failure.fault.message.contains(['\x1b', '\n']), "{}", failure.fault);
        assert!(failure.fault.message.chars().count() < 500);
    }
}
