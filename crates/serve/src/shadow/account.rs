//! What one revision said to a request, as far as it is compared.

use std::collections::BTreeSet;

use deploy_spec::HeaderName as Ignored;
use http::{HeaderMap, Response, header};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::farewell::Manner;

/// How much of a body is compared, in bytes; of a longer one, nothing is.
const BODY_MAX: u64 = 16 * 1024 * 1024;
/// How many names of headers are noted.
const NAMES_MAX: usize = 16;

/// Headers whose values say when and to whom something was said, or what the body says itself.
const ALWAYS_DIFFER: [&str; 10] = [
    "date",
    "age",
    "server-timing",
    "x-request-id",
    "traceparent",
    "tracestate",
    "set-cookie",
    "x-greentic-revision",
    "content-length",
    "transfer-encoding",
];

/// An answer.
#[derive(Debug)]
pub(super) struct Account {
    status: u16,
    headers: HeaderMap,
    /// None of a stream, whose end nobody knows, and of what is too long.
    body: Option<Heard>,
}

/// What was heard of a body.
#[derive(Debug, Default)]
struct Heard {
    bytes: u64,
    hash: Sha256,
}

/// One thing that is not the same: what the client was sent, and what the shadow said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Both<T> {
    /// What the client was sent.
    pub sent: T,
    /// What the shadow said.
    pub shadow: T,
}

/// What differs between two answers. Values of headers may be secrets, so only names are kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// The statuses, where they differ.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Both<u16>>,
    /// The names of headers that differ, sorted, 16 at most.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub headers: BTreeSet<String>,
    /// The bodies, where they differ.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Both<BodyFound>>,
}

/// A body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BodyFound {
    /// Its length.
    pub bytes: u64,
    /// Its SHA-256, in hex.
    pub sha256: String,
}

impl Account {
    pub(super) fn of<B>(response: &Response<B>) -> Self {
        Self {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: (!Manner::of(response).is_stream()).then(Heard::default),
        }
    }

    pub(super) fn add(&mut self, data: &[u8]) {
        let Some(heard) = &mut self.body else { return };
        heard.bytes += data.len() as u64;
        heard.hash.update(data);
        if heard.bytes > BODY_MAX {
            self.body = None;
        }
    }

    /// Whether its body is compared, as far as is known.
    pub(super) const fn has_a_body(&self) -> bool {
        self.body.is_some()
    }

    /// What differs; none when nothing does.
    pub(super) fn differences(self, shadow: Self, ignored: &BTreeSet<Ignored>) -> Option<Found> {
        let status = (self.status != shadow.status)
            .then_some(Both { sent: self.status, shadow: shadow.status });
        let headers = self.headers_that_differ(&shadow.headers, ignored);
        let bodies = self.body.zip(shadow.body);
        let bodies = bodies.map(|(sent, shadow)| Both { sent: sent.told(), shadow: shadow.told() });
        let body = bodies.filter(|both| both.sent != both.shadow);
        let found = Found { status, headers, body };
        (found != Found::default()).then_some(found)
    }

    fn headers_that_differ(
        &self,
        shadow: &HeaderMap,
        ignored: &BTreeSet<Ignored>,
    ) -> BTreeSet<String> {
        let names: BTreeSet<&str> =
            self.headers.keys().chain(shadow.keys()).map(header::HeaderName::as_str).collect();
        let is_compared = |name: &&str| {
            !ALWAYS_DIFFER.contains(name)
                && !ignored.iter().any(|ignored| ignored.as_str() == *name)
        };
        let differs =
            |name: &&str| !self.headers.get_all(*name).iter().eq(shadow.get_all(*name).iter());
        let found = names.into_iter().filter(is_compared).filter(differs);
        found.take(NAMES_MAX).map(str::to_owned).collect()
    }
}

impl Heard {
    fn told(self) -> BodyFound {
        let sha256 = self.hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        BodyFound { bytes: self.bytes, sha256 }
    }
}
