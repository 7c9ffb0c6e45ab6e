//! Those who use the shop: each does one thing again and again, and remembers what was lost.

mod http2;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use harness::Connection;

use super::ledger::Ledger;

/// How long anything may take before it counts as lost.
const PATIENCE: Duration = Duration::from_secs(40);
/// How long a slow client rests.
const PACE: Duration = Duration::from_millis(20);
/// How many losses are remembered.
const REMEMBERED: usize = 20;

/// What one client did.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) name: &'static str,
    pub(super) done: u64,
    /// Connections that had ended before a request was answered at all, which was sent again.
    pub(super) again: u64,
    pub(super) lost: Vec<String>,
}

/// What every client knows.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) address: String,
    pub(super) ledger: Ledger,
    pub(super) ends: Arc<AtomicBool>,
}

/// What came of doing it once.
pub(super) type Once = Result<(), Lost>;

/// Why it did not come to its end.
pub(super) enum Lost {
    /// The connection had ended before, and nothing was answered.
    Before,
    /// For no good reason.
    Really(String),
}

impl From<std::io::Error> for Lost {
    fn from(error: std::io::Error) -> Self {
        Self::Really(error.to_string())
    }
}

type Running = (JoinHandle<Told>, Arc<AtomicU64>);

pub(super) struct Clients {
    shared: Shared,
    running: Vec<Running>,
    /// What each of them had done when it was last asked.
    seen: Vec<u64>,
}

impl Clients {
    pub(super) fn start(address: &str, ledger: &Ledger) -> Self {
        let ends = Arc::default();
        let shared = Shared { address: address.to_owned(), ledger: ledger.clone(), ends };
        let mut running = vec![
            run(&shared, "short", Short::default()),
            run(&shared, "short again", Short::default()),
            run(&shared, "upload", upload),
            run(&shared, "events", events),
            run(&shared, "websocket", websocket),
            run(&shared, "component beside misbehaving ones", beside_misbehaviour),
            run(&shared, "idle and silent", idle),
        ];
        running.push(http2::run(&shared));
        let seen = vec![0; running.len()];
        Self { shared, running, seen }
    }

    /// Waits until each of them has done what it does once more since this was last asked.
    pub(super) fn all_did_something_more(&mut self) {
        for ((client, done), before) in self.running.iter().zip(&mut self.seen) {
            while done.load(Ordering::SeqCst) == *before && !client.is_finished() {
                std::thread::park_timeout(PACE);
            }
            *before = done.load(Ordering::SeqCst);
        }
    }

    pub(super) fn stop(self) -> Vec<Told> {
        self.shared.ends.store(true, Ordering::SeqCst);
        self.running.into_iter().map(|(client, _)| client.join().unwrap()).collect()
    }
}

/// Something that can be done again and again.
trait Act: Send + 'static {
    fn once(&mut self, shared: &Shared) -> Once;
}

impl<F: FnMut(&Shared) -> Once + Send + 'static> Act for F {
    fn once(&mut self, shared: &Shared) -> Once {
        self(shared)
    }
}

fn run(shared: &Shared, name: &'static str, mut act: impl Act) -> Running {
    let (shared, done) = (shared.clone(), Arc::new(AtomicU64::new(0)));
    let count = done.clone();
    let client = std::thread::spawn(move || {
        let mut told = Told { name, ..Told::default() };
        while !shared.ends.load(Ordering::SeqCst) {
            match act.once(&shared) {
                Ok(()) => told.done += 1,
                Err(Lost::Before) => told.again += 1,
                Err(Lost::Really(why)) if told.lost.len() < REMEMBERED => told.lost.push(why),
                Err(Lost::Really(_)) => {}
            }
            count.fetch_add(1, Ordering::SeqCst);
        }
        told
    });
    (client, done)
}

impl Shared {
    fn connect(&self) -> std::io::Result<BufReader<TcpStream>> {
        let stream = TcpStream::connect(&self.address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(BufReader::new(stream))
    }

    /// That the shop's revision was one that might answer then.
    pub(super) fn check(&self, status: u16, revision: &str, sent: Instant) -> Once {
        match status {
            200 | 101 if self.ledger.may_answer(revision, sent) => Ok(()),
            200 | 101 => Err(Lost::Really(format!("answered by `{revision}`, which is not ready"))),
            status => Err(Lost::Really(format!("{status} from `{revision}`"))),
        }
    }
}

/// Status and revision out of the head of an answer.
fn head(lines: &mut BufReader<TcpStream>) -> Result<(u16, String), Lost> {
    let (mut status, mut revision) = (0, String::new());
    loop {
        let mut line = String::new();
        if lines.read_line(&mut line)? == 0 {
            return Err(Lost::Really("it ended within the head of an answer".into()));
        }
        let text = line.trim_end();
        if text.is_empty() {
            return Ok((status, revision));
        }
        if status == 0 {
            status = text.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
        } else if let Some(name) = text.strip_prefix("x-greentic-revision: ") {
            revision = name.to_owned();
        }
    }
}

/// Short requests on a connection that is kept as long as it lasts.
#[derive(Default)]
struct Short {
    connection: Option<Connection>,
}

impl Act for Short {
    fn once(&mut self, shared: &Shared) -> Once {
        let is_kept = self.connection.is_some();
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => Connection::open(&shared.address).map_err(Lost::Really)?,
        };
        let sent = Instant::now();
        match connection.get("shop.test", "/") {
            Ok(answer) => {
                self.connection = Some(connection);
                shared.check(answer.status, &answer.revision, sent)
            }
            // A server may end a connection on which nothing is under way (RFC 9112 §9.5).
            Err(_) if is_kept => Err(Lost::Before),
            Err(why) => Err(Lost::Really(why)),
        }
    }
}

