//! The body of an answer, and what it does about the end of its revision.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use deploy_spec::Ended;
use http::Response;
use http_body::{Body as _, Frame, SizeHint};
use ingress::{Pipe, Poured};
use tokio::sync::futures::OwnedNotified;
use tokio::time::{Sleep, sleep};
use workload::{Body, BoxError};

use super::{CLOSES, InFlight, SERVES, Ticket};
use crate::ambient;
use crate::farewell::Manner;
use crate::shadow::Witness;
use crate::trail::Trail;

/// The body of an answer, in flight until it is dropped.
#[derive(Debug)]
pub struct Answer {
    body: Body,
    ticket: Option<Ticket>,
    manner: Manner,
    trail: Trail,
    /// Made when the body first has to wait; most never do.
    turned: Option<Pin<Box<OwnedNotified>>>,
    /// The moment in which it says goodbye, once streams do.
    leaves: Option<Pin<Box<Sleep>>>,
    has_left: bool,
    witness: Option<Box<Witness>>,
}

/// What an answer is to do about the end of its revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    GoOn,
    Leave,
    Cut,
}

/// What an answer has to say next.
enum Next<T> {
    /// This of its body.
    Of(T),
    /// Nothing more of its body: last words, or that it breaks off.
    Over(Option<Result<Bytes, BoxError>>),
}

impl Answer {
    pub(crate) fn new(body: Body, manner: Manner, ticket: Ticket, trail: Trail) -> Self {
        let ticket = Some(ticket);
        let answer = Self::bare(body, trail);
        Self { ticket, manner, ..answer }
    }

    /// The same, seen by somebody.
    pub(crate) fn seen_by(self, witness: Option<Box<Witness>>) -> Self {
        Self { witness, ..self }
    }

    /// An answer of ours, which no revision is behind.
    pub(crate) fn ours(response: Response<Body>, mut trail: Trail) -> Response<Self> {
        trail.answers(&response);
        response.map(|body| Self::bare(body, trail))
    }

    fn bare(body: Body, trail: Trail) -> Self {
        Self {
            body,
            ticket: None,
            manner: Manner::default(),
            trail,
            turned: None,
            leaves: None,
            has_left: false,
            witness: None,
        }
    }

    /// How far the end of its revision has come.
    fn phase(&self) -> u8 {
        self.ticket
            .as_ref()
            .map_or(SERVES, |Ticket(in_flight)| in_flight.phase.load(Ordering::SeqCst))
    }

    /// What to do in this phase.
    fn turn(&mut self, phase: u8, cx: &mut Context<'_>) -> Turn {
        let Some(Ticket(in_flight)) = &self.ticket else { return Turn::GoOn };
        match phase {
            SERVES => Turn::GoOn,
            CLOSES if !self.manner.is_stream() => Turn::GoOn,
            CLOSES => {
                let leaves = self.leaves.get_or_insert_with(|| {
                    let spread = in_flight.spread_ms.load(Ordering::SeqCst).max(1);
                    let wait = Duration::from_millis(u64::from(ambient::roll() % spread));
                    Box::pin(sleep(wait))
                });
                let is_time = leaves.is_elapsed() || leaves.as_mut().poll(cx).is_ready();
                if is_time { Turn::Leave } else { Turn::GoOn }
            }
            _ if self.manner.is_stream() && self.manner.last_words().is_some() => Turn::Leave,
            _ => Turn::Cut,
        }
    }

    /// Has the task woken by the phase behind this one. True if it has come meanwhile.
    fn turns(&mut self, phase: u8, cx: &mut Context<'_>) -> bool {
        let Some(Ticket(in_flight)) = &self.ticket else { return false };
        loop {
            let notified = || Box::pin(Arc::clone(&in_flight.turned).notified_owned());
            let turned = self.turned.get_or_insert_with(notified);
            // Heard from first, and looked at after: a turn in between is not missed.
            if turned.as_mut().poll(cx).is_pending() {
                return self.phase() != phase;
            }
            self.turned = None;
        }
    }

