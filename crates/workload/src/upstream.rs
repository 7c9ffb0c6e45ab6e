//! A server that already runs, as a pack: proxied to, never started or stopped.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bundle::Archive;
use bytes::Bytes;
use deploy_spec::{Fault, Pack, PackId, Protocol, UpstreamScheme, UpstreamTarget};
use http::uri::PathAndQuery;
use http::{Method, Request, Response, Uri};
use upstream::{Alpn, Client, Endpoint, HeadView, Settings, Speaks, Tls, Trust};

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
    /// `invalid-input` without a URL, or where the bundle's file of authorities is none.
    pub(crate) fn new(archive: &Archive, pack: &Pack, given: &Given) -> Result<Self, Fault> {
        let url = pack.url.as_ref().ok_or_else(|| Fault::invalid("an `upstream` has a `url`"))?;
        let (endpoint, base) = match url.target() {
            UpstreamTarget::Unix { path } => {
                (Endpoint::Unix { path: path.into(), trust: Trust::Path }, "")
            }
            UpstreamTarget::Tcp { host, port, base, .. } => match host.parse::<IpAddr>() {
                Ok(address) => (Endpoint::Address((address, port).into()), base),
                Err(_) => (Endpoint::Name { host: host.to_owned(), port }, base),
            },
        };
        let patience = Duration::from_millis(pack.limits.timeout_ms.into());
        let standard = Settings::default();
        let settings = Settings {
            connect_timeout: standard.connect_timeout.min(patience),
            head_timeout: patience,
            silence_timeout: patience,
            ..standard
        };
        let client = Client::speaking(settings, speaks(archive, pack, url.target())?);
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
            Ok(response) => passed_on(response),
            Err(error) => self.failed(&error),
        }
    }

    /// Whether it takes requests as bytes.
    pub(crate) fn relays(&self) -> bool {
        self.client.relays()
    }

    /// What stands in front of every path.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// See [`Relay::send`](crate::Relay::send).
    pub(crate) async fn relay(
        &self,
        method: Method,
        request: Vec<u8>,
        take: impl FnMut(&HeadView<'_>, &[u8]) + Send,
    ) -> Option<Response<Body>> {
        match self.client.relay(&self.endpoint, method, request, take).await {
            Ok(response) => response.map(passed_on),
            Err(error) => Some(self.failed(&error)),
        }
    }

    fn failed(&self, error: &upstream::Error) -> Response<Body> {
        let Self { pack_id: pack, revision, endpoint, .. } = self;
        tracing::warn!(revision, %pack, %endpoint, "the upstream did not answer: {error}");
        Failure::of_server(error)
    }
}

fn speaks(archive: &Archive, pack: &Pack, target: UpstreamTarget<'_>) -> Result<Speaks, Fault> {
    let UpstreamTarget::Tcp { scheme: UpstreamScheme::Https, host, .. } = target else {
        return Ok(in_the_clear(pack.protocol));
    };
    let tls = pack.tls.clone().unwrap_or_default();
    let ca = tls.ca.as_ref().map(|ca| archive.read(ca.as_str())).transpose()?;
    let alpn = match pack.protocol {
        Protocol::Http1 => Alpn::Http1,
        Protocol::Auto | Protocol::H2c => Alpn::Either,
    };
    let name = tls.server_name.as_deref().unwrap_or(host);
    let tls = Tls::new(name, ca.as_deref()).map_err(|mut fault| {
        let file = tls.ca.as_ref().map(|ca| format!("`{ca}`: ")).unwrap_or_default();
        fault.message = format!("pack `{}`: {file}{}", pack.pack_id, fault.message);
        fault
    })?;
    Ok(Speaks::Tls(tls, alpn))
}

/// What a server without TLS is spoken to in.
pub(crate) const fn in_the_clear(protocol: Protocol) -> Speaks {
    match protocol {
        Protocol::Auto | Protocol::Http1 => Speaks::Http1,
        Protocol::H2c => Speaks::H2c,
    }
}

fn passed_on(response: Response<UpstreamBody>) -> Response<Body> {
    response.map(|incoming| match incoming.whole() {
        Some(whole) => Body::from(whole.clone()),
        None => incoming.into(),
    })
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
