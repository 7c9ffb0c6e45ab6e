//! The doors of `gtc start`: plaintext always, TLS where there are certificates, and for each
//! whether only proxies may come in.

use std::future::pending;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use deploy_spec::Fault;
use ingress::{CertificateFiles, Certificates, IpNet, Running, Server, Service, Settings};
use tokio::signal::unix::{SignalKind, signal};

/// How often the files of certificates are looked at. A change is taken when it has rested as long.
const LOOK_EVERY: Duration = Duration::from_secs(2);

#[derive(Debug, Args)]
#[command(next_help_heading = "TLS and proxies")]
pub(super) struct Doors {
    /// Answer over TLS too, at this address; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS")]
    tls_listen: Option<SocketAddr>,
    /// A certificate with its chain, in PEM; the first is shown to who asks for no name. Read again
    /// when it changes, and on SIGHUP
    #[arg(long, value_name = "FILE", requires = "tls_key", requires = "tls_listen")]
    tls_cert: Vec<PathBuf>,
    /// Its private key, which only its owner may read; as many as certificates, in the same order
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Vec<PathBuf>,
    /// Take connections from trusted proxies only, each with a header of the PROXY protocol
    #[arg(long, requires = "trusted_proxies")]
    proxy_protocol: bool,
    /// An address or a network of proxies, as 10.0.0.0/8
    #[arg(long, value_name = "CIDR", requires = "proxy_protocol", value_parser = network)]
    trusted_proxies: Vec<IpNet>,
}

/// Doors that are open.
pub(super) struct Open {
    plain: Running,
    secure: Option<(Running, Arc<Certificates>)>,
}

/// Doors that have their addresses.
pub(super) struct Bound {
    plain: Server,
    secure: Option<(Server, Arc<Certificates>)>,
}

impl Doors {
    /// Reads the certificates and takes the addresses; the plain one, unless a listener for it was
    /// handed over. An authority gives the certificates for those names that are `awaited`.
    ///
    /// # Errors
    /// `invalid-input` and `refused` for certificates that cannot be used, `unavailable` for an
    /// address.
    pub(super) fn bind(
        &self,
        handed: Option<TcpListener>,
        plain: SocketAddr,
        settings: &Settings,
        awaited: &[String],
    ) -> Result<Bound, Fault> {
        let certificates = self.certificates(awaited)?;
        let guarded = |server: Server| match self.proxy_protocol {
            true => server.with_proxy_protocol(self.trusted_proxies.clone()),
            false => server,
        };
        let bind = |address| Server::bind(address, settings.clone()).map(guarded);
        let plain = match handed {
            Some(listener) => Server::from_listener(listener, settings.clone()).map(guarded)?,
            None => bind(plain)?,
        };
        let secure = match (self.tls_listen, certificates) {
            (Some(address), Some(certificates)) => {
                let server = bind(address)?.with_certificates(Arc::clone(&certificates));
                Some((server, certificates))
            }
            _ => None,
        };
        Ok(Bound { plain, secure })
    }

    fn certificates(&self, awaited: &[String]) -> Result<Option<Arc<Certificates>>, Fault> {
        let wrong = |why: String| {
            Fault::invalid(why).hint(
                "gtc start --tls-listen ADDRESS --tls-cert FILE --tls-key FILE, or --acme-domain",
            )
        };
        if self.tls_cert.len() != self.tls_key.len() {
            let (certificates, keys) = (self.tls_cert.len(), self.tls_key.len());
            return Err(wrong(format!("{certificates} certificates have {keys} keys")));
        }
        match self.tls_listen {
            None if awaited.is_empty() => return Ok(None),
            None => return Err(wrong("certificates are shown over TLS, at --tls-listen".into())),
            Some(_) => {}
        }
        if self.tls_cert.is_empty() && awaited.is_empty() {
            return Err(wrong("TLS needs a certificate".into()));
        }
        let pairs = self.tls_cert.iter().cloned().zip(self.tls_key.iter().cloned());
        let files = pairs.map(|(chain, key)| CertificateFiles { chain, key }).collect();
        Certificates::awaiting(files, awaited).map(|certificates| Some(Arc::new(certificates)))
    }
}

impl Bound {
    /// What is shown over TLS, where that is spoken.
    pub(super) fn certificates(&self) -> Option<&Arc<Certificates>> {
        self.secure.as_ref().map(|(_, certificates)| certificates)
    }

    /// Answers with `service` from now on.
    pub(super) fn open<S: Service>(self, service: &Arc<S>) -> Open {
        let secure =
            self.secure.map(|(server, certificates)| (server.start(service), certificates));
        Open { plain: self.plain.start(service), secure }
    }
}

impl Open {
    pub(super) const fn plain_address(&self) -> SocketAddr {
        self.plain.local_addr()
    }

    pub(super) fn secure_address(&self) -> Option<SocketAddr> {
        self.secure.as_ref().map(|(running, _)| running.local_addr())
    }

    /// Whether every thread that answers lives.
    pub(super) fn are_whole(&self) -> bool {
        self.plain.is_whole() && self.secure.iter().all(|(secure, _)| secure.is_whole())
    }

    /// What keeps the certificates those of their files; it never ends.
    ///
    /// # Errors
    /// `unavailable` when signals cannot be heard.
    pub(super) fn keep_certificates(&self) -> impl Future<Output = Result<(), Fault>> + use<> {
        let certificates = self.secure.as_ref().map(|(_, certificates)| Arc::clone(certificates));
        async move {
            match certificates {
                Some(certificates) => keep(&certificates).await,
                None => pending().await,
            }
        }
    }

    /// Closes the doors; who is inside has `grace` to finish.
    pub(super) fn close(self, grace: Duration) {
        self.plain.begin_drain(grace);
        if let Some((secure, _)) = self.secure {
            let report = secure.drain(grace);
            tracing::info!(?report, "stopped over TLS");
        }
        let report = self.plain.drain(grace);
        tracing::info!(?report, "stopped");
    }
}

async fn keep(certificates: &Certificates) -> Result<(), Fault> {
    let heard = signal(SignalKind::hangup());
    let mut asked =
        heard.map_err(|error| Fault::unavailable(format!("signals cannot be heard: {error}")))?;
    let mut clock = tokio::time::interval(LOOK_EVERY);
    loop {
        let faults = tokio::select! {
            _ = asked.recv() => Some(certificates.reload()),
            _ = clock.tick() => certificates.reload_changed(),
        };
        let Some(faults) = faults else { continue };
        for fault in &faults {
            tracing::error!(%fault, "a certificate is not replaced, the one before is kept");
        }
        tracing::info!(kept = faults.len(), "certificates were read again");
    }
}

/// An address stands for itself alone.
fn network(text: &str) -> Result<IpNet, String> {
    let alone = text.parse::<IpAddr>().map(IpNet::from).ok();
    alone.or_else(|| text.parse().ok()).ok_or_else(|| format!("`{text}` is no address or network"))
}

#[cfg(test)]
mod tests {
    use super::network;

    #[test]
    fn a_network_is_an_address_or_has_a_length() {
        for (text, expected) in [
            ("10.0.0.0/8", Some("10.0.0.0/8")),
            ("192.0.2.1", Some("192.0.2.1/32")),
            ("2001:db8::/32", Some("2001:db8::/32")),
            ("::1", Some("::1/128")),
            ("10.0.0.0/33", None),
            ("10.0.0", None),
            ("proxy.test", None),
            ("", None),
        ] {
            assert_eq!(network(text).ok().map(|n| n.to_string()).as_deref(), expected, "{text}");
        }
    }
}
