//! Connections that a proxy brings: HAProxy says whose they are, in both versions; nobody else may.

use std::io::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use ingress::{Body, Peer, Running, Server, Service, Settings};
use tempfile::TempDir;

use crate::client::{Answer, connect, finish, rest, text, whole};

/// Answers with who asks, and whom they asked.
struct Who;

impl Service for Who {
    type Body = Answer;
    type Relay = ingress::NoRelay<Self::Body>;

    async fn call(&self, _: http::Request<Body>, peer: &Peer) -> http::Response<Answer> {
        text(&format!("{} {} {}", peer.address, peer.local, peer.tls))
    }
}

fn serve(trusted: &str) -> Running {
    let settings = Settings {
        threads: 1,
        handshake_timeout: Duration::from_millis(500),
        ..Settings::default()
    };
    let server = Server::bind("127.0.0.1:0".parse().unwrap(), settings).unwrap();
    let server = server.with_proxy_protocol(vec![trusted.parse().unwrap()]);
    server.start(&Arc::new(Who))
}

const GET: &str = "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";

#[test]
fn the_client_is_who_the_proxy_says() {
    let running = serve("127.0.0.0/8");
    let ask = |header: &[u8]| whole(running.local_addr(), &[header, GET.as_bytes()].concat());
    let known = ask(b"PROXY TCP4 192.0.2.1 198.51.100.2 8080 443\r\n");
    assert!(known.ends_with("192.0.2.1:8080 198.51.100.2:443 false"), "{known}");
    let binary =
        ask(b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x01\xc6\x33\x64\x02\x1f\x90\x01\xbb");
    assert!(binary.ends_with("192.0.2.1:8080 198.51.100.2:443 false"), "{binary}");
    let own = ask(b"PROXY UNKNOWN\r\n");
    assert!(own.contains("127.0.0.1:"), "{own}");
    // In pieces, and with the request in the same one as the end of the header.
    let mut stream = connect(running.local_addr());
    for byte in b"PROXY TCP4 192.0.2.1 198.51.100.2 8080 443\r" {
        stream.write_all(&[*byte]).unwrap();
    }
    stream.write_all(format!("\n{GET}").as_bytes()).unwrap();
    assert!(rest(&mut stream).ends_with("192.0.2.1:8080 198.51.100.2:443 false"));
    finish(running);
}

#[test]
fn who_is_no_proxy_gets_no_answer() {
    let running = serve("127.0.0.0/8");
    for bytes in [GET, "", "PROXY TCP4 192.0.2.1 198.51.100.2 8080", "PROXY TCP4 a b 1 2\r\n"] {
        assert!(!whole_or_reset(running.local_addr(), bytes).contains("HTTP"), "{bytes}");
    }
    finish(running);
    let running = serve("192.0.2.0/24");
    let header = format!("PROXY TCP4 192.0.2.1 198.51.100.2 8080 443\r\n{GET}");
    assert!(!whole_or_reset(running.local_addr(), &header).contains("HTTP"));
    finish(running);
}

/// What comes until the connection ends, however it ends.
fn whole_or_reset(address: SocketAddr, bytes: &str) -> String {
    use std::io::Read as _;
    let mut stream = connect(address);
    let _ = stream.write_all(bytes.as_bytes());
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

/// HAProxy in front of a server.
struct Proxy {
    child: Child,
    address: SocketAddr,
    _folder: TempDir,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Proxy {
    fn start(server: SocketAddr, how: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // HAProxy tells nobody which port it took, so it is given one that is free.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let config = format!(
            "defaults\n mode tcp\n timeout connect 5s\n timeout client 20s\n timeout server 20s\n\
             listen front\n bind {address}\n server us {server} {how}\n"
        );
        let file = folder.path().join("haproxy.cfg");
        std::fs::write(&file, config).unwrap();
        let child = Command::new("haproxy")
            .args(["-db", "-f", file.to_str().unwrap()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("`cargo xtask test` installs haproxy");
        Self { child, address, _folder: folder }
    }

    /// A connection through it, once it listens.
    fn connect(&mut self) -> std::net::TcpStream {
        let began = std::time::Instant::now();
        loop {
            if let Ok(stream) = std::net::TcpStream::connect(self.address) {
                stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
                return stream;
            }
            assert!(self.child.try_wait().unwrap().is_none(), "HAProxy has ended");
            assert!(began.elapsed() < Duration::from_secs(20), "HAProxy does not listen");
            std::thread::yield_now();
        }
    }
}

#[test]
fn haproxy_says_who_its_clients_are() {
    for how in
        ["send-proxy", "send-proxy-v2", "send-proxy-v2-ssl-cn proxy-v2-options unique-id,crc32c"]
    {
        let running = serve("127.0.0.1/32");
        let mut proxy = Proxy::start(running.local_addr(), how);
        let mut stream = proxy.connect();
        let us = stream.local_addr().unwrap();
        stream.write_all(GET.as_bytes()).unwrap();
        let answer = rest(&mut stream);
        assert!(answer.ends_with(&format!("{us} {} false", proxy.address)), "{how}: {answer}");
        finish(running);
    }
}
