//! One request that was answered, or given up.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use deploy_spec::{Ended, Served, Timestamp, Why};
use http::Version;

use crate::trace::Trace;

/// Bytes of a path that are kept.
const PATH_MAX: usize = 1024;
/// Bytes of any other text of a client that are kept.
const TEXT_MAX: usize = 256;
/// Bytes of a method that are kept.
const METHOD_MAX: usize = 32;

/// One request. What a client says in it is bounded.
#[derive(Debug, Clone)]
pub struct Record {
    /// When its head was here.
    pub at: Timestamp,
    /// From then to the end of the answer.
    pub took: Duration,
    /// Where it is in its trace.
    pub trace: Trace,
    /// Who asked, as far as trusted peers say so.
    pub client: IpAddr,
    /// Who the connection came from.
    pub peer: SocketAddr,
    /// Whether it came over TLS.
    pub is_tls: bool,
    /// The protocol.
    pub version: Version,
    /// What was asked for.
    pub method: Box<str>,
    /// Of whom, with the port if one was named.
    pub host: Box<str>,
    /// Where, without the query.
    pub path: Box<str>,
    /// What the client says that it is.
    pub user_agent: Option<Box<str>>,
    /// The prefix of the deployment and the public path of the pack, as far as they are known.
    pub route: Option<Box<str>>,
    /// Whose revision was chosen.
    pub served: Option<Arc<Served>>,
    /// The pack that answered.
    pub pack: Option<Box<str>>,
    /// The generation of the traffic split.
    pub generation: Option<u64>,
    /// Why that revision.
    pub why: Option<Why>,
    /// The status of the answer, once it has begun.
    pub status: Option<u16>,
    /// Bytes of the request's body that were read.
    pub bytes_in: u64,
    /// Bytes of the answer's body.
    pub bytes_out: u64,
    /// How it ended.
    pub ended: Ended,
    /// Why the data plane itself answered.
    pub error: Option<Box<str>>,
}

impl Record {
    /// As much of a path as is kept.
    #[must_use]
    pub fn path(text: &str) -> Box<str> {
        bounded(text, PATH_MAX).into()
    }

    /// As much of a method as is kept.
    #[must_use]
    pub fn method(text: &str) -> Box<str> {
        bounded(text, METHOD_MAX).into()
    }

    /// As much of any other text of a client as is kept. What is not UTF-8 in it is replaced.
    #[must_use]
    pub fn text(bytes: &[u8]) -> Box<str> {
        let bytes = bytes.get(..TEXT_MAX).unwrap_or(bytes);
        bounded(&String::from_utf8_lossy(bytes), TEXT_MAX).into()
    }

    /// Whether it came to an error of ours: a status of 500 or more, or an answer that broke off.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.status.is_some_and(|status| status >= 500) || self.ended == Ended::Failed
    }
}

fn bounded(text: &str, max: usize) -> &str {
    &text[..text.floor_char_boundary(max)]
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::trace::Sampler;

    /// A request of which everything is known.
    pub(crate) fn record() -> Record {
        let parent = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let share = deploy_spec::Bps::new(10_000).unwrap();
        Record {
            at: "2026-11-21T17:00:00.0004567Z".parse().unwrap(),
            took: Duration::from_micros(12_345),
            trace: Trace::begin(Some(parent), 7, Sampler::Share(share)),
            client: "203.0.113.7".parse().unwrap(),
            peer: "10.0.0.1:4711".parse().unwrap(),
            is_tls: true,
            version: Version::HTTP_2,
            method: "GET".into(),
            host: "shop.test:8443".into(),
            path: "/shop/api/cart".into(),
            user_agent: Some("curl/8".into()),
            route: Some("/shop/api".into()),
            served: Some(Arc::new(Served {
                customer: "acme".parse().unwrap(),
                tenant: Some("t1".parse().unwrap()),
                team: None,
                bundle: "shop".parse().unwrap(),
                deployment: "01JDAAAAAAAAAAAAAAAAAAAAAA".parse().unwrap(),
                revision: "01JDBBBBBBBBBBBBBBBBBBBBBB".parse().unwrap(),
                sequence: 3,
            })),
            pack: Some("api".into()),
            generation: Some(9),
            why: Some(Why::Cookie),
            status: Some(200),
            bytes_in: 5,
            bytes_out: 6,
            ended: Ended::Complete,
            error: None,
        }
    }

    #[test]
    fn what_a_client_says_is_bounded_and_stays_text() {
        assert_eq!(&*Record::path(&"ä".repeat(9_999)), "ä".repeat(PATH_MAX / 2));
        assert_eq!(Record::method(&"M".repeat(9_999)).len(), METHOD_MAX);
        assert_eq!(&*Record::text(b"a\xffb"), "a\u{fffd}b");
        let cut = Record::text("x\u{20ac}".repeat(9_999).as_bytes());
        assert!(cut.len() <= TEXT_MAX && cut.len() > TEXT_MAX - 4, "{}", cut.len());
    }
}
