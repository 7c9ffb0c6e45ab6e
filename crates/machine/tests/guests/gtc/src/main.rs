//! Stands in for `gtc` on a machine under test: it begins as a unit of ours says, takes its socket
//! from systemd, tells when it is ready and alive, answers for its health to who has a client
//! certificate, and keeps what it serves in a file. The last line of its own file says which version
//! it is: `v1`, `v2`; one that is called `broken` is never ready.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::FromRawFd;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["op", "env", "init", ..] => fs::create_dir_all(home()).unwrap(),
        ["op", "revisions", "list", ..] => list(),
        ["op", "revisions", "drain", ..] => result("{}"),
        ["op", "traffic", "set", "local", share, ..] => shift(share),
        ["deploy", file, ..] => deploy(file),
        ["start", options @ ..] => start(options),
        other => panic!("{other:?}"),
    }
}

fn home() -> PathBuf {
    std::env::var("GREENTIC_HOME").unwrap().into()
}

/// Digests of the revisions, each with its share.
fn revisions() -> BTreeMap<String, u32> {
    let text = match fs::read_to_string(home().join("revisions")) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => panic!("{error}"),
    };
    let lines = text.lines().filter_map(|line| line.split_once(' '));
    lines.map(|(digest, share)| (digest.to_owned(), share.parse().unwrap())).collect()
}

fn keep(revisions: &BTreeMap<String, u32>) {
    let lines = revisions.iter().map(|(digest, share)| format!("{digest} {share}\n"));
    let draft = home().join("revisions.new");
    fs::write(&draft, lines.collect::<String>()).unwrap();
    fs::rename(draft, home().join("revisions")).unwrap();
}

fn list() {
    let all = revisions().into_iter().map(|(digest, share)| {
        format!(
            "{{\"deployment_id\":\"d\",\"bundle_id\":\"hello\",\"revision_id\":\"{digest}\",\
             \"lifecycle\":\"ready\",\"weight_bps\":{share},\"bundle_digest\":\"{digest}\"}}"
        )
    });
    result(&format!("{{\"revisions\":[{}]}}", all.collect::<Vec<_>>().join(",")));
}

fn result(text: &str) {
    println!("{{\"noun\":\"any\",\"op\":\"any\",\"result\":{text}}}");
}

fn all_to(digest: &str) {
    let mut all = revisions();
    all.values_mut().for_each(|share| *share = 0);
    all.insert(digest.to_owned(), 10_000);
    keep(&all);
    result("{}");
}

fn shift(share: &str) {
    all_to(share.strip_suffix("=100").unwrap());
}

fn deploy(file: &str) {
    let bytes = fs::read(file).unwrap();
    if bytes.windows(11).any(|it| it == b"never ready") {
        eprintln!(
            "{{\"noun\":\"revisions\",\"op\":\"warm\",\"error\":{{\"kind\":\"unhealthy\",\
             \"message\":\"the gate said no\",\"hint\":null,\"details\":{{}}}}}}"
        );
        std::process::exit(7);
    }
    let hash = ring::digest::digest(&ring::digest::SHA256, &bytes);
    let hex: String = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    all_to(&format!("sha256:{hex}"));
}

