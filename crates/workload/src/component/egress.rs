//! The calls that a guest may make: to the hosts that its pack names, and to no other.

use std::sync::Arc;

use http::{HeaderName, Request, Response, Uri};
use http_body_util::BodyExt;
use wasmtime_wasi_http::{
    DEFAULT_FORBIDDEN_HEADERS, Error, RequestOptions, WasiBody, WasiHttpHooks, default_send_request,
};

use super::respond::Shared;

/// Guards the outgoing requests of one instance.
///
/// An entry of the allow-list is a host, which means the default port of the scheme, or a host and
/// a port. Hosts are compared exactly, without case; there are no wildcards. Redirects are not
/// followed: following one is another call.
pub(super) struct Egress(pub(super) Arc<Shared>);

type Sent = Result<(Response<WasiBody>, Box<dyn Future<Output = Result<(), Error>> + Send>), Error>;

impl WasiHttpHooks for Egress {
    fn is_forbidden_header(&mut self, name: &HeaderName) -> bool {
        DEFAULT_FORBIDDEN_HEADERS.contains(name)
    }

    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        if !is_allowed(&self.0.egress, request.uri()) {
            let (pack, host) = (&self.0.pack_id, request.uri().authority());
            let revision = &self.0.given.name;
            tracing::warn!(revision, %pack, ?host, "call denied: the pack's egress does not name this host");
            return Box::new(async { Err(Error::HttpRequestDenied) });
        }
        Box::new(async move {
            let (response, connection) = default_send_request(request, options).await?;
            let connection: Box<dyn Future<Output = _> + Send> = Box::new(connection);
            Ok((response.map(BodyExt::boxed_unsync), connection))
        })
    }
}

fn is_allowed(egress: &[String], uri: &Uri) -> bool {
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else { return false };
    // User information would let `allowed.example@other.example` look like what it is not.
    if authority.as_str().contains('@') {
        return false;
    }
    let default_port = if scheme == "https" { 443 } else { 80 };
    let port = authority.port_u16().unwrap_or(default_port);
    egress.iter().any(|entry| match entry.rsplit_once(':') {
        // A colon inside `[…]` belongs to the address.
        Some((host, digits)) if !digits.contains(']') => {
            host.eq_ignore_ascii_case(authority.host()) && digits.parse() == Ok(port)
        }
        _ => entry.eq_ignore_ascii_case(authority.host()) && port == default_port,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_hosts_named_may_be_called() {
        let egress = ["api.example".to_owned(), "db.example:8080".to_owned(), "[::1]".to_owned()];
        for (uri, allowed) in [
            ("http://api.example/", true),
            ("https://API.example/x", true),
            ("https://api.example:443/", true),
            ("https://api.example:80/", false),
            ("http://api.example:8080/", false),
            ("http://db.example:8080/", true),
            ("http://db.example/", false),
            ("http://[::1]/", true),
            ("http://[::1]:80/", true),
            ("http://[::1]:81/", false),
            ("http://other.example/", false),
            ("http://x.api.example/", false),
            ("http://api.example.evil/", false),
            ("http://api.example@other.example/", false),
            ("http://other.example@api.example/", false),
            ("/", false),
        ] {
            assert_eq!(is_allowed(&egress, &uri.parse().unwrap()), allowed, "{uri}");
        }
        assert!(!is_allowed(&[], &"http://localhost/".parse().unwrap()));
    }
}
