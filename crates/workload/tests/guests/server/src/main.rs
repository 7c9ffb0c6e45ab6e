//! A server of HTTP/1.1, or of HTTP/2 as far as one answer needs it, with no library that could be
//! right where a proxy is wrong.

mod h2c;

use std::io::{self, BufRead as _, BufReader, Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::sync::atomic::{AtomicU64, Ordering};

static CONNECTIONS: AtomicU64 = AtomicU64::new(0);
static WRITTEN: AtomicU64 = AtomicU64::new(0);
static MORE: AtomicU64 = AtomicU64::new(0);
static GONE: AtomicU64 = AtomicU64::new(0);

trait Stream: Read + Write + Send + 'static {}
impl<T: Read + Write + Send + 'static> Stream for T {}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["crash"] => std::process::exit(3),
        // Opening a named pipe takes until somebody opens its other end.
        ["wait-for", pipe] => drop(std::fs::File::open(pipe).unwrap()),
        _ => {}
    }
    match std::env::var("GREENTIC_SOCKET") {
        Ok(path) => UnixListener::bind(path).unwrap().incoming().for_each(|s| begin(s.unwrap())),
        Err(_) => {
            let port = std::env::var("PORT").unwrap().parse().unwrap();
            let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
            listener.incoming().for_each(|s| begin(s.unwrap()));
        }
    }
}

fn begin(mut stream: impl Stream) {
    std::thread::spawn(move || {
        if std::env::args().any(|arg| arg == "h2c") {
            return drop(h2c::serve(&mut stream));
        }
        let number = CONNECTIONS.fetch_add(1, Ordering::SeqCst);
        let mut stream = BufReader::new(stream);
        while let Ok(true) = serve(&mut stream, number) {}
    });
}

/// Answers one request. True when another may follow.
fn serve(stream: &mut BufReader<impl Stream>, number: u64) -> io::Result<bool> {
    let mut head = String::new();
    loop {
        let begin = head.len();
        if stream.read_line(&mut head)? == 0 {
            return Ok(false);
        }
        if &head[begin..] == "\r\n" {
            break;
        }
    }
    let target = head.split(' ').nth(1).unwrap().to_owned();
    match target.as_str() {
        "/connection" => whole(stream, "", &number.to_string()),
        "/last" => whole(stream, "connection: close\r\nkeep-alive: 5\r\n", &number.to_string())
            .map(|_| false),
        "/head" => whole(stream, "x-from: program\r\n", &head),
        "/pid" => whole(stream, "", &std::process::id().to_string()),
        "/env" => {
            let env: String = std::env::vars().map(|(n, v)| format!("{n}={v}\n")).collect();
            whole(stream, "", &env)
        }
        "/written" => whole(stream, "", &WRITTEN.load(Ordering::SeqCst).to_string()),
        "/gone" => whole(stream, "", &GONE.load(Ordering::SeqCst).to_string()),
        "/echo" => echo(stream, &head),
        "/endless" => endless(stream),
        "/half" => {
            chunked(stream)?;
            chunk(stream, b"first half")?;
            wait()
        }
        "/events" => events(stream),
        "/more" => {
            MORE.store(1, Ordering::SeqCst);
            whole(stream, "", "")
        }
        "/break" => {
            stream.get_mut().write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nfirst")?;
            Ok(false)
        }
        // Closes a connection that it has just promised to keep.
        "/stale" => whole(stream, "", "bye").map(|_| false),
        "/crash" => std::process::exit(7),
        "/never" => wait(),
        _ => whole(stream, "", "hello\n"),
    }
}

/// One event, and another once somebody has asked for `/more`.
fn events(stream: &mut BufReader<impl Stream>) -> io::Result<bool> {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
    stream.get_mut().write_all(head.as_bytes())?;
    stream.get_mut().write_all(b"data: 1\n\n")?;
    while MORE.load(Ordering::SeqCst) == 0 {
        std::thread::yield_now();
    }
    stream.get_mut().write_all(b"data: 2\n\n")?;
    Ok(false)
}

fn wait() -> ! {
    loop {
        std::thread::park();
    }
}

fn whole(stream: &mut BufReader<impl Stream>, headers: &str, body: &str) -> io::Result<bool> {
    let length = body.len();
    let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n{headers}\r\n{body}");
    stream.get_mut().write_all(answer.as_bytes())?;
    Ok(true)
}

fn chunked(stream: &mut BufReader<impl Stream>) -> io::Result<()> {
    stream.get_mut().write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
}

fn chunk(stream: &mut BufReader<impl Stream>, bytes: &[u8]) -> io::Result<()> {
    let mut piece = format!("{:x}\r\n", bytes.len()).into_bytes();
    piece.extend(bytes);
    piece.extend(b"\r\n");
    stream.get_mut().write_all(&piece)
}

/// Gives each chunk back when it comes.
fn echo(stream: &mut BufReader<impl Stream>, head: &str) -> io::Result<bool> {
    assert!(head.to_lowercase().contains("transfer-encoding: chunked"), "{head}");
    chunked(stream)?;
    loop {
        let mut size = String::new();
        stream.read_line(&mut size)?;
        let size = usize::from_str_radix(size.trim(), 16).unwrap();
        let mut bytes = vec![0; size + 2];
        stream.read_exact(&mut bytes)?;
        chunk(stream, &bytes[..size])?;
        if size == 0 {
            return Ok(true);
        }
    }
}

fn endless(stream: &mut BufReader<impl Stream>) -> io::Result<bool> {
    chunked(stream)?;
    let piece = [b'x'; 4_096];
    while chunk(stream, &piece).is_ok() {
        WRITTEN.fetch_add(piece.len() as u64, Ordering::SeqCst);
    }
    GONE.fetch_add(1, Ordering::SeqCst);
    Ok(false)
}
