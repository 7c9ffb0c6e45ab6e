//! Servers that run already, put behind the dial: proven, shared out, down, drained.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use harness::{Connection, Issued, Prober, bounds, looks};
use serde_json::{Value, json};

use crate::world::World;

/// A real nginx that says its name and what it was asked for, on a Unix socket or a port.
pub(crate) struct Nginx {
    child: Child,
    pub(crate) url: String,
}

impl Nginx {
    fn start(world: &World, name: &str, listen: &str, url: String) -> Self {
        let folder = world.folder.path().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let config = folder.join("nginx.conf");
        std::fs::write(&config, configuration(&folder, name, listen)).unwrap();
        let child = Command::new("nginx")
            .args(["-e", "stderr", "-p"])
            .arg(&folder)
            .arg("-c")
            .arg(&config)
            .stderr(Stdio::null())
            .spawn()
            .expect("nginx is installed: `cargo xtask test`");
        Self { child, url }
    }

    pub(crate) fn on_socket(world: &World, name: &str) -> Self {
        let socket: PathBuf = world.folder.path().join(format!("{name}.sock"));
        let socket = socket.to_str().unwrap();
        let nginx = Self::start(world, name, &format!("unix:{socket}"), format!("unix:{socket}"));
        while std::os::unix::net::UnixStream::connect(socket).is_err() {}
        nginx
    }

    /// One that speaks TLS and HTTP/2, as what this certificate says.
    pub(crate) fn over_tls(world: &World, name: &str, address: SocketAddr, pair: &Issued) -> Self {
        let Issued { certificate, key } = pair;
        let (certificate, key) = (certificate.display(), key.display());
        let listen = format!(
            "{address} ssl http2; ssl_certificate {certificate}; ssl_certificate_key {key}"
        );
        let nginx = Self::start(world, name, &listen, format!("https://{address}"));
        while TcpStream::connect(address).is_err() {}
        nginx
    }

