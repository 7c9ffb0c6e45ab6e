//! A request as HTTP/2 has it: the same one that HTTP/1.1 would write.

use bytes::Bytes;
use http::uri::{Authority, PathAndQuery};
use http::{HeaderValue, Method, Request, Uri, Version, header};

use super::outgoing::Outgoing;
use crate::error::{BoxError, Error};
use crate::request::{accepts_trailers, body_length, passed_on};

/// The head to be sent, and what comes behind it.
///
/// # Errors
/// When the host cannot be one: [`Error::Body`].
pub(super) fn begin<B>(request: Request<B>, scheme: &str) -> Result<(Request<()>, Outgoing), Error>
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let (parts, body) = request.into_parts();
    let length = body_length(&body);
    let mut head = Request::new(());
    *head.uri_mut() = uri(scheme, parts.headers.get(header::HOST), parts.uri.path_and_query())?;
    *head.version_mut() = Version::HTTP_2;
    let headers = head.headers_mut();
    headers.reserve(parts.headers.len() + 2);
    for (name, value) in passed_on(&parts.headers) {
        if *name != header::HOST {
            headers.append(name, value.clone());
        }
    }
    if accepts_trailers(&parts.headers) {
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
    }
    let is_said = match length {
        Some(0) => matches!(parts.method, Method::POST | Method::PUT | Method::PATCH),
        length => length.is_some(),
    };
    if let (true, Some(length)) = (is_said, length) {
        headers.insert(header::CONTENT_LENGTH, length.into());
    }
    let outgoing = match length {
        Some(0) => Outgoing::none(),
        length => Outgoing::new(
            Box::pin(http_body_util::BodyExt::map_err(body, Into::into)),
            length,
            crate::request::waits_for_continue(&parts.headers),
        ),
    };
    if outgoing.is_held() {
        head.headers_mut().insert(header::EXPECT, HeaderValue::from_static("100-continue"));
    }
    *head.method_mut() = parts.method;
    Ok((head, outgoing))
}

/// `:authority` is what HTTP/1.1 says as `Host`.
fn uri(
    scheme: &str,
    host: Option<&HeaderValue>,
    target: Option<&PathAndQuery>,
) -> Result<Uri, Error> {
    let authority = match host {
        Some(host) => Authority::try_from(host.as_bytes()),
        None => Ok(Authority::from_static("localhost")),
    };
    let target = target.cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
    let uri = authority.map_err(http::Error::from).and_then(|authority| {
        Uri::builder().scheme(scheme).authority(authority).path_and_query(target).build()
    });
    uri.map_err(|error| Error::Body(format!("its host cannot be told: {error}").into()))
}
