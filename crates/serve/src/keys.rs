//! This environment's own keys: private files, made when first needed.

mod cookies;

use bundle::sign::SigningKey;
use deploy_spec::Fault;
use store::EnvironmentStore;

pub use cookies::{cookie_keys, ephemeral_cookie_keys};
pub(crate) use cookies::{known_cookie_keys, look_after, present_cookie_keys};

/// The key with which this machine signs what it deploys to `local`.
///
/// # Errors
/// As [`cookie_keys`].
pub fn own_signing_key(store: &EnvironmentStore) -> Result<SigningKey, Fault> {
    let path = "secrets/signing-key.pem";
    let pem =
        store.private_file(path, || Ok(SigningKey::create()?.to_pkcs8_pem()?.into_bytes()))?;
    let text = std::str::from_utf8(&pem)
        .map_err(|_| Fault::unavailable(format!("`{path}` is not a PEM file")))?;
    SigningKey::from_pkcs8_pem(text)
}