/// An upload in pieces, from a client that is slow.
fn upload(shared: &Shared) -> Once {
    const PIECES: usize = 12;
    let piece = [b'x'; 8 * 1024];
    let mut lines = shared.connect()?;
    let sent = Instant::now();
    let all = PIECES * piece.len();
    write!(
        lines.get_mut(),
        "POST /up HTTP/1.1\r\nhost: shop.test\r\ncontent-length: {all}\r\n\r\n"
    )?;
    for _ in 0..PIECES {
        lines.get_mut().write_all(&piece)?;
        std::thread::park_timeout(PACE);
    }
    let (status, revision) = head(&mut lines)?;
    shared.check(status, &revision, sent)?;
    let mut body = vec![0; "green ".len() + all.to_string().len()];
    let read = lines.read(&mut body)?;
    let said = String::from_utf8_lossy(&body[..read]);
    if said.ends_with(&format!(" {all}")) {
        return Ok(());
    }
    Err(Lost::Really(format!("{all} bytes were sent, and it said `{said}`")))
}

/// Events, until the stream says when to come back.
fn events(shared: &Shared) -> Once {
    let mut lines = shared.connect()?;
    let sent = Instant::now();
    lines.get_mut().write_all(b"GET /events HTTP/1.1\r\nhost: shop.test\r\n\r\n")?;
    let (status, revision) = head(&mut lines)?;
    shared.check(status, &revision, sent)?;
    let mut seen = String::new();
    while !shared.ends.load(Ordering::SeqCst) {
        let mut line = String::new();
        if lines.read_line(&mut line)? == 0 {
            return Err(Lost::Really(format!("events broke off after `{seen}`")));
        }
        if line.starts_with("retry: ") {
            return Ok(());
        }
        seen = line;
    }
    Ok(())
}

/// Frames that come back, until a Close frame with 1012 comes instead.
fn websocket(shared: &Shared) -> Once {
    let mut lines = shared.connect()?;
    let sent = Instant::now();
    lines.get_mut().write_all(
        b"GET /ws HTTP/1.1\r\nhost: shop.test\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
          sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    )?;
    let (status, revision) = head(&mut lines)?;
    shared.check(status, &revision, sent)?;
    while !shared.ends.load(Ordering::SeqCst) {
        std::thread::park_timeout(PACE);
        // A text of 5 bytes under a mask of zeros.
        let written = lines.get_mut().write_all(b"\x81\x85\0\0\0\0hello");
        let mut frame = [0; 4];
        let read = lines.read_exact(&mut frame);
        if read.is_ok() && frame == [0x88, 0x02, 0x03, 0xF4] {
            return Ok(());
        }
        written.and(read)?;
        let mut rest = [0; 3];
        lines.read_exact(&mut rest)?;
        if [&frame[..], &rest].concat() != b"\x81\x05hello" {
            return Err(Lost::Really(format!("{frame:?} {rest:?} came back")));
        }
    }
    Ok(())
}

/// A component that traps, loops or takes all memory harms its own request only.
fn beside_misbehaviour(shared: &Shared) -> Once {
    let mut others = Vec::new();
    for path in ["/trap", "/spin", "/hog", "/recurse", "/silent"] {
        let mut lines = shared.connect()?;
        write!(lines.get_mut(), "GET {path} HTTP/1.1\r\nhost: wild.test\r\n\r\n")?;
        others.push((path, lines));
    }
    let answer = Connection::open(&shared.address)
        .and_then(|mut connection| connection.get("wild.test", "/fine"))
        .map_err(Lost::Really)?;
    if answer.status != 200 || answer.body != b"/fine" {
        return Err(Lost::Really(format!("the same component answered {}", answer.status)));
    }
    for (path, mut lines) in others {
        let (status, _) = head(&mut lines)?;
        if !matches!(status, 500 | 502 | 503 | 504) {
            return Err(Lost::Really(format!("{path} was answered {status}")));
        }
    }
    Ok(())
}

/// Connections that say half of something, and leave.
fn idle(shared: &Shared) -> Once {
    let halves =
        ["", "GET", "GET / HTTP/1.1\r\nhost: sh", "POST / HTTP/1.1\r\nhost: shop.test\r\n"];
    for half in halves {
        let mut lines = shared.connect()?;
        lines.get_mut().write_all(half.as_bytes())?;
        Short::default().once(shared)?;
    }
    Ok(())
}
