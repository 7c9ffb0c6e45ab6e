//! Servers that run already, put behind the dial: proven, shared out, down, drained.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use harness::{Connection, Prober, bounds};
use serde_json::{Value, json};

use crate::world::World;

/// How often something is looked at before it counts as never happened.
const LOOKS: u32 = 2_000;

/// A real nginx that says its name and what it was asked for, on a Unix socket or a port.
struct Nginx {
    child: Child,
    url: String,
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
            .expect("nginx is installed: `cargo xtask needs`");
        Self { child, url }
    }

    fn on_socket(world: &World, name: &str) -> Self {
        let socket: PathBuf = world.folder.path().join(format!("{name}.sock"));
        let socket = socket.to_str().unwrap();
        let nginx = Self::start(world, name, &format!("unix:{socket}"), format!("unix:{socket}"));
        while std::os::unix::net::UnixStream::connect(socket).is_err() {}
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
fn staged(world: &World, version: &str, url: &str, deployment: &str) -> String {
    let file = world.file(&format!("{version}.gtbundle"));
    let folder = written(world, version, url);
    world.gtc.run(&["bundle", "build", &folder, "--output", &file]).unwrap();
    let staged = world.op("revisions stage", &[&file, "--deployment", deployment]);
    staged["revision_id"].as_str().unwrap().to_owned()
}

fn written(world: &World, version: &str, url: &str) -> String {
    let folder = world.folder.path().join(version);
    std::fs::create_dir_all(&folder).unwrap();
    let manifest = format!(
        "schema: greentic.bundle.v1\nbundle_id: shop\nversion: {version}\ndrain_seconds: 1\npacks:\n\
         - {{pack_id: web, kind: upstream, url: '{url}', limits: {{timeout_ms: 2000}}}}\n"
    );
    std::fs::write(folder.join("bundle.yaml"), manifest).unwrap();
    folder.to_str().unwrap().to_owned()
}

fn deployment(world: &World) -> String {
    world.op("env init", &[]);
    let added = world.op("bundles add", &["shop", "--host", "shop.test", "--path", "/"]);
    added["deployment_id"].as_str().unwrap().to_owned()
}

fn text(address: &str, path: &str) -> (u16, String) {
    let answer = Connection::open(address).unwrap().get("shop.test", path).unwrap();
    (answer.status, String::from_utf8(answer.body).unwrap())
}

fn until(world: &World, revision: &str, lifecycle: &str) {
    for _ in 0..LOOKS {
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
    assert_eq!(failed[0]["detail"], "GET / answered 502");
    serving.stop().unwrap();
}

#[test]
fn what_cannot_be_reached_is_refused_when_the_bundle_is_built() {
    let world = World::new();
    for (url, why) in [
        ("https://a.test", "not over TLS"),
        ("http://169.254.169.254/latest", "a machine's own credentials"),
    ] {
        let folder = written(&world, "1.0.0", url);
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
    let mut said = [0; 4];
    for word in [b"ping", b"pong"] {
        socket.write_all(word).unwrap();
        lines.read_exact(&mut said).unwrap();
        assert_eq!(&said, word);
    }
    world.set(&id, &["r2=100"]);
    world.op("revisions drain", &["r1"]);
    // It is let go on for its `drain_seconds`, and then it ends.
    let mut rest = Vec::new();
    assert_eq!(lines.read_to_end(&mut rest).unwrap(), 0);
    until(&world, "r1", "inactive");
    serving.stop().unwrap();
}
