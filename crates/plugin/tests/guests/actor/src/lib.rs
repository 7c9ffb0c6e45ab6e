//! One component, many parts: a test writes a script over the placeholder in its bytes, so that one
//! build serves them all.

use std::hint::black_box;
use std::io::Write as _;
use std::net::{TcpStream, UdpSocket};
use std::thread::sleep as wait;
use std::time::Duration;

wit_bindgen::generate!({ path: "../../../wit", world: "env-pack" });

use exports::greentic::env_pack::pack::{Guest, Objection};

/// A mark and spaces, until a test writes something else there.
static SCRIPT: [u8; 8192] = {
    let mut script = [b' '; 8192];
    let mark = b"@@ the script of the actor begins here @@";
    let mut at = 0;
    while at < mark.len() {
        script[at] = mark[at];
        at += 1;
    }
    script
};

fn script() -> String {
    String::from_utf8_lossy(black_box(&SCRIPT)).trim_end().to_owned()
}

struct Actor;

export!(Actor);

impl Guest for Actor {
    /// Plays the whole script; a script that begins with `{` is what it says.
    fn describe() -> String {
        play(&script())
    }

    /// Plays the setting `play`, if there is one.
    fn check(settings: String) -> Vec<Objection> {
        let part = settings.split_once("\"play\":\"").and_then(|(_, rest)| rest.split_once('"'));
        let Some((part, _)) = part else { return Vec::new() };
        let objection = |message: String| Objection { pointer: "/play".into(), message };
        match part {
            "object" => vec![objection("it is only a play".into())],
            "many" => (0..1000).map(|i| objection(i.to_string())).collect(),
            "paint" => vec![objection("\u{1b}[2J".into())],
            "remember" => vec![objection(count().to_string())],
            other => vec![objection(play(other))],
        }
    }
}

/// How often it was called in this instance.
fn count() -> u32 {
    use std::sync::atomic::{AtomicU32, Ordering};
    static CALLS: AtomicU32 = AtomicU32::new(0);
    CALLS.fetch_add(1, Ordering::Relaxed) + 1
}

fn play(part: &str) -> String {
    let (verb, rest) = part.split_once(' ').unwrap_or((part, ""));
    match verb {
        "spin" => loop {
            black_box(0);
        },
        "trap" => core::arch::wasm32::unreachable(),
        "panic" => panic!("as the script says"),
        "exit" => std::process::exit(3),
        "recurse" => recurse(1).to_string(),
        "hog" => hog(),
        "fill" => fill(),
        "sleep" => {
            wait(Duration::from_secs(3600));
            "awake".to_owned()
        }
        "giant" => "x".repeat(rest.parse().unwrap_or(32 << 20)),
        "print" => print(),
        "world" => world(),
        _ => part.to_owned(),
    }
}

#[expect(unconditional_recursion, reason = "until the stack ends")]
fn recurse(depth: u64) -> u64 {
    let frame = black_box([depth; 64]);
    1 + recurse(black_box(frame[0] + 1)) + frame[63]
}

fn hog() -> String {
    let mut taken = Vec::new();
    loop {
        taken.push(black_box(vec![1_u8; 1 << 20]));
    }
}

/// Few instructions that take long.
fn fill() -> String {
    let mut memory = vec![0_u8; 32 << 20];
    for round in (0..=u8::MAX).cycle() {
        black_box(&mut memory[..]).fill(round);
    }
    "filled".to_owned()
}

fn print() -> String {
    for _ in 0..1000 {
        let _ = writeln!(std::io::stdout(), "a line that nobody wants to read");
        let _ = writeln!(std::io::stderr(), "and another one");
    }
    "printed".to_owned()
}

/// What it finds around it, in one line.
fn world() -> String {
    let arguments = std::env::args().count();
    let variables = std::env::vars().count();
    let folder = std::fs::read_dir("/").is_ok() || std::fs::read_dir(".").is_ok();
    let read = std::fs::read("/etc/passwd").is_ok() || std::fs::read("etc/passwd").is_ok();
    let write = std::fs::write("/tmp/actor", "was here").is_ok();
    let tcp = TcpStream::connect("127.0.0.1:22").is_ok();
    let listen = std::net::TcpListener::bind("127.0.0.1:0").is_ok();
    let udp = UdpSocket::bind("127.0.0.1:0").is_ok();
    let name = std::net::ToSocketAddrs::to_socket_addrs("localhost:80").is_ok();
    format!(
        "arguments {arguments}, variables {variables}, folder {folder}, read {read}, \
         write {write}, tcp {tcp}, listen {listen}, udp {udp}, name {name}"
    )
}
