//! The shop: answers, takes uploads, streams, and speaks WebSocket.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

/// How long it is silent between two events.
const PACE: Duration = Duration::from_millis(20);

pub(super) struct Server {
    pub(super) url: String,
}

impl Server {
    pub(super) fn start(name: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                // Whoever asked may be gone.
                std::thread::spawn(move || drop(serve(name, stream)));
            }
        });
        Self { url }
    }
}

fn serve(name: &str, mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut lines = BufReader::new(stream.try_clone()?);
    loop {
        let mut head = String::new();
        while lines.read_line(&mut head)? > 2 {}
        let Some(path) = head.split(' ').nth(1) else { return Ok(()) };
        match path {
            "/events" => return events(&mut stream),
            "/ws" => return echo(&mut lines, &mut stream),
            _ => {}
        }
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length.and_then(|length| length.parse().ok()).unwrap_or(0);
        let mut body = vec![0; length];
        lines.read_exact(&mut body)?;
        let answer = format!("{name} {length}");
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", answer.len());
        stream.write_all(format!("{head}{answer}").as_bytes())?;
    }
}

/// One event after the other, not too fast.
fn events(stream: &mut TcpStream) -> io::Result<()> {
    stream.write_all(
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n",
    )?;
    loop {
        stream.write_all(b"d\r\ndata: event\n\n\r\n")?;
        std::thread::park_timeout(PACE);
    }
}

/// Gives back every byte of every frame, which a client's test of an echo does not mind.
fn echo(lines: &mut BufReader<TcpStream>, stream: &mut TcpStream) -> io::Result<()> {
    stream.write_all(
        b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
          sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
    )?;
    loop {
        // A masked frame of 5 bytes: 2 of a header, 4 of a mask.
        let mut frame = [0; 11];
        lines.read_exact(&mut frame)?;
        let mut answer = vec![frame[0], 5];
        let (mask, data) = frame[2..].split_at(4);
        answer.extend(data.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        stream.write_all(&answer)?;
    }
}
