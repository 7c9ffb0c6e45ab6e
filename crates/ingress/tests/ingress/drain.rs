//! Ending a server: what is in flight finishes, nobody is reset, the deadline holds.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::client::{connect, one, serve};

#[test]
fn idle_connections_end_and_held_ones_are_cut_at_the_deadline() {
    let running = serve(|settings| settings.drain_idle = Duration::from_millis(10));
    let mut idle = connect(running.local_addr());
    idle.write_all(b"GET /a HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    one(&mut idle);
    let mut held = connect(running.local_addr());
    held.write_all(b"GET /hold HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    // The server has seen both once it counts both.
    while running.connections() < 2 {
        std::thread::yield_now();
    }
    let report = running.drain(Duration::from_millis(200));
    assert_eq!((report.open, report.cut), (2, 1), "{report:?}");
}

#[test]
fn a_drain_under_load_breaks_no_answer() {
    let running = serve(|_| {});
    let address = running.local_addr();
    let begun = Arc::new(AtomicUsize::new(0));
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let begun = begun.clone();
            std::thread::spawn(move || {
                let mut answered = 0;
                // A connection ends after an answer that says so; then no other can be made.
                while let Ok(mut stream) = std::net::TcpStream::connect(address) {
                    loop {
                        if stream.write_all(b"GET /load HTTP/1.1\r\nhost: x\r\n\r\n").is_err() {
                            break;
                        }
                        let mut answer = Vec::new();
                        match read_answer(&mut stream, &mut answer) {
                            Read::Whole => answered += 1,
                            Read::Nothing => break,
                            Read::Half => {
                                panic!("half an answer: {}", String::from_utf8_lossy(&answer))
                            }
                        }
                        begun.fetch_add(1, Ordering::Relaxed);
                        if String::from_utf8_lossy(&answer).contains("connection: close") {
                            break;
                        }
                    }
                }
                answered
            })
        })
        .collect();
    while begun.load(Ordering::Relaxed) < 500 {
        std::thread::yield_now();
    }
    let report = running.drain(Duration::from_secs(20));
    assert_eq!(report.cut, 0, "{report:?}");
    let answered: usize = clients.into_iter().map(|client| client.join().unwrap()).sum();
    assert!(answered >= 500);
}

enum Read {
    Whole,
    Half,
    Nothing,
}

fn read_answer(stream: &mut std::net::TcpStream, answer: &mut Vec<u8>) -> Read {
    use std::io::Read as _;
    let mut block = [0; 1024];
    while !answer.ends_with(b"/load") {
        match stream.read(&mut block) {
            Ok(n) if n > 0 => answer.extend_from_slice(&block[..n]),
            _ if answer.is_empty() => return Read::Nothing,
            _ => return Read::Half,
        }
    }
    Read::Whole
}
