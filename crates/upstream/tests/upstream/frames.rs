//! HTTP/2 frame by frame, as a server would send it that has a mind of its own.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use upstream::{Client, Settings, Speaks};

use crate::server::Server;

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PUSH_PROMISE: u8 = 5;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

pub(crate) const END_STREAM: u8 = 1;
pub(crate) const ACK: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

pub(crate) const INTERNAL_ERROR: u32 = 2;
pub(crate) const REFUSED_STREAM: u32 = 7;
pub(crate) const CANCEL: u32 = 8;

/// A frame (RFC 9113 §4.1).
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = u32::try_from(payload.len()).unwrap().to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// Header lines, each literally and not indexed (RFC 7541 §6.2.2); all shorter than 127 bytes.
pub(crate) fn block(lines: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in lines {
        block.push(0);
        for text in [name, value] {
            block.push(u8::try_from(text.len()).unwrap());
            block.extend(text.as_bytes());
        }
    }
    block
}

pub(crate) fn head(stream: u32, flags: u8, lines: &[(&str, &str)]) -> Vec<u8> {
    frame(HEADERS, flags | END_HEADERS, stream, &block(lines))
}

/// 200, and nothing behind it.
pub(crate) fn answer(stream: u32) -> Vec<u8> {
    head(stream, END_STREAM, &[(":status", "200")])
}

pub(crate) fn reset(stream: u32, reason: u32) -> Vec<u8> {
    frame(RST_STREAM, 0, stream, &reason.to_be_bytes())
}

pub(crate) fn go_away(last: u32, reason: u32) -> Vec<u8> {
    frame(GOAWAY, 0, 0, &[last.to_be_bytes(), reason.to_be_bytes()].concat())
}

/// The server's side of a connection.
pub(crate) struct Frames(UnixStream);

impl Frames {
    /// Reads the preface and says hello.
    pub(crate) async fn open(stream: UnixStream) -> Self {
        Self::greeted(stream, &[]).await
    }

    /// The same with settings: identifiers and values (RFC 9113 §6.5.1).
    pub(crate) async fn greeted(mut stream: UnixStream, settings: &[(u16, u32)]) -> Self {
        let mut preface = [0; 24];
        stream.read_exact(&mut preface).await.unwrap();
        assert_eq!(&preface, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        let settings = settings
            .iter()
            .flat_map(|(id, value)| [&id.to_be_bytes()[..], &value.to_be_bytes()].concat());
        let mut frames = Self(stream);
        frames.send(&frame(SETTINGS, 0, 0, &settings.collect::<Vec<_>>())).await;
        frames
    }

    /// That the other side is gone is for the other side to say.
    pub(crate) async fn send(&mut self, bytes: &[u8]) -> bool {
        self.0.write_all(bytes).await.is_ok()
    }

    /// Kind, flags, stream and payload; none at the end.
    pub(crate) async fn next(&mut self) -> Option<(u8, u8, u32, Vec<u8>)> {
        let mut head = [0; 9];
        self.0.read_exact(&mut head).await.ok()?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        self.0.read_exact(&mut payload).await.ok()?;
        let stream = u32::from_be_bytes(head[5..].try_into().unwrap());
        if head[3] == SETTINGS && head[4] & ACK == 0 {
            self.send(&frame(SETTINGS, ACK, 0, &[])).await;
        }
        Some((head[3], head[4], stream, payload))
    }

    /// The stream and payload of the next frame of a kind.
    pub(crate) async fn next_of(&mut self, wanted: u8) -> Option<(u32, Vec<u8>)> {
        loop {
            let (kind, _, stream, payload) = self.next().await?;
            if kind == wanted {
                return Some((stream, payload));
            }
        }
    }

    /// The stream of the next request.
    pub(crate) async fn request(&mut self) -> u32 {
        self.next_of(HEADERS).await.unwrap().0
    }

    /// Reads until the other side has closed.
    pub(crate) async fn read_away(&mut self) {
        while self.next().await.is_some() {}
    }
}

/// Says hello and these bytes to the first request of each connection, and reads on.
pub(crate) fn saying(bytes: Vec<u8>) -> Server {
    Server::start(move |stream, _| {
        let bytes = bytes.clone();
        async move {
            let mut frames = Frames::open(stream).await;
            if frames.next_of(HEADERS).await.is_some() {
                frames.send(&bytes).await;
                frames.read_away().await;
            }
        }
    })
}

/// A client that knows that its servers speak HTTP/2.
pub(crate) fn client(change: impl FnOnce(&mut Settings)) -> Client {
    let mut settings = Settings::default();
    change(&mut settings);
    Client::speaking(settings, Speaks::H2c)
}
