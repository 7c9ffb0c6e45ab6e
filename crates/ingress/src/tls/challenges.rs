//! Answers to the challenges by which an authority finds out whose a name is (ACME), for as long as
//! they are pending.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use deploy_spec::Fault;
use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};

/// The protocol of TLS that an authority asks for (RFC 8737 §6.2).
pub(super) const ACME_TLS: &[u8] = b"acme-tls/1";
/// Where it asks over HTTP (RFC 8555 §8.3).
const PREFIX: &str = "/.well-known/acme-challenge/";

/// Answers to pending challenges, shared by who gives them and who is asked.
#[derive(Debug, Default)]
pub struct Challenges {
    /// By the name that is asked for.
    tls: Table<Arc<ServerConfig>>,
    /// By token.
    http: Table<String>,
}

type Table<T> = Mutex<HashMap<String, T>>;

/// An answer that is given until this is dropped.
#[derive(Debug)]
pub struct Pending {
    challenges: Arc<Challenges>,
    /// The name or the token.
    of: String,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Tls,
    Http,
}

impl Challenges {
    /// Shows this certificate to who asks for `name`, which is in lower case, by the protocol
    /// `acme-tls/1` (RFC 8737 §3).
    ///
    /// # Errors
    /// `internal` when the key cannot be used.
    pub fn answer_tls(
        self: &Arc<Self>,
        name: &str,
        certificate: CertificateDer<'static>,
        key: PrivateKeyDer<'static>,
    ) -> Result<Pending, Fault> {
        let unusable = |error| Fault::internal(format!("a challenge cannot be answered: {error}"));
        let provider = Arc::new(default_provider());
        let key = provider.key_provider.load_private_key(key).map_err(unusable)?;
        // Not looked at: it has a critical extension that nobody else knows (RFC 8737 §3).
        let shown = Arc::new(SingleCertAndKey::from(CertifiedKey::new(vec![certificate], key)));
        let config =
            ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let mut config = config.map_err(unusable)?.with_no_client_auth().with_cert_resolver(shown);
        config.alpn_protocols = vec![ACME_TLS.to_vec()];
        put(&self.tls, name, Arc::new(config));
        Ok(self.pending(name, Kind::Tls))
    }

    /// Answers `text` to who asks for `token` over HTTP (RFC 8555 §8.3).
    #[must_use]
    pub fn answer_http(self: &Arc<Self>, token: &str, text: String) -> Pending {
        put(&self.http, token, text);
        self.pending(token, Kind::Http)
    }

    /// What is answered at this path over HTTP; none where no challenge is pending.
    #[must_use]
    pub fn at(&self, path: &str) -> Option<String> {
        path.strip_prefix(PREFIX).and_then(|token| get(&self.http, token))
    }

    pub(super) fn tls(&self, name: &str) -> Option<Arc<ServerConfig>> {
        get(&self.tls, name)
    }

    fn pending(self: &Arc<Self>, of: &str, kind: Kind) -> Pending {
        Pending { challenges: Arc::clone(self), of: of.to_owned(), kind }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        match self.kind {
            Kind::Tls => remove(&self.challenges.tls, &self.of),
            Kind::Http => remove(&self.challenges.http, &self.of),
        }
    }
}

fn put<T>(table: &Table<T>, of: &str, answer: T) {
    table.lock().unwrap_or_else(PoisonError::into_inner).insert(of.to_owned(), answer);
}

fn get<T: Clone>(table: &Table<T>, of: &str) -> Option<T> {
    table.lock().unwrap_or_else(PoisonError::into_inner).get(of).cloned()
}

fn remove<T>(table: &Table<T>, of: &str) {
    table.lock().unwrap_or_else(PoisonError::into_inner).remove(of);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_pending_token_is_answered() {
        let challenges = Arc::<Challenges>::default();
        let path = "/.well-known/acme-challenge/abc";
        assert_eq!(challenges.at(path), None);
        let pending = challenges.answer_http("abc", "abc.thumb".into());
        assert_eq!(challenges.at(path).as_deref(), Some("abc.thumb"));
        for other in ["/.well-known/acme-challenge/", "/.well-known/acme-challenge/abd", "/abc"] {
            assert_eq!(challenges.at(other), None, "{other}");
        }
        drop(pending);
        assert_eq!(challenges.at(path), None);
    }
}
