//! What idle connections cost.
#![expect(unsafe_code, reason = "an allocator that counts is an allocator, and that is unsafe")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::io::{Read as _, Write as _};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::client::{connect, finish, serve};

/// How many connections are measured; both ends of each are ours, and descriptors are few.
const CONNECTIONS: usize = 400;
/// Bytes of the heap for each: a thousand may take 1.5 MB.
const EACH: usize = 1_500;
/// How long the server may take to notice that nothing more comes.
const PATIENCE: Duration = Duration::from_secs(20);

/// Counts what is held. How many pages the system's allocator dirties for it differs from run to
/// run by more than what a hundred connections hold.
struct Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

static HELD: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes to the system's allocator as it is; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        HELD.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise, passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise, passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
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
    let before = HELD.load(Ordering::Relaxed);
    streams.extend((0..CONNECTIONS).map(|_| used(running.local_addr())));
    let began = Instant::now();
    // The client has its answer before the server has let go of what it was sent from.
    let grown = loop {
        let grown = HELD.load(Ordering::Relaxed).saturating_sub(before);
        if grown <= CONNECTIONS * EACH || began.elapsed() > PATIENCE {
            break grown;
        }
        std::thread::yield_now();
    };
    assert!(grown <= CONNECTIONS * EACH, "{grown} bytes for {CONNECTIONS} connections");
    drop(streams);
    finish(running);
}
