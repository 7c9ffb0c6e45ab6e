//! What is told of requests: the access log, traces and metrics, and what hostile traffic makes of
//! them.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;

use harness::Connection;
use serde_json::{Value, json};

use crate::collector::{Collector, attribute};
use crate::watching::{metrics, value};
use crate::ways::{recording, shop};
use crate::world::World;

/// How many requests a queue has room for; somewhat more.
const MORE_THAN_ROOM: usize = 10_000;

fn newest(world: &World) -> PathBuf {
    world.gtc.store_root().join("local/run/log/access.jsonl")
}

/// The whole lines of the access log, of older files first.
fn lines(world: &World) -> Vec<Value> {
    let newest = newest(world);
    let older = (1..9).rev().map(|back| format!("{}.{back}", newest.display()).into());
    let files = older.chain([newest.clone()]).filter(|file: &PathBuf| file.exists());
    let texts = files.map(|file| std::fs::read_to_string(file).unwrap());
    let texts: Vec<String> = texts.collect();
    let whole = texts.iter().flat_map(|text| text.split_inclusive('\n'));
    whole
        .filter(|line| line.ends_with('\n'))
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}")))
        .collect()
}

/// The lines, once there are so many.
fn lines_once(world: &World, there_are: usize) -> Vec<Value> {
    loop {
        let lines = lines(world);
        if lines.len() >= there_are {
            return lines;
        }
    }
}

