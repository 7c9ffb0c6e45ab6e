//! One certificate: the account, the order, the challenge, and what comes of it.

use std::sync::Arc;
use std::time::Duration;

use deploy_spec::Fault;
use ingress::{Challenges, Pending};
use instant_acme::{
    Account, AuthorizationStatus, ChallengeHandle, Error, Identifier, NewAccount, NewOrder, Order,
    OrderStatus, Problem, RetryPolicy,
};
use rcgen::{CertificateParams, CustomExtension, DistinguishedName, KeyPair};
use rustls::pki_types::PrivateKeyDer;

use crate::client::Caller;
use crate::failure::{self, Failure};
use crate::files::{Files, KeptAccount};
use crate::schedule::Cause;
use crate::settings::{Challenge, Contact, Domain, Settings};

/// How long the authority may take to look at a challenge, and to sign.
const DECIDE: Duration = Duration::from_mins(2);

/// All that it takes to ask for certificates.
#[derive(Clone)]
pub(crate) struct Asker {
    pub(crate) settings: Arc<Settings>,
    pub(crate) caller: Caller,
    pub(crate) files: Files,
    pub(crate) challenges: Arc<Challenges>,
}

impl Asker {
    /// A certificate for `name`, in PEM behind its key.
    ///
    /// # Errors
    /// [`Failure`]: there is none.
    pub(crate) async fn get(&self, name: &Domain) -> Result<String, Failure> {
        self.caller.take_told();
        let got = self.try_get(name).await;
        got.map_err(|failure| Failure { told: self.caller.take_told(), ..failure })
    }

    async fn try_get(&self, name: &Domain) -> Result<String, Failure> {
        let identifiers = [Identifier::Dns(name.as_str().to_owned())];
        let wanted = NewOrder::new(&identifiers);
        let mut order = match self.account().await?.new_order(&wanted).await {
            // It has forgotten us, or is another one at the same place.
            Err(Error::Api(problem)) if failure::kind(&problem) == "accountDoesNotExist" => {
                self.new_account().await?.new_order(&wanted).await?
            }
            order => order?,
        };
        self.prove(&mut order, name).await?;
        let key = KeyPair::generate().map_err(|error| internal(&error))?;
        let mut request = params(name)?;
        request.distinguished_name = DistinguishedName::new();
        let request = request.serialize_request(&key).map_err(|error| internal(&error))?;
        order.finalize_csr(request.der()).await?;
        let chain = order.poll_certificate(&patience()).await?;
        Ok(format!("{}{chain}", key.serialize_pem()))
    }

    async fn account(&self) -> Result<Account, Failure> {
        let Some(kept) = self.files.account()? else { return self.new_account().await };
        let KeptAccount { contact, credentials } = kept;
        let account = Account::builder_with_http(Box::new(self.caller.clone()));
        let account = account.from_credentials(credentials).await?;
        let wanted = self.contact();
        if contact != wanted {
            account.update_contacts(&wanted).await?;
            // It was read a moment ago, and is the same but for that.
            if let Some(kept) = self.files.account()? {
                let contact = wanted.into_iter().map(str::to_owned).collect();
                self.files.keep_account(&KeptAccount { contact, ..kept })?;
            }
        }
        Ok(account)
    }

    /// An account whose key is lost before it is kept is one that nobody uses.
    async fn new_account(&self) -> Result<Account, Failure> {
        let contact = self.contact();
        let wanted = NewAccount {
            contact: &contact,
            terms_of_service_agreed: true,
            only_return_existing: false,
        };
        let directory = self.settings.directory.url().to_owned();
        let account = Account::builder_with_http(Box::new(self.caller.clone()));
        let (account, credentials) = account.create(&wanted, directory, None).await?;
        let contact = contact.into_iter().map(str::to_owned).collect();
        self.files.keep_account(&KeptAccount { contact, credentials })?;
        Ok(account)
    }

    fn contact(&self) -> Vec<&str> {
        self.settings.contact.iter().map(Contact::as_str).collect()
    }

    /// Answers the challenges of an order for as long as the authority looks at them.
    async fn prove(&self, order: &mut Order, name: &Domain) -> Result<(), Failure> {
        let challenge = self.settings.challenge;
        let mut pending = Vec::new();
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization?;
            if authorization.status == AuthorizationStatus::Valid {
                continue;
            }
            let offered = authorization.challenge(challenge.kind());
            let mut offered = offered.ok_or_else(|| Failure::no_challenge(name, challenge))?;
            pending.push(self.answer(&offered, name)?);
            offered.set_ready().await?;
        }
        if order.state().status == OrderStatus::Ready {
            return Ok(());
        }
        match order.poll_ready(&patience()).await {
            Ok(OrderStatus::Ready) => Ok(()),
            Ok(_) => Err(Failure::not_proven(name, challenge, why(order).await.as_ref())),
            // What the order says of it is less than what its challenges say.
            Err(Error::Api(problem)) if order.state().error.is_some() => {
                let why = why(order).await.unwrap_or(problem);
                Err(Failure::not_proven(name, challenge, Some(&why)))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Answers for our own name, whatever name the authority says it is about.
    fn answer(&self, offered: &ChallengeHandle<'_>, name: &Domain) -> Result<Pending, Failure> {
        let proof = offered.key_authorization();
        if self.settings.challenge == Challenge::Http01 {
            // RFC 8555 §8.3: base64url, and nothing else is put into an answer of ours.
            let is_token = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
            if offered.token.is_empty() || !offered.token.bytes().all(is_token) {
                return Err(Failure::nonsense("its token is none"));
            }
            return Ok(self.challenges.answer_http(&offered.token, proof.as_str().to_owned()));
        }
        let mut shown = params(name)?;
        let digest = proof.digest();
        shown.custom_extensions = vec![CustomExtension::new_acme_identifier(digest.as_ref())];
        let key = KeyPair::generate().map_err(|error| internal(&error))?;
        let shown = shown.self_signed(&key).map_err(|error| internal(&error))?;
        let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(|error| internal(&error))?;
        Ok(self.challenges.answer_tls(name.as_str(), shown.der().clone(), key)?)
    }
}

/// Why a challenge failed, if the authority says so.
async fn why(order: &mut Order) -> Option<Problem> {
    let mut authorizations = order.authorizations();
    while let Some(Ok(mut authorization)) = authorizations.next().await {
        let state = authorization.refresh().await.ok()?;
        if let Some(error) = state.challenges.iter().find_map(|challenge| challenge.error.clone()) {
            return Some(error);
        }
    }
    None
}

fn patience() -> RetryPolicy {
    RetryPolicy::new().timeout(DECIDE)
}

/// A certificate with the name and nothing else.
fn params(name: &Domain) -> Result<CertificateParams, Failure> {
    CertificateParams::new(vec![name.as_str().to_owned()]).map_err(|error| internal(&error))
}

fn internal(error: &dyn std::fmt::Display) -> Failure {
    let fault = Fault::internal(format!("a key or a certificate cannot be made: {error}"));
    Failure::new(Cause::Refused, fault)
}