fn start(options: &[&str]) {
    let option = |name: &str| {
        let at = options.iter().position(|it| *it == name).unwrap_or_else(|| panic!("no {name}"));
        options[at + 1]
    };
    assert_eq!(option("--env"), "local");
    let version = version();
    println!("version {version} begins on {}", option("--listen"));
    let admin = TcpListener::bind(option("--admin-bind")).unwrap();
    let config = config(option("--admin-client-ca"), option("--admin-cert"), option("--admin-key"));
    let is_broken = version == "broken";
    std::thread::spawn(move || {
        for socket in admin.incoming().flatten() {
            let _ = administer(&config, socket, is_broken);
        }
    });
    let listener = match std::env::var("NOTIFY_SOCKET") {
        Ok(to) => of_systemd(to),
        // Docker has neither a socket for it nor an ear.
        Err(_) => TcpListener::bind(option("--listen")).unwrap(),
    };
    listener.set_nonblocking(true).unwrap();
    unsafe { signal(SIGTERM, stop) };
    // What it took it answers; what waits is for whoever comes after it.
    while !STOPS.load(Ordering::SeqCst) {
        let Ok((mut socket, _)) = listener.accept() else {
            idle(Duration::from_millis(2));
            continue;
        };
        let serving = revisions().into_iter().find(|(_, share)| *share == 10_000);
        let bundle = serving.map_or("none".to_owned(), |(digest, _)| digest);
        let _ = answer(&mut socket, 200, &format!("{version} {bundle}\n"));
    }
}

/// The first of the sockets that systemd hands over (sd_listen_fds(3)); it is told that we are ready,
/// and live.
fn of_systemd(told: String) -> TcpListener {
    assert_eq!(std::env::var("LISTEN_FDS").unwrap(), "1");
    assert_eq!(std::env::var("LISTEN_FDNAMES").unwrap(), "http");
    assert_eq!(std::env::var("LISTEN_PID").unwrap(), std::process::id().to_string());
    notify(&told, "READY=1");
    std::thread::spawn(move || {
        loop {
            notify(&told, "WATCHDOG=1");
            idle(Duration::from_secs(5));
        }
    });
    unsafe { TcpListener::from_raw_fd(3) }
}

/// Told to stop (signal(7)).
const SIGTERM: i32 = 15;
static STOPS: AtomicBool = AtomicBool::new(false);

unsafe extern "C" {
    fn signal(number: i32, handler: extern "C" fn(i32)) -> usize;
}

extern "C" fn stop(_: i32) {
    STOPS.store(true, Ordering::SeqCst);
}

/// Lets time go by: nobody writes to this socket.
fn idle(time: Duration) {
    let socket = UnixDatagram::unbound().unwrap();
    socket.set_read_timeout(Some(time)).unwrap();
    let _ = socket.recv(&mut [0]);
}

fn version() -> String {
    let own = fs::read("/proc/self/exe").unwrap();
    let line = own.rsplit(|byte| *byte == b'\n').next().unwrap();
    String::from_utf8_lossy(line).into_owned()
}

fn notify(told: &str, state: &str) {
    let socket = UnixDatagram::unbound().unwrap();
    socket.send_to(state.as_bytes(), told).unwrap();
}

fn config(authority: &str, certificate: &str, key: &str) -> Arc<ServerConfig> {
    let chain = |path: &str| -> Vec<CertificateDer<'static>> {
        CertificateDer::pem_file_iter(path).unwrap().map(Result::unwrap).collect()
    };
    let mut roots = RootCertStore::empty();
    roots.add(chain(authority).remove(0)).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let clients = WebPkiClientVerifier::builder_with_provider(roots.into(), provider.clone());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(clients.build().unwrap())
        .with_single_cert(chain(certificate), PrivateKeyDer::from_pem_file(key).unwrap());
    Arc::new(config.unwrap())
}

fn administer(
    config: &Arc<ServerConfig>,
    socket: TcpStream,
    is_broken: bool,
) -> std::io::Result<()> {
    socket.set_read_timeout(Some(Duration::from_secs(5)))?;
    let session = ServerConnection::new(config.clone()).map_err(std::io::Error::other)?;
    let mut stream = StreamOwned::new(session, socket);
    let status = if is_broken { 503 } else { 200 };
    if is_broken {
        println!("the database is not there");
    }
    answer(&mut stream, status, "")
}

fn answer(stream: &mut (impl Read + Write), status: u16, body: &str) -> std::io::Result<()> {
    let mut reader = BufReader::new(&mut *stream);
    let mut line = String::new();
    while reader.read_line(&mut line)? > 2 {
        line.clear();
    }
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status} Any\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )?;
    stream.flush()
}