/// Whatever comes back of these bytes, on a connection of their own.
fn send(address: &str, bytes: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(bytes.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn the_access_log_has_a_line_for_every_request_and_no_secret() {
    let (world, bundles) = World::with_bundles();
    let (id, revisions) = world.deployed(&bundles, "hello.test", "/shop");
    let generation = world.set(&id, &["r1=100"])["generation"].as_u64();
    let (code, said) = world.refused(&["logs", "--access"], "");
    assert_eq!((code, said["error"]["kind"].as_str()), (3, Some("not-found")));

    let serving = world.gtc.start(&["--access-log", "file"]).unwrap();
    let address = &serving.address;
    let close = "connection: close\r\n";
    let secrets =
        "cookie: a=s3cr3t\r\nauthorization: Bearer s3cr3t\r\nx-greentic-preview: s3cr3t\r\n";
    let first = send(
        address,
        &format!(
            "POST /shop/a?key=s3cr3t HTTP/1.1\r\nhost: Hello.Test:80\r\nuser-agent: me/1\r\n\
             {secrets}{close}content-length: 5\r\n\r\nhello"
        ),
    );
    assert!(first.starts_with("HTTP/1.1 200"), "{first}");
    let host = "host: hello.test\r\n";
    for (request, status) in [
        (format!("HEAD /shop HTTP/1.1\r\n{host}{close}\r\n"), "200"),
        (format!("GET /other HTTP/1.1\r\n{host}{close}\r\n"), "404"),
        (format!("GET /shop HTTP/1.1\r\n{host}{close}bad line\r\n\r\n"), "400"),
    ] {
        let answer = send(address, &request);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
    }
    serving.stop().unwrap();

    let text = std::fs::read_to_string(newest(&world)).unwrap();
    assert!(!text.contains("s3cr3t"), "{text}");
    let [posted, headed, lost, refused] = &lines(&world)[..] else { panic!("{text}") };
    let body = first.split_once("\r\n\r\n").unwrap().1.len();
    let mut told = posted.clone();
    let (at, took) = (told["timestamp"].take(), told["duration_ms"].take());
    assert_eq!((at.as_str().unwrap().len(), took.as_f64().unwrap() > 0.0), (24, true));
    assert_eq!(told["trace_id"].take().as_str().unwrap().len(), 32);
    let wanted = json!({
        "schema": "greentic.access-log.v1", "timestamp": null, "client_ip": "127.0.0.1",
        "method": "POST", "scheme": "http", "host": "hello.test:80", "path": "/shop/a",
        "protocol": "HTTP/1.1", "user_agent": "me/1", "status": 200, "bytes_in": told["bytes_in"],
        "bytes_out": body, "duration_ms": null, "ended": "complete", "environment": "local",
        "customer": told["customer"], "bundle": "hello", "deployment": id,
        "revision": revisions[0], "sequence": 1, "pack": "web", "generation": generation,
        "why": "drawn", "trace_id": null,
    });
    assert_eq!(told, wanted);
    assert_eq!((&headed["method"], &headed["bytes_out"]), (&json!("HEAD"), &json!(0)));
    assert_eq!((&headed["ended"], &headed["status"]), (&json!("complete"), &json!(200)));
    assert_eq!((&lost["status"], lost.get("revision")), (&json!(404), None));
    assert_eq!(lost["error"], "nothing is deployed at this address");
    assert_eq!((&refused["status"], refused.get("path")), (&json!(400), None));
    assert!(refused["error"].as_str().unwrap().contains("header"), "{refused}");

    let shown = world.gtc.end(&["logs", "r1", "--access", "-o", "table"], b"").unwrap();
    assert!(shown.stdout.contains("POST hello.test:80/shop/a 200"), "{}", shown.stdout);
    assert!(!shown.stdout.contains("/other"), "{}", shown.stdout);
}

#[test]
fn how_a_request_ended_is_told() {
    let world = shop(&recording());
    let serving = world.gtc.start(&["--access-log", "file"]).unwrap();
    // A client that goes away in the middle of what it sends.
    let mut gone = TcpStream::connect(&serving.address).unwrap();
    gone.write_all(b"POST /shop HTTP/1.1\r\nhost: shop.test\r\ncontent-length: 9\r\n\r\nabc")
        .unwrap();
    drop(gone);
    let told = &lines_once(&world, 1)[0];
    assert_eq!((&told["ended"], told.get("status")), (&json!("client-gone"), None), "{told}");
    assert_eq!((&told["pack"], &told["bytes_in"]), (&json!("web"), &json!(3)), "{told}");
    let answer = send(
        &serving.address,
        "GET /shop/broken HTTP/1.1\r\nhost: shop.test\r\nconnection: close\r\n\r\n",
    );
    assert!(answer.starts_with("HTTP/1.1 500"), "{answer}");
    let told = &lines_once(&world, 2)[1];
    assert_eq!((&told["ended"], &told["status"]), (&json!("complete"), &json!(500)), "{told}");
    serving.stop().unwrap();
}

#[test]
fn a_sample_is_made_by_the_trace_and_errors_are_in_it() {
    let world = shop(&recording());
    world.op("env update", &["local", "--trusted-peer", "127.0.0.1"]);
    // Of 2^56 ids that end in these, a tenth is in a sample of ten percent: the lowest.
    let tenth = (1_u128 << 56) / 10;
    for (words, errors) in [(&[][..], 4), (&["--access-log-sample-errors"][..], 2)] {
        let _ = std::fs::remove_file(newest(&world));
        let all = [&["--access-log", "file", "--access-log-sample", "10"][..], words].concat();
        let serving = world.gtc.start(&all).unwrap();
        let mut connection = Connection::open(&serving.address).unwrap();
        let mut wanted = BTreeSet::new();
        for (at, low) in [1, tenth - 1, tenth + 1, (1 << 56) - 1].into_iter().enumerate() {
            let trace = format!("{:032x}", 7_u128 << 64 | low);
            for path in ["/shop/well", "/shop/broken"] {
                let line = format!("traceparent: 00-{trace}-00000000000000ff-00\r\n");
                connection.ask("shop.test", path, &line).unwrap();
                if low < tenth || (path == "/shop/broken" && at < errors) {
                    wanted.insert((trace.clone(), path.to_owned()));
                }
            }
        }
        serving.stop().unwrap();
        let told: BTreeSet<(String, String)> = lines(&world)
            .iter()
            .map(|line| ["trace_id", "path"].map(|name| line[name].as_str().unwrap().to_owned()))
            .map(|[trace, path]| (trace, path))
            .collect();
        assert_eq!(told, wanted, "{words:?}");
    }
}

#[test]
fn the_access_log_outlives_being_killed_and_makes_room_for_itself() {
    let (world, bundles) = World::with_bundles();
    let (id, _) = world.deployed(&bundles, "hello.test", "/");
    world.set(&id, &["r1=100"]);
    let long = format!("/{}", "x".repeat(2_000));
    let agent = format!("user-agent: {}\r\n", "y".repeat(2_000));
    let mut asked = 0;
    let rotated = newest(&world).with_extension("jsonl.1");
    let mut serving = world.gtc.start(&["--access-log", "file"]).unwrap();
    while !rotated.exists() {
        let mut connection = Connection::open(&serving.address).unwrap();
        for _ in 0..1_000 {
            connection.ask("hello.test", &long, &agent).unwrap();
        }
        asked += 1_000;
        if asked == 2_000 {
            // As a crash does it, once everything is written.
            lines_once(&world, asked);
            let kill = ["-KILL", &serving.id().to_string()];
            assert!(Command::new("kill").args(kill).status().unwrap().success());
            drop(serving);
            // Half a line, as a full disk leaves it.
            let mut file = std::fs::File::options().append(true).open(newest(&world)).unwrap();
            file.write_all(b"{\"schema\":").unwrap();
            serving = world.gtc.start(&["--access-log", "file"]).unwrap();
        }
    }
    serving.stop().unwrap();
    let kept = [rotated, newest(&world)].map(|file| std::fs::read_to_string(file).unwrap());
    let mut spoilt = 0;
    let mut whole = 0;
    for line in kept.iter().flat_map(|text| text.lines()) {
        match serde_json::from_str::<Value>(line) {
            Ok(_) => whole += 1,
            Err(_) => spoilt += 1,
        }
    }
    assert_eq!((whole, spoilt), (asked, 1));
    assert!(kept[0].len() >= 16 << 20, "{}", kept[0].len());
}

#[test]
fn a_collector_is_told_of_traces_and_metrics() {
    let (world, bundles) = World::with_bundles();
    let (id, revisions) = world.deployed(&bundles, "hello.test", "/shop");
    world.set(&id, &["r1=100"]);
    world.op("env update", &["local", "--trusted-peer", "127.0.0.1"]);
    let mut collector = Collector::start();
    let headers = world.file("headers");
    std::fs::write(&headers, "x-api-key: s3cr3t\n").unwrap();
    let words = ["--otlp-endpoint", &collector.url(), "--otlp-headers", &headers];
    let (code, said) = world.refused(&[&["start"], &words[..]].concat(), "");
    assert_eq!((code, said["error"]["kind"].as_str()), (5, Some("refused")), "{said}");
    assert!(Command::new("chmod").args(["600", &headers]).status().unwrap().success());
    let serving =
        world.gtc.start(&[&words[..], &["--otlp-sample", "0", "--otlp-interval", "1"]].concat());
    let serving = serving.unwrap();

    let mut connection = Connection::open(&serving.address).unwrap();
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let parent = |id: &str, flags: &str| format!("traceparent: 00-{trace}-{id}-{flags}\r\n");
    // None begins here, and what is not recorded elsewhere is not recorded here.
    connection.get("hello.test", "/shop/a").unwrap();
    connection.ask("hello.test", "/shop/b", &parent("00000000000000aa", "00")).unwrap();
    let asked = connection.ask("hello.test", "/shop/c?q", &parent("00000000000000bb", "01"));
    assert_eq!(asked.unwrap().status, 200);
    let said = collector.next();
    assert_eq!(said["headers"]["x-api-key"], "s3cr3t", "{said:#}");
    let spans = if said["path"] == "/v1/traces" {
        said["told"]["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap().clone()
    } else {
        collector.spans()
    };
    let [span] = &spans[..] else { panic!("{spans:#?}") };
    // Ids are base64 in the JSON of protobuf.
    assert_eq!(
        (&span["traceId"], &span["parentSpanId"]),
        (&json!("CvdlGRbNQ92ESOshHIAxnA=="), &json!("AAAAAAAAALs="))
    );
    assert_eq!((&span["name"], &span["kind"]), (&json!("GET /shop"), &json!("SPAN_KIND_SERVER")));
    for (key, wanted) in [
        ("http.request.method", "GET"),
        ("http.route", "/shop"),
        ("http.response.status_code", "200"),
        ("url.path", "/shop/c"),
        ("url.scheme", "http"),
        ("server.address", "hello.test"),
        ("client.address", "127.0.0.1"),
        ("network.protocol.version", "1.1"),
        ("greentic.revision", &revisions[0]),
        ("greentic.deployment", &id),
        ("greentic.bundle", "hello"),
        ("greentic.pack", "web"),
        ("greentic.why", "drawn"),
        ("greentic.ended", "complete"),
    ] {
        assert_eq!(attribute(span, key), wanted, "{key}");
    }
    // What Prometheus reads is what the collector is told, and it goes on over a reload.
    world.set(&id, &["r1=50", "r2=50"]);
    for _ in 0..20 {
        connection.get("hello.test", "/shop/a").unwrap();
    }
    serving.stop().unwrap();
    let mut counted = Vec::new();
    while counted.iter().sum::<u64>() < 23 {
        let all = collector.metrics();
        let requests = all.iter().find(|it| it["name"] == "greentic_http_requests_total").unwrap();
        let points = requests["sum"]["dataPoints"].as_array().unwrap();
        let count = |point: &Value| point["asInt"].as_str().unwrap_or("0").parse::<u64>().unwrap();
        counted = points.iter().map(count).collect();
    }
    assert_eq!(counted.iter().sum::<u64>(), 23);
}

#[test]
fn the_trace_goes_on_to_who_answers() {
    let world = shop(&recording());
    world.op("env update", &["local", "--trusted-peer", "127.0.0.1"]);
    let mut collector = Collector::start();
    let serving = world.gtc.start(&["--otlp-endpoint", &collector.url()]).unwrap();
    let mut connection = Connection::open(&serving.address).unwrap();
    let parent = "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n";
    let lines = format!("{parent}tracestate: a=b\r\n");
    let answer = connection.ask("shop.test", "/shop", &lines).unwrap();
    let got = String::from_utf8(answer.body).unwrap();
    assert!(got.contains("traceparent: <theirs, recorded>\n"), "{got}");
    assert!(got.contains("tracestate: a=b\n"), "{got}");
    // What belongs to no trace that can be read is not passed on.
    let lines = "traceparent: nonsense\r\ntracestate: a=b\r\n";
    let answer = connection.ask("shop.test", "/shop", lines).unwrap();
    let got = String::from_utf8(answer.body).unwrap();
    assert!(got.contains("traceparent: <ours, recorded>\n"), "{got}");
    assert!(!got.contains("tracestate"), "{got}");
    serving.stop().unwrap();
    let mut spans = Vec::new();
    while spans.len() < 2 {
        spans.extend(collector.spans());
    }
    assert_eq!(spans[0]["traceId"], "CvdlGRbNQ92ESOshHIAxnA==");
    assert_eq!(spans[1].get("parentSpanId"), None);
}

#[test]
fn a_collector_that_hangs_or_is_away_costs_spans_and_no_request() {
    let (world, bundles) = World::with_bundles();
    let (id, _) = world.deployed(&bundles, "hello.test", "/");
    world.set(&id, &["r1=100"]);
    let mut collector = Collector::start();
    collector.answers("hang");
    let serving = world.gtc.start(&["--otlp-endpoint", &collector.url(), "--grace", "2"]).unwrap();
    let mut connection = Connection::open(&serving.address).unwrap();
    for _ in 0..MORE_THAN_ROOM {
        assert_eq!(connection.get("hello.test", "/").unwrap().status, 200);
    }
    let dropped = value(&metrics(&world), &["greentic_spans_dropped_total "]);
    assert!(dropped > 0.0, "{dropped}");
    // What has room is told when it comes back; it may be told twice what it answered too late.
    collector.answers("503");
    while collector.next().get("refused").is_none() {}
    collector.answers("200");
    let mut told = 0;
    while told < MORE_THAN_ROOM / 2 {
        told += collector.spans().len();
    }
    // It goes away for good: a stop does not wait longer than it may.
    let port = collector.port;
    drop(collector);
    connection.get("hello.test", "/").unwrap();
    let begun = std::time::Instant::now();
    serving.stop().unwrap();
    assert!(begun.elapsed().as_secs() < 20, "{:?}", begun.elapsed());

    // One that comes later than the first request is told of it all the same.
    let url = format!("http://127.0.0.1:{port}");
    let serving = world.gtc.start(&["--otlp-endpoint", &url]).unwrap();
    let mut connection = Connection::open(&serving.address).unwrap();
    connection.get("hello.test", "/late").unwrap();
    let mut collector = Collector::start_at(port);
    assert_eq!(attribute(&collector.spans()[0], "url.path"), "/late");
    serving.stop().unwrap();
}

#[test]
fn no_traffic_makes_a_series_or_a_name() {
    let (world, bundles) = World::with_bundles();
    let words = ["hello", "--host", "hello.test", "--path", "/", "--tenant", "acme"];
    let id = world.op("bundles add", &words)["deployment_id"].as_str().unwrap().to_owned();
    world.op("revisions stage", &[&bundles[0], "--deployment", &id]);
    world.op("revisions warm", &["r1"]);
    world.set(&id, &["r1=100"]);
    let mut collector = Collector::start();
    let words =
        ["--otlp-endpoint", &collector.url(), "--otlp-interval", "1", "--access-log", "file"];
    let serving = world.gtc.start(&words).unwrap();
    let series = |text: &str| -> BTreeSet<String> {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        lines.map(|line| line.rsplit_once(' ').unwrap().0.to_owned()).collect()
    };
    let before = series(&metrics(&world));
    let points = |all: &[Value]| -> usize {
        let data = all.iter().map(|it| ["sum", "gauge", "histogram"].map(|kind| &it[kind]));
        let of = |kind: &Value| kind["dataPoints"].as_array().map_or(0, Vec::len);
        data.flatten().map(of).sum()
    };
    let first = points(&collector.metrics());
    let mut connection = Connection::open(&serving.address).unwrap();
    for i in 0..1_500 {
        let lines =
            format!("x-greentic-tenant: t{i}\r\nx-greentic-team: x{i}\r\nuser-agent: u{i}\r\n");
        connection.ask(&format!("h{i}.test"), &format!("/p{i}"), &lines).unwrap();
        let lines = format!("x-greentic-tenant: acme\r\nx-greentic-team: x{i}\r\n");
        assert_eq!(connection.ask("hello.test", &format!("/p{i}"), &lines).unwrap().status, 200);
        send(
            &serving.address,
            &format!(
                "M{i} /m{i} HTTP/1.1\r\nhost: hello.test\r\nx-greentic-tenant: acme\r\nconnection: close\r\n\r\n"
            ),
        );
    }
    let after = metrics(&world);
    assert_eq!(series(&after), before);
    let lost = value(&after, &["greentic_http_requests_unrouted_total", "code=\"4xx\""]);
    assert!((lost - 1_500.0).abs() < 0.1, "{lost}");
    serving.stop().unwrap();
    let (mut names, mut told, mut last) = (BTreeSet::new(), 0, 0);
    while told < 4_500 {
        let said = collector.next();
        let scopes = |kind: &str, scope: &str, of: &str| {
            said["told"][kind][0][scope][0][of].as_array().cloned().unwrap_or_default()
        };
        for span in scopes("resourceSpans", "scopeSpans", "spans") {
            told += 1;
            names.insert(span["name"].as_str().unwrap().to_owned());
        }
        let all = scopes("resourceMetrics", "scopeMetrics", "metrics");
        last = if all.is_empty() { last } else { points(&all) };
    }
    assert_eq!(names, ["GET", "GET /", "HTTP /"].map(str::to_owned).into());
    assert_eq!(last.max(first), first);
}
