//! The life of one connection: read a head, run the exchange, and again.

mod goodbye;

use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use goodbye::{end, linger, refuse};

use crate::codec::{HeadScan, Reject, RequestHead, header_slots};
use crate::drain::Counted;
use crate::exchange::{self, Arrived, Ended, Line};
use crate::http2;
use crate::read::poll_read;
use crate::refusal;
use crate::relay;
use crate::service::{Peer, Service};
use crate::settings::Settings;
use crate::timer::Timer;
use crate::tls::Shown;
use crate::transport::Transport;

/// What tells a connection that the server drains; one for all its requests.
struct Told<D> {
    begun: Pin<Box<D>>,
    is_over: bool,
    /// A request has come, so that the client speaks HTTP/1.
    is_settled: bool,
}

/// What came of waiting for a request.
enum Next<R> {
    Request(Box<Arrived>),
    /// One that is passed on as it stands.
    Relay(Box<R>),
    Refused(Reject),
    /// The client speaks HTTP/2. What it sent is ahead.
    Http2,
    /// Nothing more comes.
    End,
}

/// A future that is made where it stays. `Box::pin` copies all that it may ever hold.
pub(crate) fn boxed<F: Future>(make: impl FnOnce() -> F) -> Pin<Box<F>> {
    Box::into_pin(Box::write(Box::new_uninit(), make()))
}

pub(crate) struct Connection<S> {
    pub(crate) service: Arc<S>,
    pub(crate) settings: Arc<Settings>,
    pub(crate) counted: Counted,
    pub(crate) peer: Peer,
    /// The certificate that the client was shown.
    pub(crate) shown: Option<Shown>,
}

impl<S: Service> Connection<S> {
    /// Serves the connection until it ends.
    pub(crate) async fn run<T: Transport>(self, mut stream: T) {
        let mut timer = Timer::after(self.settings.head_timeout);
        let mut ahead = Vec::new();
        let mut buffer = Vec::new();
        let begun = Box::pin(self.counted.drain().begun());
        let mut told = Told { begun, is_over: false, is_settled: false };
        let reject = loop {
            match self.next(&mut stream, &mut timer, &mut ahead, &mut told).await {
                next @ (Next::Request(_) | Next::Relay(_)) => {
                    let line = Line {
                        stream: &mut stream,
                        ahead: std::mem::take(&mut ahead),
                        timer: &mut timer,
                        settings: &self.settings,
                        drain: self.counted.drain(),
                        buffer: std::mem::take(&mut buffer),
                    };
                    // Boxed, so that a connection that waits for a request stays small.
                    let ended = match next {
                        Next::Request(arrived) => {
                            let service = &*self.service;
                            boxed(|| exchange::run(service, &self.peer, *arrived, line)).await
                        }
                        Next::Relay(relay) => boxed(|| relay::run::<S, T>(relay, line)).await,
                        Next::Http2 | Next::Refused(_) | Next::End => return,
                    };
                    match ended {
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
                    timer.set_about(self.settings.idle_timeout);
                    told.is_settled = true;
                }
                Next::Http2 if !told.is_settled => {
                    drop(told);
                    return Box::pin(http2::serve(self, stream, ahead)).await;
                }
                Next::Http2 => break Reject::Version,
                Next::Refused(reject) => break reject,
                Next::End => {
                    if T::BUFFERS {
                        Box::pin(end(&mut stream, &self.settings)).await;
                    }
                    return;
                }
            }
        };
        self.service.refused(reject, &self.peer);
        let answer = refusal::answer(reject, &ahead);
        refuse(&mut stream, &answer, &mut timer, &self.settings).await;
    }

    /// Waits for the next request. `ahead` are bytes of it that have come.
    async fn next<D: Future<Output = ()>>(
        &self,
        stream: &mut impl Transport,
        timer: &mut Timer,
        ahead: &mut Vec<u8>,
        told: &mut Told<D>,
    ) -> Next<S::Relay> {
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
    fn came(
        &self,
        scan: &mut HeadScan,
        ahead: &mut Vec<u8>,
        bytes: &[u8],
    ) -> Option<Next<S::Relay>> {
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

    fn look(&self, scan: &mut HeadScan, ahead: &mut Vec<u8>) -> Option<Next<S::Relay>> {
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
    fn arrive(&self, bytes: &[u8], head: Range<usize>, ahead: &mut Vec<u8>) -> Next<S::Relay> {
        let behind = &bytes[head.end..];
        let raw = &bytes[head];
        let mut slots = header_slots();
        let next = RequestHead::parse(raw, &mut slots, &self.settings.limits())
            .and_then(|head| self.way(&head, behind));
        match next {
            Ok((next, taken)) => {
                ahead.extend_from_slice(&behind[taken..]);
                next
            }
            Err(Reject::Version) if raw == http2::PREFACE_HEAD => {
                ahead.extend_from_slice(raw);
                ahead.extend_from_slice(behind);
                Next::Http2
            }
            Err(reject) => {
                ahead.extend_from_slice(raw);
                Next::Refused(reject)
            }
        }
    }

    /// Which way a request goes, and how many bytes of `behind` are of its body.
    fn way(
        &self,
        head: &RequestHead<'_>,
        behind: &[u8],
    ) -> Result<(Next<S::Relay>, usize), Reject> {
        if let (Some(shown), Some(host)) = (&self.shown, &head.host)
            && shown.is_misdirected(host)
        {
            return Err(Reject::Misdirected);
        }
        if let Some(length) = relay::whole(head, behind, &self.settings)
            && let Some(relay) = self.service.relay(head, &behind[..length], &self.peer)
        {
            return Ok((Next::Relay(relay), length));
        }
        let (arrived, taken) = Arrived::new(head, behind, &self.settings)?;
        Ok((Next::Request(Box::new(arrived)), taken))
    }
}

#[cfg(test)]
mod tests;
