//! What idle connections cost.
#![cfg(target_os = "linux")]

use std::io::{Read as _, Write as _};

use crate::client::{connect, finish, serve};

/// How many connections are measured; both ends of each are ours, and descriptors are few.
const CONNECTIONS: usize = 400;
/// Bytes of memory for each: a thousand may take 1.5 MB.
const EACH: usize = 1_500;

/// The memory of this process that is its own, in bytes.
fn memory() -> usize {
    let text = std::fs::read_to_string("/proc/self/smaps_rollup").unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("Private_Dirty:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse::<usize>().unwrap() * 1024
}

/// Opens a connection, sends a body of some size through it, and leaves it idle.
fn used(address: std::net::SocketAddr) -> std::net::TcpStream {
    const BODY: usize = 48 * 1024;
    let mut stream = connect(address);
    let head = format!("POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: {BODY}\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&[b'x'; BODY]).unwrap();
    let mut block = [0; 16 * 1024];
    let mut came = 0;
    while came < BODY {
        came += stream.read(&mut block).unwrap();
    }
    stream
}

#[test]
fn an_idle_connection_gives_its_buffers_back() {
    let running = serve(|_| {});
    // What is allocated once, for the threads and the first connections, does not count.
    let mut streams: Vec<_> = (0..50).map(|_| used(running.local_addr())).collect();
    let before = memory();
    streams.extend((0..CONNECTIONS).map(|_| used(running.local_addr())));
    let grown = memory().saturating_sub(before);
    assert!(grown <= CONNECTIONS * EACH, "{grown} bytes for {CONNECTIONS} connections");
    drop(streams);
    finish(running);
}
