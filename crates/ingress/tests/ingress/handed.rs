//! A listener that somebody else made and keeps: what waits on it outlives the server.

use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::Arc;

use ingress::{Running, Server, Settings};

use crate::client::{Site, connect, finish, one, rest};

fn serve(listener: &TcpListener) -> Running {
    let settings = Settings { threads: 3, ..Settings::default() };
    let server = Server::from_listener(listener.try_clone().unwrap(), settings).unwrap();
    server.start(&Arc::new(Site::default()))
}

#[test]
fn a_connection_waits_from_one_server_to_the_next() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let running = serve(&listener);
    assert_eq!(running.local_addr(), address);
    assert!(running.is_whole());
    let mut kept = connect(address);
    kept.write_all(b"GET /a HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    assert_eq!(one(&mut kept).0, "HTTP/1.1 200 OK");
    finish(running);
    assert_eq!(rest(&mut kept), "");
    let mut waits = connect(address);
    waits.write_all(b"GET /b HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    let running = serve(&listener);
    assert_eq!(one(&mut waits).0, "HTTP/1.1 200 OK");
    drop(waits);
    finish(running);
}

#[test]
fn what_does_not_listen_is_refused() {
    let refused = |socket: OwnedFd| {
        let fault = Server::from_listener(socket.into(), Settings::default()).unwrap_err();
        fault.message
    };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let connected = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (unix, _other) = std::os::unix::net::UnixStream::pair().unwrap();
    assert_eq!(refused(connected.into()), "the socket that was handed over does not listen");
    assert_eq!(refused(unix.into()), "the socket that was handed over is no TCP socket");
}
