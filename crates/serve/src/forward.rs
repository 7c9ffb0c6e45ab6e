//! What a workload is told about a request: which headers are believed, dropped and added.

use std::io::Write as _;
use std::net::IpAddr;

use http::{HeaderMap, HeaderName, HeaderValue, header};
use ingress::Peer;
use smallvec::SmallVec;
use telemetry::{Trace, put_hex};

use crate::says::{Names, Says, text};
use crate::shadow::X_SHADOW;

pub(crate) static X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
static X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
static X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
static X_FORWARDED_PREFIX: HeaderName = HeaderName::from_static("x-forwarded-prefix");
static FORWARDED: HeaderName = header::FORWARDED;
static X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
pub(crate) static TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
pub(crate) static TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
/// Which revision answers, and by which a trusted peer asks for one.
pub(crate) static X_REVISION: HeaderName = HeaderName::from_static("x-greentic-revision");

/// The headers that only a trusted peer may send: all that [`announce`] says, and what belongs to
/// it.
static OF_TRUSTED_PEERS: [&HeaderName; 10] = [
    &X_FORWARDED_FOR,
    &X_FORWARDED_PROTO,
    &X_FORWARDED_HOST,
    &X_FORWARDED_PREFIX,
    &FORWARDED,
    &X_REQUEST_ID,
    &TRACEPARENT,
    &TRACESTATE,
    &X_REVISION,
    &X_SHADOW,
];

/// Whether a header is one that only a trusted peer may send.
pub(crate) fn is_of_trusted_peers(name: &str) -> bool {
    // Most headers are told apart by their length or first letter.
    matches!(name.as_bytes().first(), Some(b'x' | b'X' | b'f' | b'F' | b't' | b'T'))
        && OF_TRUSTED_PEERS.iter().any(|theirs| theirs.as_str().eq_ignore_ascii_case(name))
}

/// Whether a peer is believed.
pub(crate) fn is_trusted(peer: &Peer, trusted: &[IpAddr]) -> bool {
    trusted.contains(&peer.address.ip().to_canonical())
}

/// Drops what a client may not say who is not trusted.
pub(crate) fn drop_untrusted(headers: &mut HeaderMap) {
    for name in OF_TRUSTED_PEERS {
        headers.remove(name);
    }
}

