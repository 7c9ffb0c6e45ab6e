//! A request as a span: names and attributes are those of the semantic conventions for HTTP servers
//! where they have one, and `greentic.*` where they have none.

use std::time::Duration;

use deploy_spec::Served;
use http::Version;

use super::proto::Message;
use super::{Origin, Value, nanoseconds, put};
use crate::line::scheme;
use crate::record::Record;

const KIND_SERVER: u64 = 2;
const STATUS_ERROR: u64 = 2;

/// The methods that the conventions know; any other is `_OTHER`, so that nobody makes new names.
const METHODS: [&str; 10] =
    ["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"];

/// Says that it is known whether the parent is elsewhere, and that it is.
const PARENT_IS_REMOTE: u32 = 0x300;
const PARENT_IS_KNOWN: u32 = 0x100;
const SAMPLED: u32 = 1;

/// One message with all these spans.
pub(super) fn traces(origin: &Origin, spans: &[Vec<u8>]) -> Vec<u8> {
    let mut message = Message::default();
    message.message(1, |resource_spans| {
        origin.write(resource_spans, 2, |scope_spans| {
            spans.iter().for_each(|span| {
                scope_spans.bytes(2, span);
            });
        });
    });
    message.into_bytes()
}

pub(super) fn span(record: &Record) -> Vec<u8> {
    let Record { trace, .. } = record;
    let start = nanoseconds(record.at);
    let method = known(&record.method);
    let mut span = Message::default();
    span.bytes(1, &trace.trace_id.to_be_bytes()).bytes(2, &trace.span_id.to_be_bytes());
    if let Some(parent) = trace.parent_id {
        span.bytes(4, &parent.to_be_bytes());
    }
    span.bytes(5, name(method, record.route.as_deref()).as_bytes())
        .number(6, KIND_SERVER)
        .fixed64(7, start)
        .fixed64(8, start.saturating_add(whole(record.took)));
    put_attributes(&mut span, record, method);
    if record.is_error() {
        span.message(15, |status| {
            let why = record.error.as_deref().unwrap_or_default();
            status.bytes(2, why.as_bytes()).number(3, STATUS_ERROR);
        });
    }
    let parent = if trace.parent_id.is_some() { PARENT_IS_REMOTE } else { PARENT_IS_KNOWN };
    let sampled = if trace.is_sampled { SAMPLED } else { 0 };
    span.fixed32(16, parent | sampled);
    span.into_bytes()
}

fn whole(took: Duration) -> u64 {
    u64::try_from(took.as_nanos()).unwrap_or(u64::MAX)
}

fn known(method: &str) -> Option<&str> {
    METHODS.contains(&method).then_some(method)
}

fn name(method: Option<&str>, route: Option<&str>) -> String {
    let method = method.unwrap_or("HTTP");
    route.map_or_else(|| method.to_owned(), |route| format!("{method} {route}"))
}

fn put_attributes(span: &mut Message, record: &Record, method: Option<&str>) {
    let client = record.client.to_string();
    let peer = record.peer.ip().to_canonical().to_string();
    let (host, port) = server(&record.host);
    let kind = error_type(record);
    let original = method.is_none().then_some(&*record.method);
    let always: [(&str, Value<'_>); 11] = [
        ("http.request.method", method.unwrap_or("_OTHER").into()),
        ("url.scheme", scheme(record).into()),
        ("url.path", (&*record.path).into()),
        ("server.address", host.into()),
        ("client.address", client.as_str().into()),
        ("network.peer.address", peer.as_str().into()),
        ("network.peer.port", u64::from(record.peer.port()).into()),
        ("network.protocol.version", version(record.version).into()),
        ("http.request.body.size", record.bytes_in.into()),
        ("http.response.body.size", record.bytes_out.into()),
        ("greentic.ended", record.ended.name().into()),
    ];
    let texts = [
        ("http.request.method_original", original),
        ("http.route", record.route.as_deref()),
        ("user_agent.original", record.user_agent.as_deref()),
        ("error.type", kind.as_deref()),
        ("greentic.pack", record.pack.as_deref()),
        ("greentic.why", record.why.map(deploy_spec::Why::name)),
    ];
    let numbers = [
        ("server.port", port),
        ("http.response.status_code", record.status.map(u64::from)),
        ("greentic.generation", record.generation),
    ];
    let texts = texts.into_iter().filter_map(|(key, text)| Some((key, text?.into())));
    let numbers = numbers.into_iter().filter_map(|(key, number)| Some((key, number?.into())));
    for (key, value) in always.into_iter().chain(texts).chain(numbers) {
        put(span, 9, key, value);
    }
    if let Some(served) = &record.served {
        put_served(span, served);
    }
}

fn put_served(span: &mut Message, served: &Served) {
    put(span, 9, "greentic.customer", served.customer.as_str());
    if let Some(tenant) = &served.tenant {
        put(span, 9, "greentic.tenant", tenant.as_str());
    }
    if let Some(team) = &served.team {
        put(span, 9, "greentic.team", team.as_str());
    }
    put(span, 9, "greentic.bundle", served.bundle.as_str());
    put(span, 9, "greentic.deployment", &*served.deployment.to_string());
    put(span, 9, "greentic.revision", &*served.revision.to_string());
    put(span, 9, "greentic.sequence", served.sequence);
}

/// What sort of error: the status, or how it ended if that says no error.
fn error_type(record: &Record) -> Option<String> {
    let status = record.status.filter(|status| *status >= 500);
    let kind = || status.map_or_else(|| record.ended.name().into(), |it| it.to_string());
    record.is_error().then(kind)
}

/// The host, and its port where one was named.
fn server(host: &str) -> (&str, Option<u64>) {
    match host.rsplit_once(':').map(|(name, port)| (name, port.parse().ok())) {
        Some((name, Some(port))) => (name, Some(port)),
        _ => (host, None),
    }
}

const fn version(version: Version) -> &'static str {
    match version {
        Version::HTTP_2 => "2",
        Version::HTTP_10 => "1.0",
        _ => "1.1",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_of_few_methods_and_a_route_that_no_client_makes() {
        let named = |method: &str, route| name(known(method), route);
        assert_eq!(named("GET", Some("/shop/api")), "GET /shop/api");
        assert_eq!(named("BREW-4711", Some("/shop")), "HTTP /shop");
        assert_eq!(named("get", None), "HTTP");
    }

    #[test]
    fn a_server_is_a_name_and_its_port() {
        for (host, wanted) in [
            ("shop.test", ("shop.test", None)),
            ("shop.test:8443", ("shop.test", Some(8443))),
            ("[::1]", ("[::1]", None)),
            ("[::1]:80", ("[::1]", Some(80))),
        ] {
            assert_eq!(server(host), wanted);
        }
    }
}
