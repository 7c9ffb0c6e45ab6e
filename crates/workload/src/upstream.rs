//! A server that already runs, as a pack: proxied to, never started or stopped.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use deploy_spec::{Fault, Pack, PackId, UpstreamTarget};
use http::uri::PathAndQuery;
use http::{Request, Response, Uri};
use upstream::{Client, Endpoint, Settings};

use crate::body::{Body, BoxError};
use crate::engine::Given;
use crate::failure::Failure;

/// What an upstream sends, as it comes.
pub(crate) use upstream::Incoming as UpstreamBody;

/// A server that is proxied to.
pub(crate) struct UpstreamPack {
    pack_id: PackId,
    /// What the log calls its revision.
    revision: String,
    endpoint: Arc<Endpoint>,
    /// What stands in front of every path, empty or `/…`.
    base: String,
    client: Client,
}

impl UpstreamPack {
    /// Connects to nothing yet.
    ///
    /// # Errors
    /// `invalid-input` without a URL.
    pub(crate) fn new(pack: &Pack, given: &Given) -> Result<Self, Fault> {
        let url = pack.url.as_ref().ok_or_else(|| Fault::invalid("an `upstream` has a `url`"))?;
        let (endpoint, base) = match url.target() {
            UpstreamTarget::Unix { path } => {
                (Endpoint::Unix { path: path.into(), owner: None }, "")
            }
            UpstreamTarget::Tcp { host, port, base } => match host.parse::<IpAddr>() {
                Ok(address) => (Endpoint::Address((address, port).into()), base),
                Err(_) => (Endpoint::Name { host: host.to_owned(), port }, base),
            },
        };
        let patience = Duration::from_millis(pack.limits.timeout_ms.into());
        let standard = Settings::default();
        let client = Client::new(Settings {
            connect_timeout: standard.connect_timeout.min(patience),
            head_timeout: patience,
            silence_timeout: patience,
            ..standard
        });
        Ok(Self {
            pack_id: pack.pack_id.clone(),
            revision: given.name.clone(),
            endpoint: Arc::new(endpoint),
            base: base.to_owned(),
            client,
        })
    }

    pub(crate) async fn respond<B>(self: Arc<Self>, mut request: Request<B>) -> Response<Body>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        if !self.base.is_empty() {
            extend(request.uri_mut(), &self.base);
        }
        match self.client.send(&self.endpoint, request).await {
            Ok(response) => response.map(|incoming| match incoming.whole() {
                Some(whole) => Body::from(whole.clone()),
                None => incoming.into(),
            }),
            Err(error) => {
                let Self { pack_id: pack, revision, endpoint, .. } = &*self;
                tracing::warn!(revision, %pack, %endpoint, "the upstream did not answer: {error}");
                Failure::of(&error).response()
            }
        }
    }
}

/// Puts `base` in front of the path.
fn extend(uri: &mut Uri, base: &str) {
    let rest = uri.path_and_query().map_or("/", PathAndQuery::as_str);
    if let Ok(target) = PathAndQuery::from_maybe_shared(format!("{base}{rest}")) {
        *uri = Uri::from(target);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_goes_in_front_of_the_path() {
        for (before, after) in
            [("/", "/shop/"), ("/a?b=c", "/shop/a?b=c"), ("http://x/a", "/shop/a")]
        {
            let mut uri: Uri = before.parse().unwrap();
            extend(&mut uri, "/shop");
            assert_eq!(uri, after);
        }
    }
}
