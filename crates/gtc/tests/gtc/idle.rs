//! Many connections on which nothing happens: what they cost, and that nobody else notices.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use harness::Connection;
use rustix::process::{Resource, getrlimit, setrlimit};

use crate::world::World;

/// As many as there may be, where the system allows as many; both ends are descriptors of some
/// process.
const MOST: u64 = 49_000;
/// Descriptors that are for something else.
const SPARE: u64 = 1_000;
/// So many are open before the others are counted.
const FIRST: u64 = 200;
/// Bytes that each of them may cost the process, its share of what the allocator keeps included.
const EACH: u64 = 4 * 1024;
/// Addresses of this machine: each pair of them has so many ports and no more.
const ADDRESSES: u64 = 3;

/// What the process holds itself, in bytes.
fn memory(id: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

/// A connection that has been used once, and is kept.
fn kept(address: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    use_it(&mut stream);
    stream
}

fn use_it(stream: &mut TcpStream) {
    stream.write_all(b"HEAD /site/ HTTP/1.1\r\nhost: hello.test\r\n\r\n").unwrap();
    let (mut seen, mut piece) = (Vec::new(), [0; 4096]);
    while !seen.ends_with(b"\r\n\r\n") {
        let read = stream.read(&mut piece).unwrap();
        assert_ne!(read, 0, "{}", String::from_utf8_lossy(&seen));
        seen.extend_from_slice(&piece[..read]);
    }
    assert!(seen.starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&seen));
}

#[test]
fn connections_that_wait_cost_little_and_harm_nobody() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).unwrap();
    let allowed = limit.maximum.unwrap_or(u64::MAX);
    let count = MOST.min(allowed.saturating_sub(SPARE));
    if count < 2 * FIRST {
        println!("SKIPPED: the system allows {allowed} descriptors, too few to say what one costs");
        return;
    }

    let (world, bundles) = World::with_bundles();
    let (id, _) = world.deployed(&bundles, "hello.test", "/");
    world.set(&id, &["r1=100"]);
    let serving = world.gtc.start(&["--listen", "0.0.0.0:0"]).unwrap();
    let (_, port) = serving.address.rsplit_once(':').unwrap();
    let address = |number: u64| format!("127.0.0.{}:{port}", 1 + number % ADDRESSES);
    // What is loaded and kept once is no part of what each costs.
    let mut idle: Vec<TcpStream> = (0..FIRST).map(|number| kept(&address(number))).collect();
    let before = memory(serving.id());
    idle.extend((FIRST..count).map(|number| kept(&address(number))));
    let each = memory(serving.id()).saturating_sub(before) / (count - FIRST);
    println!("{count} idle connections, {each} bytes each");
    assert!(each < EACH, "{each} bytes for each of {count}");

    // All are there, and whoever comes is answered; so is each that was idle.
    let mut connection = Connection::open(&address(0)).unwrap();
    assert_eq!(connection.get("hello.test", "/").unwrap().status, 200);
    idle.iter_mut().step_by(997).for_each(use_it);
    drop(idle);
    serving.stop().unwrap();
}
