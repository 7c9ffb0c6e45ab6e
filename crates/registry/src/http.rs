//! One HTTP request and its answer: connections, TLS, redirects, bounds. Nothing here knows what a
//! registry is.
//!
//! What broke off and may be tried again is `unavailable`; every other failure is final.

mod body;
mod connect;
mod tls;
mod url;

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use deploy_spec::Fault;
use http::header::{AUTHORIZATION, HOST, LOCATION, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use hyper::client::conn::http1::SendRequest;

pub(crate) use body::{Answer, Moved, Outgoing};
pub(crate) use connect::Connector;
pub(crate) use url::{Origin, Scheme, Url};

use crate::options::{Limits, Options};
use crate::text::told;

/// Connections to one origin that are kept open.
const IDLE_MOST: usize = 4;
const AGENT: &str = concat!("gtc/", env!("CARGO_PKG_VERSION"));

/// A request whose body, if any, is small enough to be sent again. It may hold secrets, and so is
/// not shown.
#[derive(Clone)]
pub(crate) struct Ask {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// Sends requests, over connections that it keeps.
pub(crate) struct Http {
    connector: Connector,
    idle: Mutex<HashMap<Origin, Vec<SendRequest<Outgoing>>>>,
    limits: Limits,
}

impl Http {
    /// # Errors
    /// As [`Connector::new`].
    pub(crate) fn new(options: &Options) -> Result<Self, Fault> {
        Ok(Self {
            connector: Connector::new(options)?,
            idle: Mutex::default(),
            limits: options.limits,
        })
    }

    pub(crate) const fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(crate) const fn connector(&self) -> &Connector {
        &self.connector
    }

    /// Sends a request and follows where a reading one is sent on to. Credentials do not leave
    /// their origin.
    ///
    /// # Errors
    /// `unavailable` when no answer arrives; `refused` when it sends us where we do not go.
    pub(crate) async fn send(&self, mut ask: Ask) -> Result<Answer, Fault> {
        for _ in 0..=self.limits.redirects {
            let answer = self.send_once(&ask).await?;
            let reads = ask.method == Method::GET || ask.method == Method::HEAD;
            if !(reads && is_redirect(answer.status())) {
                return Ok(answer);
            }
            let next = ask.url.join(answer.header(LOCATION).unwrap_or_default())?;
            if next.origin != ask.url.origin {
                ask.headers.remove(AUTHORIZATION);
                self.connector.permit(&ask.url.origin, &next.origin)?;
            }
            ask.url = next;
        }
        Err(Fault::refused(format!(
            "{} sent us on more than {} times",
            ask.url.origin, self.limits.redirects
        )))
    }

    /// A connection that was kept may have been closed meanwhile, which is no failure.
    async fn send_once(&self, ask: &Ask) -> Result<Answer, Fault> {
        if let Some(kept) = self.kept(&ask.url.origin) {
            let request = request(ask, Outgoing::whole(ask.body.clone()))?;
            if let Ok(answer) = self.exchange(kept, &ask.url.origin, request).await {
                return Ok(answer);
            }
        }
        let fresh = self.connector.connect(&ask.url.origin).await?;
        let request = request(ask, Outgoing::whole(ask.body.clone()))?;
        self.exchange(fresh, &ask.url.origin, request).await
    }

    /// Sends a request with a body that is read once, and follows nothing.
    ///
    /// # Errors
    /// `unavailable` when no answer arrives.
    pub(crate) async fn stream(&self, ask: &Ask, body: Outgoing) -> Result<Answer, Fault> {
        let origin = &ask.url.origin;
        let sender = match self.kept(origin) {
            Some(kept) => kept,
            None => self.connector.connect(origin).await?,
        };
        self.exchange(sender, origin, request(ask, body)?).await
    }

    async fn exchange(
        &self,
        mut sender: SendRequest<Outgoing>,
        origin: &Origin,
        request: Request<Outgoing>,
    ) -> Result<Answer, Fault> {
        let moved = request.body().moved();
        let what = format!("{} {}", request.method(), origin);
        let mut before = moved.bytes();
        let answer = sender.send_request(request);
        tokio::pin!(answer);
        let response = loop {
            match tokio::time::timeout(self.limits.silence, &mut answer).await {
                Ok(Ok(response)) => break response,
                Ok(Err(error)) => {
                    return Err(Fault::unavailable(format!("{what} broke off: {}", root(&error))));
                }
                Err(_) if moved.bytes() > before => before = moved.bytes(),
                Err(_) => return Err(silent(&what, self.limits.silence)),
            }
        };
        self.keep(origin, sender);
        Ok(Answer::new(response, origin.clone(), what, self.limits))
    }

    fn kept(&self, origin: &Origin) -> Option<SendRequest<Outgoing>> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = idle.get_mut(origin)?;
        kept.retain(|sender| !sender.is_closed());
        let ready = kept.iter().position(SendRequest::is_ready)?;
        Some(kept.swap_remove(ready))
    }

    /// It is used again once the answer has been read.
    fn keep(&self, origin: &Origin, sender: SendRequest<Outgoing>) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = idle.entry(origin.clone()).or_default();
        if kept.len() < IDLE_MOST {
            kept.push(sender);
        }
    }
}

fn silent(what: &str, silence: Duration) -> Fault {
    Fault::unavailable(format!("{what} heard nothing for {} s", silence.as_secs()))
}

/// The innermost reason, which says more than the layers around it.
fn root(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    told(&innermost.to_string())
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

fn request(ask: &Ask, body: Outgoing) -> Result<Request<Outgoing>, Fault> {
    let internal = |error: &dyn std::error::Error| {
        Fault::internal(format!("a request to {} cannot be built: {error}", ask.url.origin))
    };
    let host = ask.url.origin.authority();
    let host = HeaderValue::from_str(&host).map_err(|error| internal(&error))?;
    let mut request = Request::builder()
        .method(ask.method.clone())
        .uri(ask.url.target.as_str())
        .body(body)
        .map_err(|error| internal(&error))?;
    *request.headers_mut() = ask.headers.clone();
    request.headers_mut().insert(HOST, host);
    request.headers_mut().insert(USER_AGENT, HeaderValue::from_static(AGENT));
    Ok(request)
}
