//! Calls of gRPC through `gtc`, between a client and a server that know nothing of it.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use harness::{Authority, Issued};

use crate::upstreams::{deployment, staged_with};
use crate::world::{World, root};

fn python(words: &[&str]) -> Command {
    let library = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let mut command = Command::new("python3");
    command
        // Nothing is written beside the script.
        .args(["-B"])
        .arg(root().join("crates/gtc/tests/gtc/calls.py"))
        .args(words)
        .env("PYTHONPATH", library.join("python/grpc"));
    command
}

/// A server that ends when nobody holds its standard input any more.
struct Server {
    child: Child,
    port: u16,
}

impl Server {
    fn start(pair: Option<&Issued>) -> Self {
        let pair = pair.map(|pair| [&pair.key, &pair.certificate].map(|it| it.to_str().unwrap()));
        let words = [&["serve"][..], pair.as_ref().map_or(&[], |pair| &pair[..])].concat();
        let mut child =
            python(&words).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { child, port: line.trim().parse().expect("grpcio is installed: `cargo xtask test`") }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

fn call(address: SocketAddr) {
    let called = python(&["call", &address.to_string()]).output().unwrap();
    let complained = String::from_utf8_lossy(&called.stderr);
    assert!(called.status.success(), "{complained}");
}

/// Every kind of call, through the front door, to a server at `url`.
fn goes_through(world: &World, url: &str, more: &str) {
    world.op("env init", &[]);
    let added = world.op("bundles add", &["shop", "--host", "calls.test", "--path", "/"]);
    let id = added["deployment_id"].as_str().unwrap();
    let revision = staged_with(world, "1.0.0", url, more, id);
    world.op("revisions warm", &[&revision]);
    world.set(id, &["r1=100"]);
    let serving = world.gtc.start(&[]).unwrap();
    call(serving.address.parse().unwrap());
    serving.stop().unwrap();
}

#[test]
fn every_kind_of_call_goes_through_in_the_clear() {
    let (world, server) = (World::new(), Server::start(None));
    call(([127, 0, 0, 1], server.port).into());
    goes_through(&world, &format!("http://127.0.0.1:{}", server.port), ", protocol: h2c");
}

#[test]
fn every_kind_of_call_goes_through_over_tls() {
    let (world, authority) = (World::new(), Authority::new());
    let server = Server::start(Some(&authority.issue("DNS:localhost")));
    let folder = world.folder.path().join("1.0.0");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::copy(authority.file(), folder.join("ca.pem")).unwrap();
    let url = format!("https://localhost:{}", server.port);
    goes_through(&world, &url, ", tls: {ca: ca.pem}");
}

#[test]
fn a_server_of_http_2_that_is_spoken_to_in_http_1_is_never_ready() {
    let (world, server) = (World::new(), Server::start(None));
    let id = deployment(&world);
    let url = format!("http://127.0.0.1:{}", server.port);
    let revision = staged_with(&world, "1.0.0", &url, "", &id);
    world.refused(&["op", "revisions", "warm", &revision], "");
}
