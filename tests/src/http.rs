//! The smallest HTTP/1.1 client that keeps its connection.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;

/// A connection that is kept.
#[derive(Debug)]
pub struct Connection {
    stream: BufReader<TcpStream>,
}

/// What is looked at in an answer.
#[derive(Debug, Default, Clone)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// `x-greentic-revision`.
    pub revision: String,
    /// The session cookie, as `name=value`.
    pub cookie: Option<String>,
    /// All of the body.
    pub body: Vec<u8>,
    /// The generation of the split that chose the revision, out of the session cookie.
    pub generation: Option<u64>,
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// When nobody answers at `address`.
    pub fn open(address: &str) -> Result<Self, String> {
        let stream = TcpStream::connect(address).map_err(|error| format!("{address}: {error}"))?;
        stream.set_nodelay(true).map_err(|error| error.to_string())?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    /// One GET without a cookie: a new session.
    ///
    /// # Errors
    /// When the connection breaks.
    pub fn get(&mut self, host: &str, path: &str) -> Result<Answer, String> {
        self.ask(host, path, "")
    }

    /// One GET with more header lines, each ending in CR LF.
    ///
    /// # Errors
    /// When the connection breaks.
    pub fn ask(&mut self, host: &str, path: &str, lines: &str) -> Result<Answer, String> {
        self.try_ask(host, path, lines).map_err(|error| format!("GET http://{host}{path}: {error}"))
    }

    fn try_ask(&mut self, host: &str, path: &str, lines: &str) -> std::io::Result<Answer> {
        let request = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\n{lines}\r\n");
        self.stream.get_mut().write_all(request.as_bytes())?;
        let mut answer = Answer::default();
        let mut length = None;
        let mut line = String::new();
        loop {
            line.clear();
            if self.stream.read_line(&mut line)? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            let text = line.trim_end();
            if text.is_empty() {
                break;
            }
            match text.split_once(": ") {
                Some(("content-length", value)) => length = value.parse().ok(),
                Some(("x-greentic-revision", value)) => answer.revision = value.to_owned(),
                Some(("set-cookie", value)) => {
                    answer.generation = generation(value);
                    answer.cookie = value.split(';').next().map(str::to_owned);
                }
                None => {
                    answer.status =
                        text.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(0);
                }
                _ => {}
            }
        }
        match length {
            Some(length) => {
                answer.body = vec![0; length];
                self.stream.read_exact(&mut answer.body)?;
            }
            None => answer.body = self.read_chunks()?,
        }
        Ok(answer)
    }

    fn read_chunks(&mut self) -> std::io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let mut line = String::new();
            self.stream.read_line(&mut line)?;
            let size = usize::from_str_radix(line.trim(), 16)
                .map_err(|_| std::io::Error::from(std::io::ErrorKind::InvalidData))?;
            let mut chunk = vec![0; size + 2];
            self.stream.read_exact(&mut chunk)?;
            if size == 0 {
                return Ok(body);
            }
            body.extend_from_slice(&chunk[..size]);
        }
    }
}

/// Bytes 33 to 40 of the payload of a `gt_rev_…` cookie, base64url (`dispatch::Sticky`).
fn generation(cookie: &str) -> Option<u64> {
    let value = cookie.split(';').next()?.split_once('=')?.1;
    let mut bits = 0_u128;
    // 33 bytes are 44 characters, so the generation begins at a whole character.
    for c in value.bytes().skip(44).take(12) {
        bits = bits << 6 | u128::from(sextet(c)?);
    }
    u64::try_from(bits >> 8).ok()
}

fn sextet(c: u8) -> Option<u8> {
    Some(match c {
        b'A'..=b'Z' => c - b'A',
        b'a'..=b'z' => c - b'a' + 26,
        b'0'..=b'9' => c - b'0' + 52,
        b'-' => 62,
        b'_' => 63,
        _ => return None,
    })
}
