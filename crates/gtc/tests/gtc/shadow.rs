//! Shadow traffic and tags: what a second revision would have said, and revisions by name.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};

use harness::{Connection, bounds, looks};
use serde_json::{Value, json};

use crate::upstreams::{deployment, staged};
use crate::world::World;

/// A server of one version: its address, and the heads of the requests that it got.
struct Server {
    url: String,
    heard: Receiver<String>,
}

impl Server {
    fn start(version: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (tell, heard) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let tell = tell.clone();
                std::thread::spawn(move || serve(version, stream, &tell));
            }
        });
        Self { url, heard }
    }

    fn heard(&self) -> Vec<String> {
        self.heard.try_iter().collect()
    }
}

/// Both versions say the same, but for what the path names.
fn serve(version: &str, mut stream: TcpStream, tell: &Sender<String>) {
    let mut lines = BufReader::new(stream.try_clone().unwrap());
    loop {
        let mut head = String::new();
        while lines.read_line(&mut head).is_ok_and(|read| read > 2) {}
        let Some(path) = head.split(' ').nth(1).map(str::to_owned) else { return };
        tell.send(head).unwrap();
        let differs = |name: &str| version == "v2" && path.starts_with(name);
        let status = if differs("/status") { "500 Broken" } else { "200 OK" };
        let header = if differs("/header") { "x-colour: green" } else { "x-colour: blue" };
        let body = if differs("/body") { "other" } else { "always" };
        let length = if differs("/cut") { 100 } else { body.len() };
        if path == "/events" {
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\
                 content-length: 10\r\n\r\ndata: {version}\n\n"
            );
            stream.write_all(answer.as_bytes()).unwrap();
            continue;
        }
        let answer = format!(
            "HTTP/1.1 {status}\r\n{header}\r\nx-served-by: {version}\r\nset-cookie: s={version}\r\n\
             content-length: {length}\r\n\r\n{body}"
        );
        if stream.write_all(answer.as_bytes()).is_err() || differs("/cut") {
            return;
        }
    }
}

/// What `differences` counts, once it has counted so many requests.
fn compared(world: &World, requests: u64) -> Value {
    for () in looks() {
        let told = world.op("traffic differences", &[]);
        let row = &told["compared"][0];
        let count = |name: &str| row[name].as_u64().unwrap_or(0);
        let seen: u64 = ["same", "different", "failed", "skipped"].map(count).iter().sum();
        assert!(seen <= requests, "{told}");
        if seen == requests {
            return told;
        }
    }
    panic!("never compared {requests}: {}", world.op("traffic differences", &[]));
}

#[test]
fn a_shadow_is_compared_and_nobody_hears_it() {
    let world = World::new();
    let id = deployment(&world);
    let (old, new) = (Server::start("v1"), Server::start("v2"));
    let r1 = staged(&world, "1.0.0", &old.url, &id);
    let r2 = staged(&world, "2.0.0", &new.url, &id);
    for revision in [&r1, &r2] {
        world.op("revisions warm", &[revision]);
    }
    world.set(&id, &["r1=100"]);
    world.op("traffic shadow", &["r2=100", "--ignore-header", "X-Served-By"]);
    assert_eq!(world.op("traffic show", &[])["shadow"]["share_bps"], 10_000);
    let serving = world.gtc.start(&[]).unwrap();
    compared(&world, 0);
    for server in [&old, &new] {
        server.heard();
    }

    let mut connection = Connection::open(&serving.address).unwrap();
    for path in ["/same?token=abc", "/status", "/header", "/body", "/cut"] {
        // What a client says about shadows is not believed.
        let answer = connection.ask("shop.test", path, "x-greentic-shadow: 1\r\n").unwrap();
        assert_eq!((answer.status, &answer.revision), (200, &r1), "{path}");
        assert_eq!(answer.body, b"always", "{path}");
    }
    // Of a stream, only the head is compared.
    connection.ask("shop.test", "/events", "").unwrap();
    let told = compared(&world, 6);
    let row = &told["compared"][0];
    let wanted = json!({
        "sequence": 2, "same": 2, "different": 3, "status": 1, "headers": 1, "body": 1,
        "failed": 1, "skipped": 0, "revision_id": r2,
    });
    assert_eq!(row, &wanted, "{told}");
    let examples = told["examples"].as_array().unwrap();
    let of = |path: &str| examples.iter().find(|example| example["path"] == path).unwrap();
    assert_eq!(of("/status")["status"], json!({"sent": 200, "shadow": 500}));
    assert_eq!(of("/header")["headers"], json!(["x-colour"]));
    assert_eq!(of("/body")["body"]["shadow"]["bytes"], 5);
    assert_eq!(of("/body")["answered_by"], json!(r1));
    assert!(!told.to_string().contains("abc"), "a query may hold secrets: {told}");

    let (sent, shadowed) = (old.heard(), new.heard());
    assert!(sent.iter().all(|head| !head.contains("x-greentic-shadow")), "{sent:?}");
    let marked = |head: &String| {
        head.contains("x-greentic-shadow: 1\r\n")
            && head.contains(&format!("x-greentic-revision: {r2}\r\n"))
    };
    assert!(shadowed.len() >= 6 && shadowed.iter().all(marked), "{shadowed:?}");

    // What may change something is answered once.
    let mut stream = TcpStream::connect(&serving.address).unwrap();
    let post = "POST /same HTTP/1.1\r\nhost: shop.test\r\ncontent-length: 0\r\n\r\n";
    let get = "GET /same HTTP/1.1\r\nhost: shop.test\r\ncontent-length: 1\r\n\r\nx";
    stream.write_all(format!("{post}{get}").as_bytes()).unwrap();
    connection.get("shop.test", "/same").unwrap();
    compared(&world, 7);
    let shadowed = new.heard();
    assert!(shadowed.iter().all(|head| head.starts_with("GET") && !head.contains("length")));

    // Neither counts as traffic, and what is compared stays ready.
    let status = world.gtc.run(&["status"]).unwrap();
    let requests = |at: usize| status["revisions"][at]["requests"].as_u64().unwrap();
    assert_eq!(requests(1), 0, "{status}");
    let (code, said) = world.refused(&["op", "revisions", "drain", "r2"], "");
    assert_eq!((code, &said["error"]["kind"]), (5, &json!("refused")), "{said}");
    world.op("traffic unshadow", &[]);
    world.op("revisions drain", &["r2"]);
    serving.stop().unwrap();
}

