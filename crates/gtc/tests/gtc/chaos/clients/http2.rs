//! HTTP/2 by prior knowledge: several requests at a time on a connection, until it says goodbye.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use bytes::Bytes;
use h2::client::SendRequest;
use tokio::net::TcpStream;

use super::{Lost, Once, PATIENCE, REMEMBERED, Running, Shared, Told};

/// How many requests are open at a time.
const AT_ONCE: usize = 4;

pub(super) fn run(shared: &Shared) -> Running {
    let (shared, done) = (shared.clone(), Arc::new(AtomicU64::new(0)));
    let count = done.clone();
    let client = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut told = Told { name: "http2", ..Told::default() };
            while !shared.ends.load(Ordering::SeqCst) {
                visit(&shared, &mut told, &count).await;
            }
            told
        })
    });
    (client, done)
}

/// One connection, as long as it takes requests.
async fn visit(shared: &Shared, told: &mut Told, count: &AtomicU64) {
    let opened = async {
        let stream = TcpStream::connect(&shared.address).await?;
        h2::client::handshake(stream).await.map_err(std::io::Error::other)
    };
    let (requests, connection) = match opened.await {
        Ok(opened) => opened,
        Err(error) => return told.lost.push(format!("no connection: {error}")),
    };
    let driver = tokio::spawn(connection);
    loop {
        let mut open = Vec::new();
        for _ in 0..AT_ONCE {
            open.push(tokio::spawn(ask(requests.clone(), shared.clone())));
        }
        let mut goes_on = !shared.ends.load(Ordering::SeqCst);
        for request in open {
            match request.await.unwrap() {
                Ok(()) => told.done += 1,
                Err(Lost::Before) => {
                    told.again += 1;
                    goes_on = false;
                }
                Err(Lost::Really(why)) => {
                    goes_on = false;
                    if told.lost.len() < REMEMBERED {
                        told.lost.push(why);
                    }
                }
            }
            count.fetch_add(1, Ordering::SeqCst);
        }
        if !goes_on {
            return driver.abort();
        }
    }
}

async fn ask(requests: SendRequest<Bytes>, shared: Shared) -> Once {
    let whole = async {
        let mut requests = requests.ready().await.map_err(|error| before(&error))?;
        let sent = Instant::now();
        let request = http::Request::get("http://shop.test/").body(()).unwrap();
        let (answer, _) = requests.send_request(request, true).map_err(|error| before(&error))?;
        let answer = answer.await.map_err(|error| before(&error))?;
        let revision = answer.headers().get("x-greentic-revision");
        let revision = revision.map_or("", |name| name.to_str().unwrap()).to_owned();
        let status = answer.status().as_u16();
        let mut body = answer.into_body();
        while let Some(data) = body.data().await {
            let data = data.map_err(|error| Lost::Really(format!("in a body: {error}")))?;
            let _ = body.flow_control().release_capacity(data.len());
        }
        shared.check(status, &revision, sent)
    };
    let timed = tokio::time::timeout(PATIENCE, whole).await;
    timed.unwrap_or_else(|_| Err(Lost::Really("no answer in time".into())))
}

/// A connection that says goodbye has not begun what it refuses (RFC 9113 §6.8, §8.7).
fn before(error: &h2::Error) -> Lost {
    let is_refused = error.reason() == Some(h2::Reason::REFUSED_STREAM);
    if is_refused || (error.is_go_away() && error.reason() == Some(h2::Reason::NO_ERROR)) {
        return Lost::Before;
    }
    Lost::Really(error.to_string())
}
