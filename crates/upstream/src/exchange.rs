//! One request on a connection, until the head of its answer is there.

use std::task::{Context, Poll};

use bytes::Bytes;
use http::StatusCode;
use ingress::read::poll_read;

use crate::connection::Connection;
use crate::error::Error;
use crate::head::{ResponseHead, Scan, Violation};
use crate::request::Asked;
use crate::sender::{Sender, Sending};
use crate::settings::Settings;

/// How many interim answers a request may get: `100 Continue`, a few hints.
pub(crate) const INTERIM: usize = 8;

pub(crate) struct Exchange<'a> {
    pub(crate) connection: Connection,
    pub(crate) sender: Sender,
    /// Whether the request is complete; not when the server would not take all of it.
    pub(crate) is_sent: bool,
    asked: &'a Asked,
    settings: &'a Settings,
    /// What came of an incomplete head.
    partial: Vec<u8>,
    scan: Scan,
    interim: usize,
    has_received: bool,
    /// Whether the timer of the connection is set for this request.
    is_timed: bool,
    waits: Sending,
    taker: Option<Taker<'a>>,
}

/// What came of an exchange.
pub(crate) enum Answered {
    /// A head, and what came behind it.
    Head(ResponseHead, Bytes),
    /// All of the answer, and somebody has taken it.
    Taken,
}

/// Whoever takes a whole answer out of the bytes it came in; false if that is not what they are.
pub(crate) type Taker<'t> = &'t mut (dyn FnMut(&[u8]) -> bool + Send);

impl<'a> Exchange<'a> {
    pub(crate) fn new(
        connection: Connection,
        sender: Sender,
        asked: &'a Asked,
        settings: &'a Settings,
        taker: Option<Taker<'a>>,
    ) -> Self {
        Self {
            connection,
            sender,
            is_sent: false,
            asked,
            settings,
            partial: Vec::new(),
            scan: Scan::default(),
            interim: 0,
            has_received: false,
            is_timed: false,
            waits: Sending::OnServer,
            taker,
        }
    }

    /// Whether the connection ended before the server said anything, as one does that waited too
    /// long.
    pub(crate) const fn is_stale(&self) -> bool {
        !self.has_received
    }

    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Answered, Error>> {
        loop {
            self.send(cx)?;
            match self.receive(cx) {
                Poll::Ready(Ok(None)) => {}
                Poll::Ready(Ok(Some(answered))) => return Poll::Ready(Ok(answered)),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending if self.is_over(cx) => {
                    return Poll::Ready(Err(Error::Timeout("answer")));
                }
                Poll::Pending if self.waits == Sending::Held => {
                    if self.connection.timer.poll(cx).is_pending() {
                        return Poll::Pending;
                    }
                    self.go_on();
                }
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    fn send(&mut self, cx: &mut Context<'_>) -> Result<(), Error> {
        if self.waits == Sending::Done {
            return Ok(());
        }
        let before = self.waits;
        match self.sender.poll(&mut self.connection.socket, cx) {
            Ok(waits) => {
                self.waits = waits;
                self.is_sent = waits == Sending::Done;
            }
            // It may have answered all the same, and that is what is read now.
            Err(Error::Closed) => self.waits = Sending::Done,
            Err(error) => return Err(error),
        }
        let begins = self.waits.begins(before, self.sender.take_moved(), self.settings);
        // A server that takes nothing at all has its time as well.
        let first = (!self.is_timed).then_some(self.settings.head_timeout);
        if let Some(time) = begins.or(first) {
            self.connection.timer.set(time);
            self.is_timed = true;
        }
        Ok(())
    }

    /// Whether the server has had its time.
    fn is_over(&mut self, cx: &mut Context<'_>) -> bool {
        self.waits.is_the_servers() && self.connection.timer.poll(cx).is_ready()
    }

    fn go_on(&mut self) {
        self.sender.release();
        self.waits = Sending::OnServer;
        self.connection.timer.set(self.settings.head_timeout);
    }

    fn receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Answered>, Error>> {
        let Self { connection, partial, taker, .. } = self;
        let taker = taker.as_mut().filter(|_| self.is_sent && partial.is_empty());
        let came = poll_read(&mut connection.socket, cx, |bytes| {
            if partial.is_empty() {
                let is_taken = taker.is_some_and(|taker| taker(bytes));
                return if is_taken { None } else { Some(Bytes::copy_from_slice(bytes)) };
            }
            if bytes.is_empty() {
                return Some(Bytes::new());
            }
            partial.extend_from_slice(bytes);
            Some(Bytes::from(std::mem::take(partial)))
        });
        match came {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Ok(None)) => Poll::Ready(Ok(Some(Answered::Taken))),
            Poll::Ready(Ok(Some(bytes))) if !bytes.is_empty() => {
                self.has_received = true;
                Poll::Ready(self.take(bytes))
            }
            Poll::Ready(_) => Poll::Ready(Err(Error::Closed)),
        }
    }

    /// Takes what came, the beginning of the head included.
    fn take(&mut self, mut bytes: Bytes) -> Result<Option<Answered>, Error> {
        loop {
            let Some(length) = self.scan.advance(&bytes, self.settings.max_head_bytes)? else {
                self.partial = bytes.into();
                return Ok(None);
            };
            let raw = bytes.split_to(length);
            self.scan = Scan::default();
            let offered = self.asked.upgrade.as_ref().map(|(protocol, _)| protocol);
            let head = ResponseHead::parse(&raw, &self.asked.method, offered)?;
            let is_last = head.status == StatusCode::SWITCHING_PROTOCOLS;
            if is_last || !head.status.is_informational() {
                return Ok(Some(Answered::Head(head, bytes)));
            }
            self.interim += 1;
            if self.interim > INTERIM {
                return Err(Violation::TooManyInterim.into());
            }
            if head.status == StatusCode::CONTINUE && self.waits == Sending::Held {
                self.go_on();
            }
        }
    }
}
