//! `gtc start` as a service manager begins it: a socket is handed over, and signs of life come back.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use harness::Connection;
use serde_json::{Value, json};

use crate::world::World;

/// Hands over standard input as the socket `$NAME`, as sd_listen_fds(3) has it.
const HAND_OVER: &str = "exec 3<&0 </dev/null; export LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=$NAME \
                         WATCHDOG_PID=$$; exec \"$@\"";

struct Managed {
    child: Child,
    ready: Value,
}

fn begin(world: &World, socket: OwnedFd, name: &str, told: &str) -> Managed {
    let gtc = world.gtc.command(&["start", "--log", "error"]);
    let mut command = Command::new("sh");
    command.args(["-c", HAND_OVER, "sh"]).arg(gtc.get_program()).args(gtc.get_args());
    command.env("NAME", name).env("WATCHDOG_USEC", "100000").env("NOTIFY_SOCKET", told);
    command.stdin(socket).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    Managed { child, ready: serde_json::from_str(&line).unwrap_or_default() }
}

/// `gtc start` on a socket that somebody else keeps, once it is ready.
pub(crate) fn begin_serving(world: &World, socket: &TcpListener) -> Child {
    let socket = socket.try_clone().unwrap();
    let told = world.file("notify");
    let managed = begin(world, socket.into(), "http", &told);
    assert!(managed.ready["result"]["address"].is_string(), "{}", managed.ready);
    managed.child
}

impl Managed {
    fn stop(mut self) {
        Command::new("kill").arg(self.child.id().to_string()).status().unwrap();
        assert!(self.child.wait().unwrap().success());
    }
}

fn hear(told: &UnixDatagram) -> String {
    let mut buffer = [0; 256];
    let length = told.recv(&mut buffer).unwrap();
    String::from_utf8_lossy(&buffer[..length]).trim().to_owned()
}

#[test]
fn a_service_takes_its_socket_says_that_it_lives_and_leaves_who_waits_to_the_next() {
    let (world, bundles) = World::with_bundles();
    let (id, _) = world.deployed(&bundles, "hello.localhost", "/");
    world.set(&id, &["r1=100"]);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let told = world.file("notify");
    let hears = UnixDatagram::bind(&told).unwrap();
    hears.set_read_timeout(Some(Duration::from_secs(20))).unwrap();

    let managed = begin(&world, listener.try_clone().unwrap().into(), "http", &told);
    assert_eq!(managed.ready["result"]["address"], json!(address));
    assert_eq!(hear(&hears), "READY=1");
    assert_eq!([hear(&hears), hear(&hears)], ["WATCHDOG=1", "WATCHDOG=1"]);
    let mut connection = Connection::open(&address).unwrap();
    assert_eq!(connection.get("hello.localhost", "/").unwrap().status, 200);
    managed.stop();
    while hear(&hears) != "STOPPING=1" {}

    let mut waits = Connection::open(&address).unwrap();
    let again = begin(&world, listener.into(), "http", &told);
    assert_eq!(waits.get("hello.localhost", "/").unwrap().status, 200);
    again.stop();
}

#[test]
fn a_socket_of_another_name_is_refused() {
    let world = World::new();
    world.op("env init", &[]);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let managed = begin(&world, listener.into(), "metrics", "/nobody");
    let ended = managed.child.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(2));
    let said: Value = serde_json::from_slice(&ended.stderr).unwrap();
    let message = said["error"]["message"].as_str().unwrap();
    assert!(message.contains("a socket called `metrics`"), "{message}");
}
