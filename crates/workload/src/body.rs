//! The body of a response: some bytes, a guest that is still running, a file, or what a program
//! or another server sends.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use upstream::{Pipe, Poured};

use crate::component::GuestBody;
use crate::program::ProgramBody;
use crate::site::FileBody;
use crate::upstream::UpstreamBody;

/// An error of a body, ours or the caller's.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The body of a response. An error ends it: the caller must then abort the message, not end it.
pub struct Body(Kind);

enum Kind {
    Whole(Bytes),
    Guest(Box<GuestBody>),
    File(Box<FileBody>),
    Program(Box<ProgramBody>),
    Upstream(UpstreamBody),
}

impl Body {
    /// No bytes.
    #[must_use]
    pub const fn empty() -> Self {
        Self(Kind::Whole(Bytes::new()))
    }

    /// The bytes, if all of them are here already.
    #[must_use]
    pub const fn whole(&self) -> Option<&Bytes> {
        match &self.0 {
            Kind::Whole(bytes) => Some(bytes),
            Kind::Guest(_) | Kind::File(_) | Kind::Program(_) | Kind::Upstream(_) => None,
        }
    }

    /// Puts what comes next into a pipe, where it comes from the socket of a server and has to go out
    /// as it is; none where it has to be taken as frames.
    pub fn poll_pour(&mut self, cx: &mut Context<'_>, pipe: &mut Pipe) -> Poll<Poured> {
        match &mut self.0 {
            Kind::Program(program) => program.poll_pour(cx, pipe),
            Kind::Upstream(body) => body.poll_pour(cx, pipe),
            Kind::Whole(_) | Kind::Guest(_) | Kind::File(_) => Poll::Ready(None),
        }
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self(Kind::Whole(bytes))
    }
}

impl From<&'static str> for Body {
    fn from(text: &'static str) -> Self {
        Self(Kind::Whole(Bytes::from_static(text.as_bytes())))
    }
}

impl From<GuestBody> for Body {
    fn from(guest: GuestBody) -> Self {
        Self(Kind::Guest(Box::new(guest)))
    }
}

impl From<FileBody> for Body {
    fn from(file: FileBody) -> Self {
        Self(Kind::File(Box::new(file)))
    }
}

impl From<ProgramBody> for Body {
    fn from(program: ProgramBody) -> Self {
        Self(Kind::Program(Box::new(program)))
    }
}

impl From<UpstreamBody> for Body {
    fn from(upstream: UpstreamBody) -> Self {
        Self(Kind::Upstream(upstream))
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match &mut self.get_mut().0 {
            Kind::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Kind::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Kind::Guest(guest) => guest.poll_frame(cx),
            Kind::File(file) => file.poll_frame(cx),
            Kind::Program(program) => program.poll_frame(cx),
            Kind::Upstream(body) => Pin::new(body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Whole(bytes) => bytes.is_empty(),
            Kind::Guest(guest) => guest.is_ended(),
            Kind::File(file) => file.left() == 0,
            Kind::Program(program) => program.is_ended(),
            Kind::Upstream(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Kind::Guest(guest) => guest.left().map_or_else(SizeHint::new, SizeHint::with_exact),
            Kind::File(file) => SizeHint::with_exact(file.left()),
            Kind::Program(program) => program.size_hint(),
            Kind::Upstream(body) => body.size_hint(),
        }
    }
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match &self.0 {
            Kind::Whole(_) => "Body(whole)",
            Kind::Guest(_) => "Body(guest)",
            Kind::File(_) => "Body(file)",
            Kind::Program(_) => "Body(program)",
            Kind::Upstream(_) => "Body(upstream)",
        })
    }
}
