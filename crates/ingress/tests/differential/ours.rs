//! This server, saying what it was asked.

use std::sync::Arc;

use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use ingress::{Body, Peer, Running, Server, Service, Settings};

use crate::peers::{Seen, see};

struct Says;

impl Service for Says {
    type Body = Full<bytes::Bytes>;
    type Relay = ingress::NoRelay<Self::Body>;

    async fn call(&self, request: Request<Body>, _: &Peer) -> Response<Self::Body> {
        let (parts, body) = request.into_parts();
        let host =
            parts.headers.get("host").and_then(|host| host.to_str().ok()).unwrap_or_default();
        let name = host.split(':').next().unwrap_or_default();
        let said = format!("seen:{} {} {name};", parts.method, parts.uri);
        // All of the body is taken, as the others do.
        match body.collect().await {
            Ok(_) => Response::new(Full::from(said)),
            Err(_) => Response::new(Full::default()),
        }
    }
}

pub(crate) struct Ours(Running);

impl Ours {
    pub(crate) fn start() -> Self {
        let settings = Settings { threads: 1, ..Settings::default() };
        let server = Server::bind("127.0.0.1:0".parse().unwrap(), settings).unwrap();
        Self(server.start(&Arc::new(Says)))
    }

    pub(crate) fn see(&self, bytes: &[u8]) -> Seen {
        see(&self.0.local_addr().to_string(), bytes)
    }
}
