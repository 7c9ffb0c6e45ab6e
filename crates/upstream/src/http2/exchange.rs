//! One request on a stream, until the head of its answer is there.

use std::pin::Pin;
use std::task::{Context, Poll};

use h2::client::ResponseFuture;
use h2::{Reason, RecvStream};
use http::{Method, Request, Response, StatusCode};
use ingress::timer::Timer;

use super::answer;
use super::body::Http2Body;
use super::link::Slot;
use super::outgoing::Outgoing;
use super::sender::Sender;
use crate::body::Incoming;
use crate::error::Error;
use crate::exchange::INTERIM;
use crate::head::Violation;
use crate::sender::Sending;
use crate::settings::Settings;

pub(super) struct Exchange<'a> {
    slot: Slot,
    answer: ResponseFuture,
    sender: Sender,
    settings: &'a Settings,
    timer: Timer,
    interim: usize,
    waits: Sending,
}

/// A request without an answer.
pub(super) struct Failed {
    pub(super) error: Error,
    pub(super) fate: Fate,
    pub(super) outgoing: Outgoing,
}

/// What became of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// The server has certainly not looked at it (RFC 9113 §8.7).
    Unprocessed,
    /// Its connection ended.
    Cut,
    Unknown,
}

impl Fate {
    pub(super) fn is_unprocessed(self) -> bool {
        self == Self::Unprocessed
    }

    pub(super) fn is_cut(self) -> bool {
        self == Self::Cut
    }

    /// An error that says that the connection goes away comes to those streams only that the server
    /// leaves out, and to none after it.
    fn of(error: &h2::Error) -> Self {
        let is_refused = error.is_reset() && error.reason() == Some(Reason::REFUSED_STREAM);
        match error.is_remote() && (is_refused || error.is_go_away()) {
            true => Self::Unprocessed,
            false if error.is_io() => Self::Cut,
            false => Self::Unknown,
        }
    }
}

/// Why a head did not come.
pub(super) enum Ended {
    Stream(h2::Error),
    Ours(Error),
}

impl From<Error> for Ended {
    fn from(error: Error) -> Self {
        Self::Ours(error)
    }
}

impl<'a> Exchange<'a> {
    /// Sends the head.
    pub(super) fn begin(
        mut slot: Slot,
        head: &Request<()>,
        outgoing: Outgoing,
        settings: &'a Settings,
    ) -> Result<Self, Box<Failed>> {
        let is_whole = outgoing.is_empty();
        match slot.requests.send_request(head.clone(), is_whole) {
            Ok((answer, stream)) => Ok(Self {
                slot,
                answer,
                sender: Sender::new(stream, outgoing),
                settings,
                timer: Timer::after(settings.head_timeout),
                interim: 0,
                waits: if is_whole { Sending::Done } else { Sending::OnServer },
            }),
            Err(error) => {
                slot.retire();
                let fate = Fate::Unprocessed;
                Err(Box::new(Failed { error: answer::failure(&error), fate, outgoing }))
            }
        }
    }

    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Response<RecvStream>, Ended>> {
        loop {
            self.send(cx)?;
            match self.receive(cx) {
                Poll::Ready(Ok(None)) => {}
                Poll::Ready(Ok(Some(answer))) => return Poll::Ready(Ok(answer)),
                Poll::Ready(Err(ended)) => return Poll::Ready(Err(ended)),
                Poll::Pending if self.is_over(cx) => {
                    // Whether the server is there at all is for the next connection to find out.
                    self.slot.retire();
                    return Poll::Ready(Err(Error::Timeout("answer").into()));
                }
                Poll::Pending if self.waits == Sending::Held => {
                    if self.timer.poll(cx).is_pending() {
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
        self.waits = self.sender.poll(cx)?;
        if let Some(time) = self.waits.begins(before, self.sender.take_moved(), self.settings) {
            self.timer.set(time);
        }
        Ok(())
    }

    /// Whether the server has had its time.
    fn is_over(&mut self, cx: &mut Context<'_>) -> bool {
        self.waits.is_the_servers() && self.timer.poll(cx).is_ready()
    }

    fn go_on(&mut self) {
        self.sender.outgoing.release();
        self.waits = Sending::OnServer;
        self.timer.set(self.settings.head_timeout);
    }

    fn receive(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<Response<RecvStream>>, Ended>> {
        let interim = match self.answer.poll_informational(cx) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Some(interim)) => interim.map_err(Ended::Stream)?,
            Poll::Ready(None) => {
                let answer = Pin::new(&mut self.answer).poll(cx);
                return answer.map(|answer| answer.map(Some).map_err(Ended::Stream));
            }
        };
        if interim.status() == StatusCode::SWITCHING_PROTOCOLS {
            return Poll::Ready(Err(Error::from(Violation::Upgrade).into()));
        }
        self.interim += 1;
        if self.interim > INTERIM {
            return Poll::Ready(Err(Error::from(Violation::TooManyInterim).into()));
        }
        if interim.status() == StatusCode::CONTINUE && self.waits == Sending::Held {
            self.go_on();
        }
        Poll::Ready(Ok(None))
    }

    /// The answer, with the rest of the exchange behind it.
    pub(super) fn answered(
        self,
        method: &Method,
        answer: Response<RecvStream>,
        settings: &Settings,
    ) -> Result<Response<Incoming>, Error> {
        let Self { slot, mut sender, timer, waits, .. } = self;
        let (answer, length) = answer::read(answer, method)?;
        sender.outgoing.forget();
        // A body that the server has not asked for is not sent behind its answer.
        let sender = matches!(waits, Sending::OnServer | Sending::OnClient).then_some(sender);
        let patience = settings.patience(answer.status(), answer.headers());
        Ok(answer.map(|stream| {
            if stream.is_end_stream() && sender.is_none() {
                return Incoming::empty();
            }
            Incoming::http2(Http2Body::new(stream, sender, slot, length, (timer, patience)))
        }))
    }

    pub(super) fn failed(self, ended: Ended) -> Failed {
        let (error, fate) = match ended {
            Ended::Stream(error) => (answer::failure(&error), Fate::of(&error)),
            Ended::Ours(error) => (error, Fate::Unknown),
        };
        Failed { error, fate, outgoing: self.sender.outgoing }
    }
}
