//! A token server that is as strict as the protocol: it takes no service but its own, no scope it
//! does not understand and no password but the right one, and gives no more than somebody may have
//! (<https://distribution.github.io/distribution/spec/auth/token/> and `…/jwt/`).

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::SystemTime;

use axum::extract::{Form, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use harness::Authority;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};

use crate::support::serve;

const SERVICE: &str = "the registry of a test";
const ISSUER: &str = "a token server";
/// Who there is: name, password, what they may do.
const USERS: &[(&str, &str, &[&str])] =
    &[("writer", "of books", &["pull", "push"]), ("reader", "of books", &["pull"])];
/// What the writer may be called by instead.
pub(crate) const IDENTITY: &str = "an identity token/+=";

#[derive(Clone)]
pub(crate) struct Tokens {
    authority: Arc<Authority>,
    /// How many tokens were given.
    pub(crate) given: Arc<AtomicUsize>,
    /// Tokens that expired before they were given, though it is not said.
    pub(crate) spoilt: Arc<AtomicUsize>,
    /// What is said of how long a token is good, in seconds.
    pub(crate) said: Arc<AtomicI64>,
}

type Answer = (StatusCode, Json<Value>);

impl Tokens {
    pub(crate) fn new() -> Self {
        Self {
            authority: Arc::new(Authority::new()),
            given: Arc::default(),
            spoilt: Arc::default(),
            said: Arc::new(AtomicI64::new(300)),
        }
    }

    pub(crate) fn start(&self) -> SocketAddr {
        let with_password =
            async |State(me): State<Self>,
                   headers: HeaderMap,
                   Query(ask): Query<Vec<(String, String)>>| {
                let ask = ask.into_iter().collect();
                me.answer(user(&headers), &ask)
            };
        let with_identity =
            async |State(me): State<Self>, Form(ask): Form<HashMap<String, String>>| {
                let says = |name: &str| ask.get(name).map(String::as_str);
                let is_right = says("grant_type") == Some("refresh_token")
                    && says("client_id").is_some_and(|id| !id.is_empty())
                    && says("refresh_token") == Some(IDENTITY);
                me.answer(is_right.then(|| "writer".into()).ok_or(()), &ask)
            };
        serve(
            Router::new()
                .route("/token", get(with_password).post(with_identity))
                .with_state(self.clone()),
        )
    }

    /// The section `auth:` of a registry that believes this server at `address`.
    pub(crate) fn section(&self, address: SocketAddr) -> String {
        format!(
            "auth:\n  token:\n    realm: http://{address}/token\n    service: {SERVICE}\n    \
             issuer: {ISSUER}\n    rootcertbundle: {}\n",
            self.authority.file().display()
        )
    }

    fn answer(&self, user: Result<String, ()>, ask: &HashMap<String, String>) -> Answer {
        let denied = |why: &str| {
            (
                StatusCode::UNAUTHORIZED,
                Json(json!({"errors": [{"code": "UNAUTHORIZED", "message": why}]})),
            )
        };
        if ask.get("service").map(String::as_str) != Some(SERVICE) {
            return denied("not of this service");
        }
        let Ok(user) = user else { return denied("incorrect username or password") };
        let scope = ask.get("scope").map(|scope| scope.split(':').collect::<Vec<_>>());
        let Some(["repository", name, actions]) = scope.as_deref() else {
            return denied("no scope");
        };
        let may = USERS.iter().find(|(name, ..)| *name == user).map_or(&[][..], |(_, _, may)| may);
        let granted: Vec<&str> = actions.split(',').filter(|action| may.contains(action)).collect();
        self.given.fetch_add(1, Ordering::Relaxed);
        let token = self.sign(&user, name, &granted);
        let said = self.said.load(Ordering::Relaxed);
        (StatusCode::OK, Json(json!({"token": token, "expires_in": said})))
    }

    fn sign(&self, user: &str, name: &str, actions: &[&str]) -> String {
        let spoilt =
            self.spoilt.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1));
        let from = now() - if spoilt.is_ok() { 7_200 } else { 10 };
        let own = self.authority.own();
        let certificate = CertificateDer::from_pem_file(own.certificate).unwrap();
        let head = json!({"typ": "JWT", "alg": "ES256", "x5c": [STANDARD.encode(&certificate)]});
        let claims = json!({
            "iss": ISSUER, "sub": user, "aud": SERVICE, "jti": "1",
            "iat": from, "nbf": from, "exp": from + 3_600,
            "access": [{"type": "repository", "name": name, "actions": actions}],
        });
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&head), part(&claims));
        let key = PrivateKeyDer::from_pem_file(own.key).unwrap();
        let random = SystemRandom::new();
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key.secret_der(), &random);
        let signature = pair.unwrap().sign(&random, signed.as_bytes()).unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

#[expect(clippy::disallowed_methods, reason = "the registry checks tokens by the time of day")]
fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()
}

/// Who asks with a password; nobody without one.
fn user(headers: &HeaderMap) -> Result<String, ()> {
    let Some(given) = headers.get("authorization") else { return Ok("nobody".into()) };
    let encoded = given.to_str().ok().and_then(|text| text.strip_prefix("Basic ")).ok_or(())?;
    let pair = String::from_utf8(STANDARD.decode(encoded).map_err(drop)?).map_err(drop)?;
    let (name, password) = pair.split_once(':').ok_or(())?;
    let known = USERS.iter().any(|(user, right, _)| *user == name && *right == password);
    known.then(|| name.to_owned()).ok_or(())
}