/// Where what is announced goes.
pub(crate) trait Tell {
    /// Says a header, instead of what may be said of it already; `value` writes text.
    fn tell(&mut self, name: &'static HeaderName, value: impl FnOnce(&mut Vec<u8>));
}

/// Headers to be put into a map.
#[derive(Default)]
pub(crate) struct Told(SmallVec<[(&'static HeaderName, HeaderValue); 8]>);

impl Told {
    pub(crate) fn put(self, headers: &mut HeaderMap) {
        for (name, value) in self.0 {
            headers.insert(name, value);
        }
    }
}

impl Tell for Told {
    fn tell(&mut self, name: &'static HeaderName, value: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = Vec::new();
        value(&mut bytes);
        if let Ok(value) = HeaderValue::from_maybe_shared(bytes::Bytes::from(bytes)) {
            self.0.push((name, value));
        }
    }
}

/// Header lines of a request that is being written.
pub(crate) struct Written<'o> {
    pub(crate) out: &'o mut Vec<u8>,
    names: Names,
    told: SmallVec<[&'static HeaderName; 8]>,
}

impl<'o> Written<'o> {
    pub(crate) fn new(out: &'o mut Vec<u8>) -> Self {
        Self { out, names: Names::default(), told: SmallVec::new() }
    }

    /// Whether a header of this name was told.
    pub(crate) fn has_told(&self, name: &str) -> bool {
        self.names.may_have(name)
            && self.told.iter().any(|told| told.as_str().eq_ignore_ascii_case(name))
    }
}

impl Tell for Written<'_> {
    fn tell(&mut self, name: &'static HeaderName, value: impl FnOnce(&mut Vec<u8>)) {
        let text = name.as_str();
        self.out.extend_from_slice(text.as_bytes());
        self.out.extend_from_slice(b": ");
        value(self.out);
        self.out.extend_from_slice(b"\r\n");
        self.names.add(text);
        self.told.push(name);
    }
}

/// What is announced beside what the request says itself.
pub(crate) struct About<'a> {
    pub(crate) peer: &'a Peer,
    /// The prefix of the deployment.
    pub(crate) prefix: &'a str,
    /// The public path of the pack, if that is removed from the path as well; else `/`.
    pub(crate) public_path: &'a str,
    /// The name of the revision.
    pub(crate) revision: &'a [u8],
    /// For the id of the request, if it has none.
    pub(crate) random: u128,
    /// Where the request is in its trace.
    pub(crate) trace: &'a Trace,
}

/// Tells what a workload may rely on.
pub(crate) fn announce(said: &impl Says, tell: &mut impl Tell, about: &About<'_>) {
    let address = about.peer.address.ip().to_canonical();
    let proto: &[u8] = if about.peer.tls { b"https" } else { b"http" };
    let host = said.host();
    tell.tell(&X_FORWARDED_FOR, |out| {
        put_list(out, said, &X_FORWARDED_FOR);
        put_address(out, address);
    });
    tell.tell(&FORWARDED, |out| {
        put_list(out, said, &FORWARDED);
        out.extend_from_slice(if address.is_ipv6() { b"for=\"[" } else { b"for=" });
        put_address(out, address);
        out.extend_from_slice(if address.is_ipv6() { b"]\";proto=" } else { b";proto=" });
        out.extend_from_slice(proto);
        if let Some(host) = host {
            out.extend_from_slice(b";host=\"");
            out.extend_from_slice(host.as_bytes());
            out.push(b'"');
        }
    });
    if said.first(&X_FORWARDED_PROTO).is_none() {
        tell.tell(&X_FORWARDED_PROTO, |out| out.extend_from_slice(proto));
    }
    if let (Some(host), None) = (host, said.first(&X_FORWARDED_HOST)) {
        tell.tell(&X_FORWARDED_HOST, |out| out.extend_from_slice(host.as_bytes()));
    }
    announce_prefix(said, tell, about);
    identify(said, tell, about);
    tell.tell(&X_REVISION, |out| out.extend_from_slice(about.revision));
}

/// What was removed from the front of the path. A trusted peer may have removed something before.
fn announce_prefix(said: &impl Says, tell: &mut impl Tell, about: &About<'_>) {
    let removed = match about.prefix {
        "/" => said.text(&X_FORWARDED_PREFIX).unwrap_or_default(),
        prefix => prefix,
    };
    if about.public_path != "/" {
        tell.tell(&X_FORWARDED_PREFIX, |out| {
            out.extend_from_slice(removed.trim_end_matches('/').as_bytes());
            out.extend_from_slice(about.public_path.as_bytes());
        });
    } else if about.prefix != "/" {
        tell.tell(&X_FORWARDED_PREFIX, |out| out.extend_from_slice(removed.as_bytes()));
    }
}

/// A request id, and the trace, unless the one that came in goes on as it is.
fn identify(said: &impl Says, tell: &mut impl Tell, about: &About<'_>) {
    if said.first(&X_REQUEST_ID).is_none() {
        tell.tell(&X_REQUEST_ID, |out| {
            let mut text = [0; 32];
            put_hex(&mut text, &about.random.to_be_bytes());
            out.extend_from_slice(&text);
        });
    }
    if let Some(traceparent) = about.trace.traceparent() {
        tell.tell(&TRACEPARENT, |out| out.extend_from_slice(&traceparent));
    }
}

/// What a list says already, ready for one more.
fn put_list(out: &mut Vec<u8>, said: &impl Says, name: &HeaderName) {
    for value in said.each(name) {
        out.extend_from_slice(text(value).unwrap_or_default().as_bytes());
        out.extend_from_slice(b", ");
    }
}

/// The length of `255.255.255.255`.
const MAX_IPV4: usize = 15;

fn put_address(out: &mut Vec<u8>, address: IpAddr) {
    if let IpAddr::V4(address) = address {
        out.reserve(MAX_IPV4);
        for (i, octet) in address.octets().into_iter().enumerate() {
            if i > 0 {
                out.push(b'.');
            }
            if octet >= 100 {
                out.push(b'0' + octet / 100);
            }
            if octet >= 10 {
                out.push(b'0' + octet / 10 % 10);
            }
            out.push(b'0' + octet % 10);
        }
        return;
    }
    let written = write!(out, "{address}");
    debug_assert!(written.is_ok(), "writing to memory cannot fail");
}
