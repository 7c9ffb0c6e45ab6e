//! What a workload is told about a request: which headers are believed, dropped and added.

use std::net::IpAddr;

use http::{HeaderMap, HeaderName, HeaderValue, header};
use ingress::Peer;

use crate::backend::Backend;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PREFIX: HeaderName = HeaderName::from_static("x-forwarded-prefix");
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
/// Which revision answers, and by which a trusted peer asks for one.
pub(crate) const X_REVISION: HeaderName = HeaderName::from_static("x-greentic-revision");

/// The headers that only a trusted peer may send.
const OF_TRUSTED_PEERS: [HeaderName; 9] = [
    X_FORWARDED_FOR,
    X_FORWARDED_PROTO,
    X_FORWARDED_HOST,
    X_FORWARDED_PREFIX,
    header::FORWARDED,
    X_REQUEST_ID,
    TRACEPARENT,
    TRACESTATE,
    X_REVISION,
];

/// Drops what this client may not say. True for a trusted peer, who may say all of it.
pub(crate) fn admit(headers: &mut HeaderMap, peer: IpAddr, trusted: &[IpAddr]) -> bool {
    let trusted = trusted.contains(&peer.to_canonical());
    if !trusted {
        for name in &OF_TRUSTED_PEERS {
            headers.remove(name);
        }
    }
    trusted
}

/// Adds what a workload may rely on.
pub(crate) fn announce(
    headers: &mut HeaderMap,
    peer: &Peer,
    prefix: &str,
    backend: &Backend,
    random: u128,
) {
    let address = peer.address.ip().to_canonical();
    let proto = if peer.tls { "https" } else { "http" };
    append_to_list(headers, &X_FORWARDED_FOR, &address.to_string());
    let host = headers.get(header::HOST).cloned();
    let node = if address.is_ipv6() { format!("\"[{address}]\"") } else { address.to_string() };
    let mut forwarded = format!("for={node};proto={proto}");
    if let Some(host) = host.as_ref().and_then(|host| host.to_str().ok()) {
        forwarded.push_str(&format!(";host=\"{host}\""));
    }
    append_to_list(headers, &header::FORWARDED, &forwarded);
    headers.entry(X_FORWARDED_PROTO).or_insert(HeaderValue::from_static(proto));
    if let (Some(host), false) = (host, headers.contains_key(X_FORWARDED_HOST)) {
        headers.insert(X_FORWARDED_HOST, host);
    }
    if prefix != "/"
        && let Ok(prefix) = HeaderValue::from_str(prefix)
    {
        headers.insert(X_FORWARDED_PREFIX, prefix);
    }
    identify(headers, random);
    headers.insert(X_REVISION, backend.name.clone());
}

/// A request id, and a trace (W3C Trace Context §3.2) that begins here if none came in.
fn identify(headers: &mut HeaderMap, random: u128) {
    let text = |text: String| HeaderValue::from_str(&text).ok();
    if !headers.contains_key(X_REQUEST_ID)
        && let Some(id) = text(format!("{random:032x}"))
    {
        headers.insert(X_REQUEST_ID, id);
    }
    if !headers.contains_key(TRACEPARENT) {
        let span = (random >> 64) ^ (random & u128::from(u64::MAX));
        if let Some(parent) = text(format!("00-{random:032x}-{span:016x}-00")) {
            headers.insert(TRACEPARENT, parent);
        }
    }
}

fn append_to_list(headers: &mut HeaderMap, name: &HeaderName, item: &str) {
    let mut list = String::new();
    for value in headers.get_all(name) {
        list.push_str(value.to_str().unwrap_or_default());
        list.push_str(", ");
    }
    list.push_str(item);
    if let Ok(value) = HeaderValue::from_str(&list) {
        headers.insert(name.clone(), value);
    }
}
