//! The life of one connection: read a head, run the exchange, and again.

use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::codec::{HeadScan, Reject, RequestHead, header_slots};
use crate::drain::Counted;
use crate::exchange::{self, Arrived, Ended, Line};
use crate::read::poll_read;
use crate::refusal;
use crate::service::{Peer, Service};
use crate::settings::Settings;
use crate::timer::Timer;

/// How much a client may still send after it was refused, before it is cut, in bytes: cutting at
/// once would make its system throw the answer away.
const LINGER: usize = 256 * 1024;

/// What tells a connection that the server drains; one for all its requests.
struct Told<D> {
    begun: Pin<Box<D>>,
    is_over: bool,
}

/// What came of waiting for a request.
enum Next {
    Request(Box<Arrived>),
    Refused(Reject),
    /// Nothing more comes.
    End,
}

pub(crate) struct Connection<S> {
    pub(crate) service: Arc<S>,
    pub(crate) settings: Arc<Settings>,
    pub(crate) counted: Counted,
    pub(crate) peer: Peer,
}

impl<S: Service> Connection<S> {
    /// Serves the connection until it ends.
    pub(crate) async fn run(self, mut stream: TcpStream) {
        let mut timer = Timer::after(self.settings.head_timeout);
        let mut ahead = Vec::new();
        let mut buffer = Vec::new();
        let mut told = Told { begun: Box::pin(self.counted.drain().begun()), is_over: false };
        loop {
            match self.next(&mut stream, &mut timer, &mut ahead, &mut told).await {
                Next::Request(arrived) => {
                    let line = Line {
                        stream: &mut stream,
                        ahead: std::mem::take(&mut ahead),
                        timer: &mut timer,
                        settings: &self.settings,
                        drain: self.counted.drain(),
                        buffer: std::mem::take(&mut buffer),
                    };
                    // Boxed, so that a connection that waits for a request stays small.
                    let exchange =
                        Box::pin(exchange::run(&*self.service, &self.peer, *arrived, line));
                    match exchange.await {
                        Ended::Open(rest, used) => {
                            ahead = rest;
                            buffer = used;
                        }
                        Ended::Close => {
                            return linger(&mut stream, &mut timer, &self.settings).await;
                        }
                        Ended::Cut => return,
                    }
                    if ahead.is_empty() {
                        // Nothing is at hand, so the memory is given back while we wait.
                        ahead = Vec::new();
                        buffer = Vec::new();
                    }
                    timer.set(self.settings.idle_timeout);
                }
                Next::Refused(reject) => {
                    let answer = refusal::answer(reject, &ahead);
                    return refuse(&mut stream, &answer, &mut timer, &self.settings).await;
                }
                Next::End => return,
            }
        }
    }

    /// Waits for the next request. `ahead` are bytes of it that have come.
    async fn next<D: Future<Output = ()>>(
        &self,
        stream: &mut TcpStream,
        timer: &mut Timer,
        ahead: &mut Vec<u8>,
        told: &mut Told<D>,
    ) -> Next {
        let mut scan = HeadScan::default();
        if !ahead.is_empty()
            && let Some(next) = self.look(&mut scan, ahead)
        {
            return next;
        }
        if told.is_over {
            timer.set(self.settings.drain_idle);
        }
        let mut begun = !ahead.is_empty();
        if begun {
            timer.set(self.settings.head_timeout);
        }
        std::future::poll_fn(|cx| {
            loop {
                let came = poll_read(stream, cx, |bytes| self.came(&mut scan, ahead, bytes));
                match came {
                    Poll::Ready(Ok(Some(next))) => return Poll::Ready(next),
                    Poll::Ready(Ok(None)) => {
                        if !std::mem::replace(&mut begun, true) {
                            timer.set(self.settings.head_timeout);
                        }
                    }
                    Poll::Ready(Err(_)) => return Poll::Ready(Next::End),
                    Poll::Pending => break,
                }
            }
            if !told.is_over && told.begun.as_mut().poll(cx).is_ready() {
                told.is_over = true;
                if !begun {
                    timer.set(self.settings.drain_idle);
                }
            }
            timer.poll(cx).map(
                |()| {
                    if begun { Next::Refused(Reject::HeadTimeout) } else { Next::End }
                },
            )
        })
        .await
    }

    /// Takes what came. In the usual case that is one whole request, and nothing is kept.
    fn came(&self, scan: &mut HeadScan, ahead: &mut Vec<u8>, bytes: &[u8]) -> Option<Next> {
        if bytes.is_empty() {
            return Some(Next::End);
        }
        if !ahead.is_empty() {
            ahead.extend_from_slice(bytes);
            return self.look(scan, ahead);
        }
        match scan.advance(bytes, &self.settings.limits()) {
            Ok(Some(head)) => Some(self.arrive(bytes, head, ahead)),
            Ok(None) => {
                ahead.extend_from_slice(bytes);
                None
            }
            Err(reject) => {
                ahead.extend_from_slice(bytes);
                Some(Next::Refused(reject))
            }
        }
    }

    fn look(&self, scan: &mut HeadScan, ahead: &mut Vec<u8>) -> Option<Next> {
        match scan.advance(ahead, &self.settings.limits()) {
            Ok(Some(head)) => {
                let bytes = std::mem::take(ahead);
                Some(self.arrive(&bytes, head, ahead))
            }
            Ok(None) => None,
            Err(reject) => Some(Next::Refused(reject)),
        }
    }

    /// Reads the head at `head` of `bytes`; what lies behind its body goes ahead.
    fn arrive(&self, bytes: &[u8], head: Range<usize>, ahead: &mut Vec<u8>) -> Next {
        let behind = &bytes[head.end..];
        let raw = &bytes[head];
        let mut slots = header_slots();
        let arrived = RequestHead::parse(raw, &mut slots, &self.settings.limits())
            .and_then(|head| Arrived::new(&head, behind, &self.settings));
        match arrived {
            Ok((arrived, taken)) => {
                ahead.extend_from_slice(&behind[taken..]);
                Next::Request(Box::new(arrived))
            }
            Err(reject) => {
                ahead.extend_from_slice(raw);
                Next::Refused(reject)
            }
        }
    }
}

/// Sends the answer to what is not a request. A client that does not read the answers before it
/// may leave no room even for this one.
async fn refuse(stream: &mut TcpStream, answer: &[u8], timer: &mut Timer, settings: &Settings) {
    let written = timeout(settings.write_timeout, stream.write_all(answer)).await;
    if matches!(written, Ok(Ok(()))) && stream.shutdown().await.is_ok() {
        linger(stream, timer, settings).await;
    }
}

/// Reads away what a client still sends until it hangs up too.
async fn linger(stream: &mut TcpStream, timer: &mut Timer, settings: &Settings) {
    timer.set(settings.drain_idle);
    let mut budget = LINGER;
    std::future::poll_fn(|cx| {
        loop {
            match poll_read(stream, cx, <[u8]>::len) {
                Poll::Ready(Ok(n)) if n > 0 && n <= budget => budget -= n,
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return timer.poll(cx),
            }
        }
    })
    .await;
}

#[cfg(test)]
mod tests;
