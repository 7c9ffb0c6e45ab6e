//! A request that a server answers has two ways through the data plane: as the bytes it came in,
//! and, where it closes its connection, as a map of headers. What it comes to must be the same.

use std::io::{BufReader, Write as _};
use std::net::{TcpListener, TcpStream};

use serde_json::{Value, json};

use crate::collector::Collector;
use crate::world::World;

/// A message as its headers and body, however it was written: names lower-case, lines sorted, what
/// is random masked.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Said {
    first: String,
    lines: Vec<String>,
    body: String,
    /// Whether a name came as it was sent, in capitals.
    kept_case: bool,
}

fn read(stream: &mut impl std::io::BufRead) -> Option<Said> {
    let mut said =
        Said { first: String::new(), lines: Vec::new(), body: String::new(), kept_case: false };
    let (mut length, mut line) = (0, String::new());
    while stream.read_line(&mut line).ok()? > 2 {
        let text = std::mem::take(&mut line).trim_end().to_owned();
        if said.first.is_empty() {
            said.first = text;
            continue;
        }
        let (name, value) = text.split_once(':')?;
        let value = value.trim();
        said.kept_case |= name.starts_with("X-Kept");
        let name = name.to_ascii_lowercase();
        if name == "content-length" {
            length = value.parse().ok()?;
        }
        let masked = match name.as_str() {
            "x-request-id" if value.len() == 32 => "<id>",
            "traceparent" => masked_trace(value),
            // A server waits with `100 Continue` for a body that is on its way already.
            "date" | "expect" => continue,
            "set-cookie" if value.starts_with("gt_rev_") => "<session>",
            "connection" if value == "close" => continue,
            _ => value,
        };
        said.lines.push(format!("{name}: {masked}"));
    }
    said.lines.sort();
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    said.body = String::from_utf8(body).ok()?;
    (!said.first.is_empty()).then_some(said)
}

/// A trace that began elsewhere is passed on; the span is ours, where spans are recorded.
fn masked_trace(value: &str) -> &str {
    let (trace, flags) = (&value[3..35], &value[53..]);
    match (trace == THEIR_TRACE, value == THEIR_PARENT, flags) {
        (true, true, _) => "<theirs, as it came>",
        (true, false, "01") => "<theirs, recorded>",
        (false, _, "00") => "<ours>",
        (false, _, "01") => "<ours, recorded>",
        _ => value,
    }
}

/// Answers each request with what it got.
pub(crate) fn recording() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/base", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            std::thread::spawn(move || record(&stream.unwrap()));
        }
    });
    url
}

