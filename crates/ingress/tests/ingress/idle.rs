//! What idle connections cost.
#![expect(unsafe_code, reason = "an allocator that counts is an allocator, and that is unsafe")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::io::{Read, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::client::{connect, finish, serve};
use crate::http2_frames::{Came, open, outcome, request};
use crate::tls::Secure;

/// How many connections are measured; both ends of each are ours, and descriptors are few.
const CONNECTIONS: usize = 400;
/// Bytes of the heap for each: a thousand may take 1.5 MB.
const EACH: usize = 1_500;
/// The same over TLS: a session, and buffers that it keeps.
const EACH_SECURE: usize = 10_000;
/// The same of HTTP/2: tables of headers, a buffer for each direction.
const EACH_HTTP2: usize = 40_000;
/// How long the server may take to notice that nothing more comes.
const PATIENCE: Duration = Duration::from_secs(20);

/// Counts what is held. How many pages the system's allocator dirties for it differs from run to
/// run by more than what a hundred connections hold.
struct Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

static HELD: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// What a client keeps is not the server's.
    static IS_CLIENT: Cell<bool> = const { Cell::new(false) };
}

// SAFETY: every call goes to the system's allocator as it is; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if !IS_CLIENT.get() {
            HELD.fetch_add(layout.size(), Ordering::Relaxed);
        }
        // SAFETY: the caller's promise, passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        if !IS_CLIENT.get() {
            HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        }
        // SAFETY: the caller's promise, passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// Sends a body of some size through a connection and leaves it idle.
fn used<S: Read + Write>(mut stream: S) -> S {
    const BODY: usize = 48 * 1024;
    let head = format!("POST /echo HTTP/1.1\r\nhost: a.test\r\ncontent-length: {BODY}\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&[b'x'; BODY]).unwrap();
    let mut block = [0; 16 * 1024];
    let mut came = 0;
    while came < BODY {
        came += stream.read(&mut block).unwrap();
    }
    stream
}

/// Asserts that idle connections made by `connect` hold no more than `each` bytes.
fn assert_small<T>(each: usize, connect: impl Fn() -> T) {
    IS_CLIENT.set(true);
    // What is allocated once, for the threads and the first connections, does not count.
    let mut streams: Vec<_> = (0..50).map(|_| connect()).collect();
    let before = HELD.load(Ordering::Relaxed);
    streams.extend((0..CONNECTIONS).map(|_| connect()));
    let began = Instant::now();
    // The client has its answer before the server has let go of what it was sent from.
    let grown = loop {
        let grown = HELD.load(Ordering::Relaxed).saturating_sub(before);
        if grown <= CONNECTIONS * each || began.elapsed() > PATIENCE {
            break grown;
        }
        std::thread::yield_now();
    };
    assert!(grown <= CONNECTIONS * each, "{} bytes each", grown / CONNECTIONS);
}

#[test]
fn an_idle_connection_gives_its_buffers_back() {
    let running = serve(|_| {});
    assert_small(EACH, || used(connect(running.local_addr())));
    finish(running);
}

#[test]
fn an_idle_connection_over_tls_gives_most_of_them_back() {
    let secure = Secure::new(&["DNS:a.test"], |_| {});
    assert_small(EACH_SECURE, || used(secure.connect("a.test").unwrap()));
    finish(secure.running);
}

#[test]
fn an_idle_connection_of_http_2_holds_its_tables() {
    let running = serve(|_| {});
    assert_small(EACH_HTTP2, || {
        let mut stream = open(running.local_addr());
        stream.write_all(&request(1, 1, &[])).unwrap();
        assert_eq!(outcome(&mut stream), Came::Head(1));
        stream
    });
    finish(running);
}
