//! `gtc start` as a service manager begins it: a socket is handed over, and signs of life come back.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use harness::Connection;
use serde_json::{Value, json};

use crate::world::World;

/// Hands over standard input as the socket `$NAME`, as sd_listen_fds(3) has it.
const HAND_OVER: &str = "exec 3<&0 </dev/null; export LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=$NAME \
                         WATCHDOG_PID=$$; exec \"$@\"";

/// What a pipe holds, as pipe(7) has it.
const PIPE: usize = 65_536;

struct Managed {
    child: Child,
    ready: Value,
}

fn starting(world: &World, socket: OwnedFd, name: &str, told: &str) -> Command {
    let gtc = world.gtc.command(&["start", "--log", "error"]);
    let mut command = Command::new("sh");
    command.args(["-c", HAND_OVER, "sh"]).arg(gtc.get_program()).args(gtc.get_args());
    command.env("NAME", name).env("WATCHDOG_USEC", "100000").env("NOTIFY_SOCKET", told);
    command.stdin(socket).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn begin(world: &World, socket: OwnedFd, name: &str, told: &str) -> Managed {
    let mut child = starting(world, socket, name, told).spawn().unwrap();
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
    fn stop(self) {
        tell_to_stop(&self.child);
        ended_well(self.child);
    }
}

fn tell_to_stop(child: &Child) {
    Command::new("kill").arg(child.id().to_string()).status().unwrap();
}

fn ended_well(mut child: Child) {
    let ended = child.wait().unwrap();
    assert!(ended.success(), "{ended}");
}

/// What the manager is told, however slowly the test asks.
fn listen(told: &str) -> mpsc::Receiver<String> {
    let socket = UnixDatagram::bind(told).unwrap();
    let (hears, heard) = mpsc::channel();
    std::thread::spawn(move || {
        let mut buffer = [0; 256];
        while let Ok(length) = socket.recv(&mut buffer) {
            let said = String::from_utf8_lossy(&buffer[..length]).trim().to_owned();
            if hears.send(said).is_err() {
                return;
            }
        }
    });
    heard
}

fn hear(heard: &mpsc::Receiver<String>) -> String {
    heard.recv_timeout(Duration::from_secs(20)).unwrap()
}

/// A revision that has all the traffic, and where it is to be served.
fn deployed() -> (World, TcpListener, String) {
    let (world, bundles) = World::with_bundles();
    let (id, _) = world.deployed(&bundles, "hello.localhost", "/");
    world.set(&id, &["r1=100"]);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    (world, listener, address)
}

#[test]
fn a_service_takes_its_socket_says_that_it_lives_and_leaves_who_waits_to_the_next() {
    let (world, listener, address) = deployed();
    let told = world.file("notify");
    let heard = listen(&told);

    let managed = begin(&world, listener.try_clone().unwrap().into(), "http", &told);
    assert_eq!(managed.ready["result"]["address"], json!(address));
    assert_eq!(hear(&heard), "READY=1");
    assert_eq!([hear(&heard), hear(&heard)], ["WATCHDOG=1", "WATCHDOG=1"]);
    let mut connection = Connection::open(&address).unwrap();
    assert_eq!(connection.get("hello.localhost", "/").unwrap().status, 200);
    managed.stop();
    while hear(&heard) != "STOPPING=1" {}

    let mut waits = Connection::open(&address).unwrap();
    let again = begin(&world, listener.into(), "http", &told);
    assert_eq!(waits.get("hello.localhost", "/").unwrap().status, 200);
    again.stop();
}

/// A manager that hangs does not take the service with it: its queue is full from the beginning.
#[test]
fn a_manager_that_does_not_listen_holds_up_nothing() {
    let (world, listener, address) = deployed();
    let told = world.file("notify");
    let hangs = UnixDatagram::bind(&told).unwrap();
    let fills = UnixDatagram::unbound().unwrap();
    fills.set_nonblocking(true).unwrap();
    while fills.send_to(b"EXTEND_TIMEOUT_USEC=1", &told).is_ok() {}

    let managed = begin(&world, listener.into(), "http", &told);
    let mut connection = Connection::open(&address).unwrap();
    assert_eq!(connection.get("hello.localhost", "/").unwrap().status, 200);
    // The thread that gives signs of life is the one that answers here.
    world.gtc.run(&["status"]).unwrap();
    managed.stop();
    drop(hangs);
}

#[test]
fn who_is_told_to_stop_at_once_stops_in_order() {
    let (world, listener, address) = deployed();
    let mut waits = Connection::open(&address).unwrap();
    // It serves, and cannot go on: there is no room for the line that says so.
    let (mut reads, mut writes) = std::io::pipe().unwrap();
    writes.write_all(&[b'\n'; PIPE]).unwrap();
    let child =
        starting(&world, listener.into(), "http", "/nobody").stdout(writes).spawn().unwrap();
    assert_eq!(waits.get("hello.localhost", "/").unwrap().status, 200);
    tell_to_stop(&child);
    let mut said = String::new();
    reads.read_to_string(&mut said).unwrap();
    ended_well(child);
    assert!(said.contains("address"), "{said}");
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
