//! Calls that guests make.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::printed::Log;
use crate::support::{ask, get, naughty};

#[tokio::test]
async fn a_host_that_the_pack_names_can_be_called() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(socket.read_u8().await.unwrap());
        }
        socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nback").await.unwrap();
        String::from_utf8(head).unwrap()
    });
    let workload = naughty(&format!("egress: ['{address}']"));
    let answer = ask(&workload, get(&format!("/call?{address}"))).await;
    assert_eq!(answer.text(), "200 back");
    let head = server.await.unwrap();
    assert!(head.contains(&format!("host: {address}")), "{head}");
}

#[tokio::test]
async fn every_other_call_is_denied() {
    let mut log = Log::capture();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    for egress in ["", "egress: [api.example]", "egress: [127.0.0.1]"] {
        let answer = ask(&naughty(egress), get(&format!("/call?{address}"))).await;
        assert!(answer.text().contains("HttpRequestDenied"), "{egress}: {}", answer.text());
    }
    let line = log.wait_for("call denied").await;
    assert!(line.contains(&address.to_string()), "{line}");
}