    fn count(&self, counter: impl FnOnce(&InFlight) -> &AtomicU64) {
        if let Some(Ticket(in_flight)) = &self.ticket {
            counter(in_flight).fetch_add(1, Ordering::SeqCst);
        }
    }

    /// What comes of the body, unless the end of its revision comes before it.
    fn poll_next<T>(
        &mut self,
        cx: &mut Context<'_>,
        mut poll: impl FnMut(&mut Body, &mut Context<'_>) -> Poll<T>,
    ) -> Poll<Next<T>> {
        if self.has_left {
            return Poll::Ready(Next::Over(None));
        }
        loop {
            let phase = self.phase();
            match self.turn(phase, cx) {
                Turn::GoOn => {}
                Turn::Leave => {
                    if let Some(words) = self.manner.last_words() {
                        self.has_left = true;
                        self.count(|in_flight| &in_flight.left);
                        self.trail.sends(words.len());
                        self.trail.ends(Ended::Drained);
                        return Poll::Ready(Next::Over(Some(Ok(words))));
                    }
                }
                Turn::Cut => {
                    self.has_left = true;
                    self.count(|in_flight| &in_flight.cut);
                    self.trail.ends(Ended::Cut);
                    let why = "its revision has drained";
                    return Poll::Ready(Next::Over(Some(Err(why.into()))));
                }
            }
            match poll(&mut self.body, cx) {
                Poll::Pending if self.turns(phase, cx) => {}
                polled => return polled.map(Next::Of),
            }
        }
    }

    /// See [`ingress::Service::poll_over`]. There is no room for last words.
    pub(crate) fn poll_over(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let phase = self.phase();
            if !matches!(phase, SERVES | CLOSES) {
                self.has_left = true;
                self.count(|in_flight| &in_flight.cut);
                self.trail.ends(Ended::Cut);
                return Poll::Ready(());
            }
            if !self.turns(phase, cx) {
                return Poll::Pending;
            }
        }
    }

    /// See [`ingress::Service::poll_pour`].
    pub(crate) fn poll_pour(&mut self, cx: &mut Context<'_>, pipe: &mut Pipe) -> Poll<Poured> {
        // Who looks at the bytes has to see them.
        if self.witness.is_some() || self.manner.is_stream() {
            return Poll::Ready(None);
        }
        let poured = match ready!(self.poll_next(cx, |body, cx| body.poll_pour(cx, pipe))) {
            Next::Of(poured) => poured,
            Next::Over(Some(Err(error))) => return Poll::Ready(Some(Err(error))),
            Next::Over(_) => return Poll::Ready(None),
        };
        match &poured {
            Some(Ok(n)) => {
                self.trail.sends(*n);
                if self.body.is_end_stream() {
                    self.trail.ends(Ended::Complete);
                }
            }
            Some(Err(_)) => self.trail.ends(Ended::Failed),
            None => {}
        }
        Poll::Ready(poured)
    }
}

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        let frame = match ready!(this.poll_next(cx, |body, cx| Pin::new(body).poll_frame(cx))) {
            Next::Of(frame) => frame,
            Next::Over(words) => return Poll::Ready(words.map(|words| words.map(Frame::data))),
        };
        match &frame {
            Some(Ok(frame)) => {
                if let Some(data) = frame.data_ref() {
                    this.manner.watch(data);
                    this.trail.sends(data.len());
                    if let Some(witness) = &mut this.witness {
                        witness.add(data, this.body.is_end_stream());
                    }
                }
                if this.body.is_end_stream() {
                    this.trail.ends(Ended::Complete);
                }
            }
            Some(Err(_)) => this.trail.ends(Ended::Failed),
            None => {
                this.trail.ends(Ended::Complete);
                if let Some(witness) = &mut this.witness {
                    witness.end();
                }
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.has_left || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