    fn on_port(world: &World, name: &str) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let nginx = Self::start(world, name, &free.to_string(), format!("http://{free}/base"));
        while TcpStream::connect(free).is_err() {}
        nginx
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn configuration(folder: &Path, name: &str, listen: &str) -> String {
    let folder = folder.display();
    format!(
        "daemon off; master_process off; pid {folder}/pid; error_log stderr crit;
         events {{}}
         http {{
           access_log off; client_body_temp_path {folder}/body;
           proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/f;
           uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
           keepalive_requests 50;
           server {{
             listen {listen};
             location / {{ return 200 '{name} $request_uri $host $http_x_forwarded_for\\n'; }}
           }}
         }}"
    )
}

/// A bundle that is one upstream, staged as a deployment's next revision.
pub(crate) fn staged(world: &World, version: &str, url: &str, deployment: &str) -> String {
    staged_with(world, version, url, "", deployment)
}

/// The same, with more to be said of the pack, and the files of the folder `version`.
pub(crate) fn staged_with(
    world: &World,
    version: &str,
    url: &str,
    more: &str,
    deployment: &str,
) -> String {
    let file = world.file(&format!("{version}.gtbundle"));
    let folder = written(world, version, url, more);
    world.gtc.run(&["bundle", "build", &folder, "--output", &file]).unwrap();
    let staged = world.op("revisions stage", &[&file, "--deployment", deployment]);
    staged["revision_id"].as_str().unwrap().to_owned()
}

fn written(world: &World, version: &str, url: &str, more: &str) -> String {
    let folder = world.folder.path().join(version);
    std::fs::create_dir_all(&folder).unwrap();
    let manifest = format!(
        "schema: greentic.bundle.v1\nbundle_id: shop\nversion: {version}\ndrain_seconds: 1\npacks:\n\
         - {{pack_id: web, kind: upstream, url: '{url}', limits: {{timeout_ms: 2000}}{more}}}\n"
    );
    std::fs::write(folder.join("bundle.yaml"), manifest).unwrap();
    folder.to_str().unwrap().to_owned()
}

pub(crate) fn deployment(world: &World) -> String {
    world.op("env init", &[]);
    let added = world.op("bundles add", &["shop", "--host", "shop.test", "--path", "/"]);
    added["deployment_id"].as_str().unwrap().to_owned()
}

pub(crate) fn text(address: &str, path: &str) -> (u16, String) {
    let answer = Connection::open(address).unwrap().get("shop.test", path).unwrap();
    (answer.status, String::from_utf8(answer.body).unwrap())
}

fn until(world: &World, revision: &str, lifecycle: &str) {
    for () in looks() {
        if world.op("revisions show", &["local", revision])["revision"]["lifecycle"] == lifecycle {
            return;
        }
    }
    panic!("{revision} never was {lifecycle}");
}

#[test]
fn two_servers_share_the_traffic_and_nothing_is_lost_while_it_shifts() {
    let world = World::new();
    let id = deployment(&world);
    let first = Nginx::on_socket(&world, "one");
    let second = Nginx::on_port(&world, "two");
    for (version, url) in [("1.0.0", &first.url), ("2.0.0", &second.url)] {
        let revision = staged(&world, version, url, &id);
        let warmed = world.op("revisions warm", &[&revision]);
        assert_eq!(warmed["lifecycle"], "ready");
        let shown = world.op("revisions show", &["local", &revision]);
        assert_eq!(shown["revision"]["pack_list"][0]["url"], json!(url));
    }
    world.set(&id, &["r1=50", "r2=50"]);
    let serving = world.gtc.start(&[]).unwrap();
    let mut from_first = 0;
    for _ in 0..400 {
        let (status, said) = text(&serving.address, "/a?b=c");
        assert_eq!(status, 200);
        match said.as_str() {
            "one /a?b=c shop.test 127.0.0.1\n" => from_first += 1,
            "two /base/a?b=c shop.test 127.0.0.1\n" => {}
            other => panic!("{other}"),
        }
    }
    let (low, high) = bounds(400, 0.5, 1e-6);
    assert!((low..=high).contains(&from_first), "{from_first} of 400 at 50 %");

    let prober = Prober::start(&serving.address, "shop.test", "/").unwrap();
    for share in [10, 90, 0, 100, 50, 0] {
        let moved = world.set(&id, &[&format!("r1={share}"), &format!("r2={}", 100 - share)]);
        prober.obeys(moved["generation"].as_u64().unwrap()).unwrap();
    }
    world.op("revisions drain", &["r1"]);
    until(&world, "r1", "inactive");
    let (answered, failed) = prober.stop().unwrap();
    assert_eq!(failed, 0, "of {answered}");
    serving.stop().unwrap();
}

#[test]
fn a_server_that_is_down_is_a_bad_gateway_and_is_never_ready() {
    let world = World::new();
    let id = deployment(&world);
    let server = Nginx::on_port(&world, "one");
    let r1 = staged(&world, "1.0.0", &server.url, &id);
    world.op("revisions warm", &[&r1]);
    world.set(&id, &["r1=100"]);
    let serving = world.gtc.start(&[]).unwrap();
    assert_eq!(text(&serving.address, "/").0, 200);
    let url = server.url.clone();
    drop(server);
    assert_eq!(text(&serving.address, "/").0, 502);

    let r2 = staged(&world, "2.0.0", &url, &id);
    let (code, said) = world.refused(&["op", "revisions", "warm", &r2], "");
    assert_eq!(code, 7);
    let gate = said["error"]["details"]["gate"].as_array().unwrap();
    let failed: Vec<&Value> = gate.iter().filter(|it| it["status"] == json!("fail")).collect();
    assert_eq!(failed.len(), 1, "{said}");
    assert_eq!(failed[0]["check"], "readiness");
    let why = "GET / answered 502: it cannot be connected to: Connection refused (os error 111)";
    assert_eq!(failed[0]["detail"], why);
    serving.stop().unwrap();
}

#[test]
fn what_cannot_be_reached_is_refused_when_the_bundle_is_built() {
    let world = World::new();
    for (url, why) in [
        ("h2c://a.test", "begins with `http://`, `https://` or `unix:/`"),
        ("http://169.254.169.254/latest", "a machine's own credentials"),
    ] {
        let folder = written(&world, "1.0.0", url, "");
        let file = world.file("refused.gtbundle");
        let (code, said) = world.refused(&["bundle", "build", &folder, "--output", &file], "");
        assert_eq!(code, 2, "{said}");
        assert_eq!(said["error"]["details"]["pointer"], "/packs/0/url");
        assert!(said["error"]["message"].as_str().unwrap().contains(why), "{said}");
    }
}

/// Says yes to WebSocket and everything else back; anything else is answered and closed.
fn echoing() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            std::thread::spawn(move || echo(stream.unwrap()));
        }
    });
    url
}