fn record(stream: &TcpStream) {
    let mut lines = BufReader::new(stream);
    while let Some(said) = read(&mut lines) {
        let case = if said.kept_case { "as sent" } else { "as a map" };
        let status = match said.first.split(['?', ' ']).nth(1) {
            Some(path) if path.ends_with("/none") => "204 No Content",
            Some(path) if path.ends_with("/broken") => "500 Internal Server Error",
            _ => "200 OK",
        };
        let body = format!("{}\n{}\n{}", said.first, said.lines.join("\n"), said.body);
        let (length, body) = if status.starts_with("204") {
            (String::new(), String::new())
        } else {
            (format!("Content-Length: {}\r\n", body.len()), body)
        };
        let answer = format!(
            "HTTP/1.1 {status}\r\nServer: theirs\r\nX-Greentic-Revision: forged\r\nSet-Cookie: a=b\r\n\
             Set-Cookie: c=d\r\nConnection: X-Private, keep-alive\r\nX-Private: 1\r\n\
             Keep-Alive: timeout=5\r\nX-Way: {case}\r\n{length}\r\n{body}"
        );
        let mut stream = stream;
        if stream.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

fn ask(address: &str, request: &str) -> Said {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    read(&mut BufReader::new(stream)).unwrap_or_else(|| panic!("no answer to {request}"))
}

/// The answer without the header that tells the ways apart, and that header.
fn told_apart(mut said: Said) -> (Said, Option<String>) {
    let way = said.lines.iter().position(|line| line.starts_with("x-way: "));
    let way = way.map(|at| said.lines.remove(at));
    (said, way)
}

const FIRST: [&str; 9] = [
    "GET /shop/a?b=c",
    "GET /shop",
    "GET /shop//x/../api/y?<q>",
    "GET http://shop.test/shop/api",
    "POST /shop/form",
    "PUT /shop/api/none",
    "DELETE /shop/broken",
    "PURGE /shop/%7Eme",
    "OPTIONS /shop/",
];

const THEIR_TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const THEIR_PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

const LINES: [&str; 10] = [
    "",
    "Accept: */*\r\naccept: text/html\r\nUser-Agent: \r\n",
    "X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil\r\nX-Forwarded-Prefix: /evil/\r\n",
    "Forwarded: for=6.6.6.6\r\nforwarded: for=7.7.7.7\r\nX-Request-Id: theirs\r\n",
    "Traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\nTracestate: a=b\r\n",
    "Traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-zz\r\nTracestate: a=b\r\n",
    "Traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n\
     Traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203332-01\r\nTracestate: a=b\r\n",
    "X-Greentic-Revision: r1\r\nx-greentic-tenant: nobody\r\n",
    "TE: trailers\r\nKeep-Alive: 5\r\nProxy-Authorization: x\r\nProxy-Connection: keep-alive\r\nTrailer: x\r\n",
    "Cookie: a=b\r\nCookie: gt_rev_x=y; c=d\r\nExpect: 100-continue\r\nX-Latin: \u{e9}\r\n",
];

/// A deployment of `shop.test/shop` with two packs, both the server at this URL.
pub(crate) fn shop(url: &str) -> World {
    let world = World::new();
    world.op("env init", &[]);
    world.op("bundles add", &["shop", "--host", "shop.test", "--path", "/shop"]);
    let folder = world.folder.path().join("shop");
    std::fs::create_dir_all(&folder).unwrap();
    let manifest = format!(
        "schema: greentic.bundle.v1\nbundle_id: shop\nversion: 1.0.0\npacks:\n\
         - {{pack_id: web, kind: upstream, url: '{url}'}}\n\
         - {{pack_id: api, kind: upstream, url: '{url}', public_path: /api}}\n"
    );
    std::fs::write(folder.join("bundle.yaml"), manifest).unwrap();
    let file = world.file("shop.gtbundle");
    world.gtc.run(&["bundle", "build", folder.to_str().unwrap(), "--output", &file]).unwrap();
    world.op("revisions stage", &[&file]);
    world.op("revisions warm", &["r1"]);
    world.op("traffic set", &["r1=100"]);
    world
}

/// What is told of a request, without what differs between any two.
fn told_of(mut said: Value) -> Value {
    for differs in ["timestamp", "duration_ms", "trace_id"] {
        assert!(said.as_object_mut().unwrap().remove(differs).is_some(), "{said:#}");
    }
    said
}

fn span_of(said: &Value) -> Value {
    let mut attributes = said["attributes"].as_array().unwrap().clone();
    attributes.retain(|pair| pair["key"] != "network.peer.port");
    let parent = said.get("parentSpanId").cloned();
    json!([said["name"], said["kind"], said["status"], said["flags"], parent, attributes])
}

#[test]
fn both_ways_come_to_the_same() {
    let world = shop(&recording());
    let mut collector = Collector::start();
    let url = collector.url();
    let silent: &[&str] = &[];
    // One thread tells of requests in their order.
    let telling = &["--threads", "1", "--access-log", "file", "--otlp-endpoint", &url][..];
    for (trusted, words) in [(false, silent), (false, telling), (true, telling), (true, silent)] {
        if trusted {
            world.op("env update", &["local", "--trusted-peer", "127.0.0.1"]);
        }
        let log = world.gtc.store_root().join("local/run/log/access.jsonl");
        let _ = std::fs::remove_file(&log);
        let serving = world.gtc.start(words).unwrap();
        for first in FIRST {
            for lines in LINES {
                let body =
                    if first.starts_with('P') { "content-length: 5\r\n\r\nhello" } else { "\r\n" };
                let request = |connection: &str| {
                    format!(
                        "{first} HTTP/1.1\r\nHost: Shop.Test\r\nX-Kept: 1\r\nX-Hop: 1\r\n\
                         Connection: {connection}x-hop\r\n{lines}{body}"
                    )
                };
                let short = ask(&serving.address, &request(""));
                let long = ask(&serving.address, &request("close, "));
                let ((short, one), (long, other)) = (told_apart(short), told_apart(long));
                assert_eq!(short, long, "{first}\n{lines}");
                if !short.first.ends_with("404 Not Found") {
                    assert_eq!(one.as_deref(), Some("x-way: as sent"), "{first}\n{lines}");
                    assert_eq!(other.as_deref(), Some("x-way: as a map"), "{first}\n{lines}");
                    assert!(!short.body.contains("x-hop"), "{first}\n{lines}");
                }
            }
        }
        serving.stop().unwrap();
        let lines = std::fs::read_to_string(&log).unwrap_or_default();
        let lines: Vec<Value> =
            lines.lines().map(|line| told_of(serde_json::from_str(line).unwrap())).collect();
        let all = if words.is_empty() { 0 } else { 2 * FIRST.len() * LINES.len() };
        assert_eq!(lines.len(), all);
        let mut spans = Vec::new();
        while spans.len() < all {
            spans.extend(collector.spans().iter().map(span_of));
        }
        for pair in lines.chunks(2).chain(spans.chunks(2)) {
            assert_eq!(pair[0], pair[1]);
        }
    }
}
