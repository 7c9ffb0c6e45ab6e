//! A connection to an origin: TCP, then TLS unless it may be missing.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use deploy_spec::Fault;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::body::Outgoing;
use super::{Origin, Scheme, root, tls};
use crate::options::{Options, PlainHttp};
use crate::reference::HostPort;

/// Bytes of a server's head, at most.
const HEAD_MAX: usize = 64 << 10;

pub(crate) struct Connector {
    tls: TlsConnector,
    plain_http: PlainHttp,
    patience: Duration,
    /// What was found out about the registries of this machine.
    loopback: Mutex<HashMap<HostPort, Scheme>>,
}

impl Connector {
    /// # Errors
    /// `invalid-input` when the file of certificates is none.
    pub(crate) fn new(options: &Options) -> Result<Self, Fault> {
        Ok(Self {
            tls: tls::connector(options.ca_file.as_deref())?,
            plain_http: options.plain_http,
            patience: options.limits.connect,
            loopback: Mutex::default(),
        })
    }

    /// How a registry is talked to. One on this machine is asked whether it speaks TLS.
    ///
    /// # Errors
    /// As [`Connector::connect`].
    pub(crate) async fn origin(&self, host: &HostPort) -> Result<Origin, Fault> {
        let origin = |scheme| Origin { scheme, host: host.clone() };
        if self.plain_http == PlainHttp::Everywhere {
            return Ok(origin(Scheme::Http));
        }
        if !host.is_loopback() {
            return Ok(origin(Scheme::Https));
        }
        let known = self.loopback.lock().unwrap_or_else(PoisonError::into_inner).get(host).copied();
        if let Some(scheme) = known {
            return Ok(origin(scheme));
        }
        let secure = origin(Scheme::Https);
        let stream = self.tcp(&secure).await?;
        let scheme = match self.handshake(&secure, stream).await {
            Ok(_) => Scheme::Https,
            Err(Greeting::NotTls) => Scheme::Http,
            Err(Greeting::Failed(fault)) => return Err(fault),
        };
        let mut loopback = self.loopback.lock().unwrap_or_else(PoisonError::into_inner);
        loopback.insert(host.clone(), scheme);
        Ok(origin(scheme))
    }

    /// Whether a server at `from` may send us to `to`.
    ///
    /// # Errors
    /// `refused` when that would give up TLS, or reach into this machine from outside.
    pub(crate) fn permit(&self, from: &Origin, to: &Origin) -> Result<(), Fault> {
        let gives_up = to.scheme == Scheme::Http
            && (from.scheme == Scheme::Https
                || (self.plain_http == PlainHttp::Loopback && !to.host.is_loopback()));
        let reaches_in = to.host.is_loopback() && !from.host.is_loopback();
        let why = match (gives_up, reaches_in) {
            (true, _) => "which would go on without TLS",
            (_, true) => "which is this machine itself",
            (false, false) => return Ok(()),
        };
        Err(Fault::refused(format!("{from} sends us to {to}, {why}")))
    }

    /// A connection that can take a request.
    ///
    /// # Errors
    /// `unavailable` when it does not come about; `refused` when the server has no TLS, or a
    /// certificate that is not accepted.
    pub(crate) async fn connect(&self, origin: &Origin) -> Result<SendRequest<Outgoing>, Fault> {
        let stream = self.tcp(origin).await?;
        if origin.scheme == Scheme::Http {
            return speak(origin, stream).await;
        }
        match self.handshake(origin, stream).await {
            Ok(stream) => speak(origin, stream).await,
            Err(Greeting::Failed(fault)) => Err(fault),
            Err(Greeting::NotTls) => {
                Err(Fault::refused(format!("{origin} does not speak TLS, which is required"))
                    .hint("--plain-http goes on without, in the clear"))
            }
        }
    }

    async fn tcp(&self, origin: &Origin) -> Result<TcpStream, Fault> {
        let failed = |why: &str| {
            Fault::unavailable(format!("connecting to {origin} failed: {why}"))
                .hint("is the host spelt right, and can this machine reach it?")
        };
        let connecting = async {
            let name = origin.host.host().trim_start_matches('[').trim_end_matches(']');
            let found = tokio::net::lookup_host((name, origin.port())).await?;
            let addresses: Vec<SocketAddr> = found.collect();
            let outside = addresses.iter().any(|address| !address.ip().is_loopback());
            if origin.host.is_loopback() && outside {
                return Err(io::Error::other("the name does not stand for this machine"));
            }
            TcpStream::connect(addresses.as_slice()).await
        };
        let stream = match tokio::time::timeout(self.patience, connecting).await {
            Ok(stream) => stream.map_err(|error| failed(&error.to_string()))?,
            Err(_) => return Err(failed(&format!("no answer in {} s", self.patience.as_secs()))),
        };
        // Requests are small; a failure to say so costs time and nothing else.
        let _ = stream.set_nodelay(true);
        Ok(stream)
    }

    async fn handshake(
        &self,
        origin: &Origin,
        stream: TcpStream,
    ) -> Result<TlsStream<TcpStream>, Greeting> {
        let host = origin.host.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(host).map_err(|error| {
            Greeting::Failed(Fault::invalid(format!("{origin} is no name for TLS: {error}")))
        })?;
        let handshake = self.tls.connect(name, stream);
        match tokio::time::timeout(self.patience, handshake).await {
            Ok(stream) => stream.map_err(|error| greeting(origin, &error)),
            Err(_) => Err(Greeting::Failed(Fault::unavailable(format!(
                "{origin} did not answer the TLS handshake in {} s",
                self.patience.as_secs()
            )))),
        }
    }
}

/// Why a TLS handshake failed.
enum Greeting {
    NotTls,
    Failed(Fault),
}

fn greeting(origin: &Origin, error: &io::Error) -> Greeting {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let fault = match inner {
        Some(rustls::Error::InvalidMessage(_)) => return Greeting::NotTls,
        Some(rustls::Error::InvalidCertificate(why)) => Fault::refused(format!(
            "the certificate of {origin} is not accepted: {}",
            crate::text::told(&why.to_string())
        ))
        .hint("if an authority of your own issued it: --ca-file FILE"),
        _ => Fault::unavailable(format!("the TLS handshake with {origin} failed: {}", root(error))),
    };
    Greeting::Failed(fault)
}

async fn speak<S>(origin: &Origin, stream: S) -> Result<SendRequest<Outgoing>, Fault>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let made = http1::Builder::new().max_buf_size(HEAD_MAX).handshake(TokioIo::new(stream)).await;
    let (sender, connection) =
        made.map_err(|error| Fault::unavailable(format!("{origin} cannot be spoken to: {error}")))?;
    // It ends with the last request, or tells it why it failed.
    tokio::spawn(connection);
    Ok(sender)
}
