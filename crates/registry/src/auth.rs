//! Who we are to a registry: credentials as Docker keeps them, and the tokens they are changed for.

mod challenge;
mod docker_config;
mod helper;
mod token;

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use deploy_spec::Fault;
use http::HeaderValue;
use zeroize::Zeroizing;

use crate::http::{Http, Origin, Url};
use crate::options::Options;
use crate::reference::HostPort;
use challenge::Challenge;
use docker_config::DockerConfig;

/// Text that is not shown and is wiped when it is dropped.
pub(crate) type Secret = Zeroizing<String>;

/// What a registry is asked to let us do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Access {
    Pull,
    Push,
}

impl Access {
    const fn actions(self) -> &'static str {
        match self {
            Self::Pull => "pull",
            Self::Push => "pull,push",
        }
    }
}

/// What somebody proves who they are with.
pub(crate) enum Credential {
    Anonymous,
    Password {
        user: String,
        password: Secret,
    },
    /// Changed for tokens, by OAuth 2.
    Identity(Secret),
    /// Sent as it is.
    Bearer(Secret),
}

/// A repository, and what is to be done there.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Scope {
    pub(crate) registry: HostPort,
    pub(crate) repository: String,
    pub(crate) access: Access,
}

impl Scope {
    fn text(&self) -> String {
        format!("repository:{}:{}", self.repository, self.access.actions())
    }
}

/// A proof that a registry took or is expected to take.
struct Proof {
    header: HeaderValue,
    until: Option<Instant>,
}

/// Finds proofs, and keeps them as long as they are good.
pub(crate) struct Auth {
    config: DockerConfig,
    proofs: Mutex<HashMap<Scope, Proof>>,
}

impl Auth {
    /// # Errors
    /// `invalid-input` when Docker's configuration is there and cannot be read.
    pub(crate) fn new(options: &Options) -> Result<Self, Fault> {
        Ok(Self { config: DockerConfig::load(options)?, proofs: Mutex::default() })
    }

    /// What to send, as far as is known without asking.
    pub(crate) fn known(&self, scope: &Scope, now: Instant) -> Option<HeaderValue> {
        let proofs = self.proofs.lock().unwrap_or_else(PoisonError::into_inner);
        let proof = proofs.get(scope)?;
        proof.until.is_none_or(|until| now < until).then(|| proof.header.clone())
    }

    /// What to send to a registry that answered 401, so that what was sent, if anything, was not
    /// enough.
    ///
    /// # Errors
    /// `refused` when nothing we have can be enough; `unavailable` when tokens cannot be had.
    pub(crate) async fn answer(
        &self,
        http: &Http,
        origin: &Origin,
        scope: &Scope,
        headers: &http::HeaderMap,
    ) -> Result<HeaderValue, Fault> {
        let challenge = Challenge::read(headers)?;
        let credential = self.config.credential(&scope.registry).await?;
        let proof = match (challenge, credential) {
            (_, Credential::Bearer(token)) => bearer(&token, None)?,
            (Challenge::Basic, Credential::Password { user, password }) => {
                Proof { header: basic(&user, &password)?, until: None }
            }
            (Challenge::Basic, _) => return Err(nobody(&scope.registry)),
            (Challenge::Bearer { realm, service }, credential) => {
                let realm = Url::parse(&realm)?;
                http.connector().permit(origin, &realm.origin)?;
                let ask = token::Ask { realm, service, scope: scope.text() };
                let token = token::fetch(http, &scope.registry, &ask, &credential).await?;
                bearer(&token.text, token.good_until)?
            }
        };
        let header = proof.header.clone();
        self.proofs.lock().unwrap_or_else(PoisonError::into_inner).insert(scope.clone(), proof);
        Ok(header)
    }
}

fn bearer(token: &Secret, until: Option<Instant>) -> Result<Proof, Fault> {
    Ok(Proof { header: header(&Zeroizing::new(format!("Bearer {}", token.as_str())))?, until })
}

/// RFC 7617.
fn basic(user: &str, password: &Secret) -> Result<HeaderValue, Fault> {
    let pair = Zeroizing::new(format!("{user}:{}", password.as_str()));
    let encoded = Zeroizing::new(STANDARD.encode(pair.as_bytes()));
    header(&Zeroizing::new(format!("Basic {}", encoded.as_str())))
}

fn header(text: &Secret) -> Result<HeaderValue, Fault> {
    let header = HeaderValue::from_str(text);
    let mut header = header
        .map_err(|_| Fault::refused("a token holds characters that no header can".to_owned()))?;
    header.set_sensitive(true);
    Ok(header)
}

fn nobody(registry: &HostPort) -> Fault {
    Fault::refused(format!("{registry} wants to know who is asking, and no credentials are known"))
        .hint(login(registry))
}

/// The command that makes credentials known.
pub(crate) fn login(registry: &HostPort) -> String {
    format!("docker login {registry}")
}