#[test]
fn a_share_of_the_requests_is_compared() {
    let (world, bundles) = World::with_bundles();
    let (id, _) = world.deployed(&bundles, "hello.test", "/");
    world.set(&id, &["r1=100"]);
    world.op("traffic shadow", &["r2=25"]);
    let serving = world.gtc.start(&[]).unwrap();
    // The shadow is cast once it is prepared; the first that is drawn tells.
    let mut connection = Connection::open(&serving.address).unwrap();
    let drawn = |row: &Value| {
        let count = |name: &str| row[name].as_u64().unwrap_or(0);
        ["same", "different", "failed", "skipped"].map(count).iter().sum::<u64>()
    };
    let counted = || drawn(&world.op("traffic differences", &[])["compared"][0]);
    while counted() == 0 {
        connection.get("hello.test", "/").unwrap();
    }
    // One at a time, so that what is under way is told from what is counted.
    let mut before = counted();
    for () in looks() {
        let now = counted();
        if now == before {
            break;
        }
        before = now;
    }
    for _ in 0..400 {
        connection.get("hello.test", "/").unwrap();
    }
    // Another version says another thing, so every comparison ends as different.
    let (low, high) = bounds(400, 0.25, 1e-6);
    let mut seen = 0;
    for () in looks() {
        seen = u32::try_from(counted() - before).unwrap();
        if seen >= low {
            break;
        }
    }
    assert!((low..=high).contains(&seen), "{seen} of 400 at 25 %");
    let row = &world.op("traffic differences", &[])["compared"][0];
    assert_eq!(row["same"], 0, "{row}");
    serving.stop().unwrap();
}

#[test]
fn a_tag_is_typed_where_a_revision_is() {
    let (world, bundles) = World::with_bundles();
    let (id, revisions) = world.deployed(&bundles, "hello.test", "/");
    let (code, said) = world.refused(&["op", "traffic", "set", "stable=100"], "");
    assert_eq!(code, 3, "{said}");
    world.op("revisions tag", &["hello/r1", "--tag", "stable"]);
    world.op("revisions tag", &["r2", "--tag", "next"]);
    world.set(&id, &["stable=100"]);
    world.op("env update", &["local", "--trusted-peer", "127.0.0.1"]);
    let serving = world.gtc.start(&[]).unwrap();
    let mut connection = Connection::open(&serving.address).unwrap();
    let mut asked = |tag: &str| {
        let lines = format!("x-greentic-revision: {tag}\r\n");
        let answer = connection.ask("hello.test", "/", &lines).unwrap();
        (answer.status, answer.revision)
    };
    assert_eq!(asked("next"), (200, revisions[1].clone()));
    assert_eq!(asked("other").0, 503);
    let rows = &world.op("revisions list", &[])["revisions"];
    assert_eq!((&rows[0]["tags"], &rows[1]["tags"]), (&json!(["stable"]), &json!(["next"])));

    // What has a name is not put away, and a name that is taken moves.
    let (code, said) = world.refused(&["op", "revisions", "archive", "next"], "");
    assert_eq!(code, 5, "{said}");
    assert_eq!(
        said["error"]["hint"],
        json!(format!("gtc op revisions untag next --deployment {id}"))
    );
    let moved = world.op("revisions tag", &["r1", "--tag", "next"]);
    assert_eq!(
        (&moved["before"], &moved["revision_id"]),
        (&json!(revisions[1]), &json!(revisions[0]))
    );
    for () in looks() {
        if asked("next").1 == revisions[0] {
            break;
        }
    }
    assert_eq!(asked("next"), (200, revisions[0].clone()));
    world.op("revisions untag", &["next", "--deployment", "hello"]);
    let (code, said) = world.refused(&["op", "revisions", "untag", "next"], "");
    assert_eq!(code, 3, "{said}");
    for bad in ["r3", "Stable", "3", "a b"] {
        let (code, said) = world.refused(&["op", "revisions", "tag", "r1", "--tag", bad], "");
        assert_eq!(
            (code, &said["error"]["details"]["pointer"]),
            (2, &json!("/tag")),
            "{bad} {said}"
        );
    }
    serving.stop().unwrap();
}
