//! A request as a line of the access log.

use deploy_spec::access_log::AccessLogSchema;
use deploy_spec::{AccessLine, EnvironmentId};
use http::Version;

use crate::record::Record;

/// Appends the line, its end included. JSON escapes what could end it before.
pub(crate) fn write(out: &mut Vec<u8>, environment: &EnvironmentId, record: &Record) {
    let trace_id = record.trace.id_text();
    let served = record.served.as_deref();
    let peer = record.peer.ip().to_canonical();
    let line = AccessLine {
        schema: AccessLogSchema,
        timestamp: record.at,
        client_ip: record.client,
        peer_ip: (peer != record.client).then_some(peer),
        method: said(&record.method),
        scheme: scheme(record),
        host: said(&record.host),
        path: said(&record.path),
        protocol: protocol(record.version),
        user_agent: record.user_agent.as_deref(),
        status: record.status,
        bytes_in: record.bytes_in,
        bytes_out: record.bytes_out,
        duration_ms: milliseconds(record),
        ended: record.ended,
        error: record.error.as_deref(),
        environment,
        customer: served.map(|served| &served.customer),
        tenant: served.and_then(|served| served.tenant.as_ref()),
        team: served.and_then(|served| served.team.as_ref()),
        bundle: served.map(|served| &served.bundle),
        deployment: served.map(|served| served.deployment),
        revision: served.map(|served| served.revision),
        sequence: served.map(|served| served.sequence),
        pack: record.pack.as_deref(),
        generation: record.generation,
        why: record.why,
        trace_id: std::str::from_utf8(&trace_id).unwrap_or_default(),
    };
    let written = serde_json::to_writer(&mut *out, &line);
    debug_assert!(written.is_ok(), "a line is data, and memory takes it");
    out.push(b'\n');
}

/// What a request said that could be read.
fn said(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

pub(crate) const fn scheme(record: &Record) -> &'static str {
    if record.is_tls { "https" } else { "http" }
}

fn protocol(version: Version) -> &'static str {
    match version {
        Version::HTTP_2 => "HTTP/2",
        Version::HTTP_10 => "HTTP/1.0",
        _ => "HTTP/1.1",
    }
}

/// To the microsecond; a request takes less than the 285 years that a float holds of those.
fn milliseconds(record: &Record) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "requests do not take centuries")]
    let us = record.took.as_micros() as f64;
    us / 1000.0
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::record::tests::record;

    fn line(record: &Record) -> String {
        let mut out = Vec::new();
        write(&mut out, &"prod-eu".parse().unwrap(), record);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_line_says_all_that_is_known() {
        let said: Value = serde_json::from_str(&line(&record())).unwrap();
        let wanted = json!({
            "schema": "greentic.access-log.v1", "timestamp": "2026-11-21T17:00:00.000Z",
            "client_ip": "203.0.113.7", "peer_ip": "10.0.0.1", "method": "GET", "scheme": "https",
            "host": "shop.test:8443", "path": "/shop/api/cart", "protocol": "HTTP/2",
            "user_agent": "curl/8", "status": 200, "bytes_in": 5, "bytes_out": 6,
            "duration_ms": 12.345, "ended": "complete", "environment": "prod-eu",
            "customer": "acme", "tenant": "t1", "bundle": "shop",
            "deployment": "01JDAAAAAAAAAAAAAAAAAAAAAA", "revision": "01JDBBBBBBBBBBBBBBBBBBBBBB",
            "sequence": 3, "pack": "api", "generation": 9, "why": "cookie",
            "trace_id": "0af7651916cd43dd8448eb211c80319c",
        });
        assert_eq!(said, wanted);
    }

    #[test]
    fn nothing_that_a_client_says_can_make_another_line_or_field() {
        let hostile = "\",\"status\":1}\n{\"a\":\"\u{0}\u{1b}[2J\r\n\u{2028}";
        let (method, path) = (Record::method(hostile), Record::path(hostile));
        let text = Some(Record::text(hostile.as_bytes()));
        let hostile = Record { host: path.clone(), path, method, user_agent: text, ..record() };
        let line = line(&hostile);
        assert_eq!(line.matches('\n').count(), 1, "{line}");
        assert!(!line.trim_end().contains(char::is_control), "{line}");
        let said: Value = serde_json::from_str(&line).unwrap();
        assert_eq!((&said["status"], said.get("a")), (&json!(200), None));
    }

    #[test]
    fn a_line_has_a_bound() {
        let long = "\u{1}".repeat(100_000);
        let record = Record {
            method: Record::method(&long),
            path: Record::path(&long),
            host: Record::text(long.as_bytes()),
            user_agent: Some(Record::text(long.as_bytes())),
            ..record()
        };
        assert!(line(&record).len() < 12_000, "{}", line(&record).len());
    }
}
