//! One request and its answer, in a task of its own.

use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use h2::RecvStream;
use h2::server::SendResponse;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, DATE};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version};

use super::request::{Asked, read};
use super::send::send_body;
use crate::body::Body;
use crate::codec::{HOP_BY_HOP, Length, Reject, named_by_connection};
use crate::date;
use crate::exchange::guarded;
use crate::refusal::{self, Page};
use crate::service::{Over, Peer, Service};
use crate::settings::Settings;
use crate::tls::Shown;

/// What the streams of one connection share.
pub(super) struct Shared<S> {
    pub(super) service: Arc<S>,
    pub(super) settings: Arc<Settings>,
    pub(super) peer: Peer,
    pub(super) shown: Option<Shown>,
}

/// How a stream ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// With an answer, or because of us.
    Answered,
    /// The client took the request back before its answer began.
    TakenBack,
}

impl<S: Service> Shared<S> {
    /// Answers one request.
    pub(super) async fn answer(
        self: Arc<Self>,
        request: Request<RecvStream>,
        mut respond: SendResponse<Bytes>,
    ) -> Ended {
        let method = request.method().clone();
        let wants_html = refusal::prefers_html(request.headers());
        let response = match read(request, &self.settings, self.shown.as_ref()) {
            Ok(asked) => match self.call(asked, &mut respond).await {
                Some(response) => response,
                None => return Ended::TakenBack,
            },
            Err(reject) => {
                self.service.refused(reject, &self.peer);
                Err(reject)
            }
        };
        match response {
            Ok(response) => {
                send(&mut respond, response, &method, &self.settings, S::poll_over).await;
            }
            Err(reject) => {
                let page = Page::new(reject, wants_html);
                refuse(&mut respond, page, &method, &self.settings).await;
            }
        }
        Ended::Answered
    }

    /// What the service says; nothing when the client goes away meanwhile.
    async fn call(
        &self,
        asked: Asked,
        respond: &mut SendResponse<Bytes>,
    ) -> Option<Result<Response<S::Body>, Reject>> {
        if asked.expects_continue {
            let mut interim = Response::new(());
            *interim.status_mut() = StatusCode::CONTINUE;
            respond.send_informational(interim).ok()?;
        }
        let mut call = pin!(async { self.service.call(asked.request, &self.peer).await });
        let called = std::future::poll_fn(|cx| {
            if respond.poll_reset(cx).is_ready() {
                return Poll::Ready(None);
            }
            guarded(|| call.as_mut().poll(cx)).map(Some)
        });
        let called = called.await?;
        Some(match (asked.verdict.get(), called) {
            (Some(reject), _) => Err(*reject),
            (None, Some(response)) if !response.status().is_informational() => Ok(response),
            (None, _) => Err(Reject::ServiceFailed),
        })
    }
}

/// Sends an answer, as far as the client wants it.
async fn send<B>(
    respond: &mut SendResponse<Bytes>,
    response: Response<B>,
    method: &Method,
    settings: &Settings,
    over: Over<B>,
) where
    B: http_body::Body<Data = Bytes, Error: Into<crate::BoxError>>,
{
    let (mut parts, body) = response.into_parts();
    let hint = body.size_hint().exact();
    let length = Length::choose(method, Version::HTTP_11, (parts.status, &parts.headers), hint);
    clean(&mut parts.headers, length);
    let ends = matches!(length, Length::Bodiless(_)) || body.is_end_stream();
    parts.version = Version::HTTP_2;
    if let Ok(stream) = respond.send_response(Response::from_parts(parts, ()), ends)
        && !ends
    {
        send_body(stream, body, length, settings.write_timeout, over).await;
    }
}

/// Drops what belongs to a connection of HTTP/1.1, and says what the framing is.
fn clean(headers: &mut HeaderMap, length: Length) {
    for name in named_by_connection(headers) {
        headers.remove(name);
    }
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
    match length {
        Length::Known(length) | Length::Bodiless(Some(length)) => {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
        _ => {
            headers.remove(CONTENT_LENGTH);
        }
    }
    if !headers.contains_key(DATE)
        && let Ok(date) = HeaderValue::from_bytes(&date::now())
    {
        headers.insert(DATE, date);
    }
}

async fn refuse(
    respond: &mut SendResponse<Bytes>,
    page: Page,
    method: &Method,
    settings: &Settings,
) {
    let body = Body::whole(page.body.into());
    let mut response = Response::new(body);
    *response.status_mut() = page.status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(page.content_type));
    send(respond, response, method, settings, |_, _| Poll::Pending).await;
}