fn echo(mut stream: TcpStream) {
    let mut lines = BufReader::new(stream.try_clone().unwrap());
    let (mut head, mut line) = (String::new(), String::new());
    while lines.read_line(&mut line).is_ok_and(|n| n > 2) {
        head.push_str(&line);
        line.clear();
    }
    if !head.contains("upgrade: websocket\r\n") {
        let _ =
            stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
        return;
    }
    let accept =
        b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";
    stream.write_all(accept).unwrap();
    let mut bytes = [0; 1024];
    while let Ok(n @ 1..) = lines.read(&mut bytes) {
        stream.write_all(&bytes[..n]).unwrap();
    }
}

#[test]
fn a_websocket_lives_until_its_revision_has_drained() {
    let world = World::new();
    let id = deployment(&world);
    for version in ["1.0.0", "2.0.0"] {
        let revision = staged(&world, version, &echoing(), &id);
        world.op("revisions warm", &[&revision]);
    }
    world.set(&id, &["r1=100"]);
    let serving = world.gtc.start(&[]).unwrap();
    let mut socket = TcpStream::connect(&serving.address).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let offer =
        "GET / HTTP/1.1\r\nhost: shop.test\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n";
    socket.write_all(offer.as_bytes()).unwrap();
    let mut lines = BufReader::new(socket.try_clone().unwrap());
    let mut line = String::new();
    lines.read_line(&mut line).unwrap();
    assert_eq!(line, "HTTP/1.1 101 Switching Protocols\r\n");
    while line != "\r\n" {
        line.clear();
        lines.read_line(&mut line).unwrap();
    }
    let mut said = [0; 6];
    for frame in [b"\x81\x04ping", b"\x81\x04pong"] {
        socket.write_all(frame).unwrap();
        lines.read_exact(&mut said).unwrap();
        assert_eq!(&said, frame);
    }
    world.set(&id, &["r2=100"]);
    world.op("revisions drain", &["r1"]);
    // It is let go on for most of its `drain_seconds`, and then told to come back: 1012.
    let mut rest = Vec::new();
    lines.read_to_end(&mut rest).unwrap();
    assert_eq!(rest, [0x88, 0x02, 0x03, 0xF4]);
    until(&world, "r1", "inactive");
    assert_eq!(drained(&world, "r1"), json!({"open": 1, "finished": 0, "closed": 1, "cut": 0}));
    serving.stop().unwrap();
}

fn drained(world: &World, revision: &str) -> Value {
    world.op("revisions show", &["local", revision])["revision"]["drained"].clone()
}

/// Sends one event, and then nothing: to `/half` only half of one, to `/file` half of a file.
fn streaming() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            std::thread::spawn(move || {
                let mut stream = stream.unwrap();
                let mut lines = BufReader::new(stream.try_clone().unwrap());
                let mut first = String::new();
                lines.read_line(&mut first).unwrap();
                let (kind, said) = match first.split(' ').nth(1).unwrap() {
                    "/events" => ("text/event-stream", "data: x\n\n"),
                    "/half" => ("text/event-stream", "data: x\n"),
                    "/file" => ("text/plain", "data: x\n"),
                    _ => ("text/plain", ""),
                };
                let length = if said.is_empty() { "content-length: 0\r\n" } else { "" };
                let head = format!("HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\n{length}\r\n{said}");
                stream.write_all(head.as_bytes()).unwrap();
                // Until the other side ends it.
                let _ = std::io::copy(&mut lines, &mut std::io::sink());
            });
        }
    });
    url
}

