//! Many connections on which nothing happens: what they cost, and that nobody else notices.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use harness::Connection;
use rustix::process::{Resource, getrlimit, setrlimit};

use crate::world::World;

/// As many as there may be, where the system allows as many; `cargo xtask idle` runs this test on a
/// system that does. Both ends are descriptors of some process.
const MOST: u64 = 50_000;
/// Descriptors that are for something else.
const SPARE: u64 = 1_000;
/// So many are open before the others are counted.
const FIRST: u64 = 200;
/// So many are opened before the first of them is answered: to go to and fro for each takes a slow
/// system longer.
const TOGETHER: usize = 100;
/// An idle connection is closed after 75 seconds. A system that takes so long to open them all can say
/// nothing of them.
const SLOW: Duration = Duration::from_secs(70);
/// Bytes that each of them may cost the process, its share of what the allocator keeps included.
const EACH: u64 = 4 * 1024;
/// Addresses of this machine. Each has so many ports and no more, and a free one is found soon as long
/// as most are.
const ADDRESSES: u64 = 50;

/// What the process holds itself, in bytes.
fn memory(id: u32) -> u64 {
    bytes(&format!("/proc/{id}/status"), "RssAnon:")
}

/// What the kernel holds for all there is on this machine, in bytes.
fn kernel() -> u64 {
    bytes("/proc/meminfo", "Slab:")
}

fn bytes(file: &str, name: &str) -> u64 {
    let text = std::fs::read_to_string(file).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

/// Connections that have been used once, and are kept.
fn kept(addresses: impl Iterator<Item = String>) -> Vec<TcpStream> {
    let opened = addresses.map(|address| {
        let mut stream = TcpStream::connect(address).unwrap();
        ask(&mut stream);
        stream
    });
    let mut opened: Vec<TcpStream> = opened.collect();
    opened.iter_mut().for_each(answered);
    opened
}

fn ask(stream: &mut TcpStream) {
    stream.write_all(b"HEAD /site/ HTTP/1.1\r\nhost: hello.test\r\n\r\n").unwrap();
}

fn answered(stream: &mut TcpStream) {
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
    let begun = Instant::now();
    let mut idle = kept((0..FIRST).map(address));
    let before = (memory(serving.id()), kernel());
    for first in (FIRST..count).step_by(TOGETHER) {
        idle.extend(kept((first..count).take(TOGETHER).map(address)));
    }
    let each = memory(serving.id()).saturating_sub(before.0) / (count - FIRST);
    let both = kernel().saturating_sub(before.1) / (count - FIRST);
    println!("{count} idle connections, {each} bytes each; and {both} of the kernel for both ends");
    assert!(each < EACH, "{each} bytes for each of {count}");

    if begun.elapsed() > SLOW {
        println!("SKIPPED: it takes {} s to open them", begun.elapsed().as_secs());
        return;
    }

    // All are there, and whoever comes is answered; so is each that was idle.
    let mut connection = Connection::open(&address(0)).unwrap();
    assert_eq!(connection.get("hello.test", "/").unwrap().status, 200);
    idle.iter_mut().step_by(997).for_each(|stream| {
        ask(stream);
        answered(stream);
    });
    drop(idle);
    serving.stop().unwrap();
}