#[test]
fn events_end_with_a_hint_when_the_process_is_told_to_stop() {
    let world = World::new();
    let id = deployment(&world);
    let revision = staged(&world, "1.0.0", &streaming(), &id);
    world.op("revisions warm", &[&revision]);
    world.set(&id, &["r1=100"]);
    let serving = world.gtc.start(&[]).unwrap();
    let mut lines = stream(&serving.address, "/events");
    serving.stop().unwrap();
    let mut rest = String::new();
    lines.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "\n\r\nc\r\nretry: 500\n\n\r\n0\r\n\r\n");
}

/// A stream that has begun.
fn stream(address: &str, path: &str) -> BufReader<TcpStream> {
    let mut socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    write!(socket, "GET {path} HTTP/1.1\r\nhost: shop.test\r\n\r\n").unwrap();
    let mut lines = BufReader::new(socket);
    let mut line = String::new();
    // The chunk with the data: by then the answer is in flight.
    while !line.starts_with("data: x") {
        line.clear();
        assert_ne!(lines.read_line(&mut line).unwrap(), 0, "{path}");
    }
    lines
}

#[test]
fn events_end_with_a_hint_and_what_is_half_sent_is_cut() {
    let world = World::new();
    let id = deployment(&world);
    for version in ["1.0.0", "2.0.0"] {
        let revision = staged(&world, version, &streaming(), &id);
        world.op("revisions warm", &[&revision]);
    }
    world.set(&id, &["r1=100"]);
    let serving = world.gtc.start(&[]).unwrap();
    let streams = ["/events", "/half", "/file"].map(|path| stream(&serving.address, path));
    world.set(&id, &["r2=100"]);
    world.op("revisions drain", &["r1"]);
    let rests = streams.map(|mut lines| {
        let mut rest = Vec::new();
        let _ = lines.read_to_end(&mut rest);
        String::from_utf8(rest).unwrap()
    });
    assert_eq!(rests[0], "\n\r\nc\r\nretry: 500\n\n\r\n0\r\n\r\n");
    // No last chunk: whoever reads these knows that something is missing.
    assert_eq!(rests[1..], ["\r\n", "\r\n"]);
    until(&world, "r1", "inactive");
    assert_eq!(drained(&world, "r1"), json!({"open": 3, "finished": 0, "closed": 1, "cut": 2}));
    serving.stop().unwrap();
}

/// Sends 1 GiB of which it says the length, or to `/chunks` as much in chunks.
fn endless() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            std::thread::spawn(move || {
                let mut stream = stream.unwrap();
                let mut first = String::new();
                BufReader::new(stream.try_clone().unwrap()).read_line(&mut first).unwrap();
                let is_asked = first.starts_with("GET /chunks") || first.starts_with("GET /length");
                let framing = match is_asked {
                    true if first.contains("chunks") => "transfer-encoding: chunked",
                    true => "content-length: 1073741824",
                    false => "content-length: 0",
                };
                let head = format!("HTTP/1.1 200 OK\r\n{framing}\r\n\r\n");
                stream.write_all(head.as_bytes()).unwrap();
                let data = [b"data: x\n".as_slice(), &[b'x'; 0x10000 - 8]].concat();
                let chunk = [b"10000\r\n", &data[..], b"\r\n"].concat();
                while is_asked && stream.write_all(&chunk).is_ok() {}
            });
        }
    });
    url
}

#[test]
fn an_answer_that_its_client_does_not_take_is_cut_with_its_revision() {
    let world = World::new();
    let id = deployment(&world);
    for version in ["1.0.0", "2.0.0"] {
        let revision = staged(&world, version, &endless(), &id);
        world.op("revisions warm", &[&revision]);
    }
    world.set(&id, &["r1=100"]);
    let serving = world.gtc.start(&[]).unwrap();
    let streams = ["/length", "/chunks"].map(|path| stream(&serving.address, path));
    world.set(&id, &["r2=100"]);
    world.op("revisions drain", &["r1"]);
    until(&world, "r1", "inactive");
    // Not because somebody has waited for the clients.
    assert_eq!(drained(&world, "r1"), json!({"open": 2, "finished": 0, "closed": 0, "cut": 2}));
    drop(streams);
    serving.stop().unwrap();
}
