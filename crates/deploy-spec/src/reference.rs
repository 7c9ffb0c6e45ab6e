//! References to things that are kept elsewhere, so that their values never stand in a document.

use crate::environment::Slot;
use crate::fault::Fault;
use crate::slug::{BundleId, EnvironmentId};
use crate::text::{checked_text, shown};

/// The longest path of a secret, in bytes: with an ending it is still one file name.
pub const SECRET_PATH_MAX: usize = 240;

fn secret_path(text: &str) -> Result<(), String> {
    let part = |p: &str| {
        !p.is_empty()
            && p != "."
            && p != ".."
            && p.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    };
    if text.len() <= SECRET_PATH_MAX && text.split('/').all(part) {
        Ok(())
    } else {
        Err(format!(
            "{} is not a secret's path: at most {SECRET_PATH_MAX} of A-Z, a-z, 0-9, `-`, `_` and \
             `.`, in parts separated by `/`",
            shown(text)
        ))
    }
}

fn secret_ref(text: &str) -> Result<(), String> {
    let ok = text.strip_prefix("secret://").and_then(|rest| rest.split_once('/')).is_some_and(
        |(env, path)| env.parse::<EnvironmentId>().is_ok() && secret_path(path).is_ok(),
    );
    if ok { Ok(()) } else { Err(format!("{} is not like `secret://<env>/<path>`", shown(text))) }
}

fn policy_ref(text: &str) -> Result<(), String> {
    let ok = !text.is_empty() && text.len() <= 512 && text.bytes().all(|b| b.is_ascii_graphic());
    if ok {
        Ok(())
    } else {
        Err(format!("{} is not a reference: printable ASCII without spaces", shown(text)))
    }
}

checked_text!(
    /// The name of a secret within its environment.
    SecretPath, secret_path, pattern = "^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*$", example = "fast2flow/api-key"
);
checked_text!(
    /// Where a secret value is; never the value.
    SecretRef, secret_ref, pattern = "^secret://[a-z0-9-]+/.+$", example = "secret://local/fast2flow/api-key"
);
checked_text!(
    /// Where the deploy credentials of an environment are; never the credentials.
    CredentialsRef, secret_ref, pattern = "^secret://[a-z0-9-]+/.+$", example = "secret://prod-eu/deployer"
);
checked_text!(
    /// Which revenue policy a deployment's usage is billed by.
    PolicyRef, policy_ref, pattern = "^[!-~]{1,512}$", example = "revenue/standard"
);

impl SecretPath {
    /// Where an environment keeps a secret that a bundle reads under this name.
    ///
    /// # Errors
    /// `invalid-input` when that is no path.
    pub fn of_bundle(bundle: &BundleId, name: &str) -> Result<Self, Fault> {
        format!("{bundle}/{name}").parse().map_err(Fault::invalid)
    }

    /// Where an environment keeps a secret of the env-pack in a slot.
    ///
    /// # Errors
    /// `invalid-input` when that is no path.
    pub fn of_env_pack(slot: Slot, name: &str) -> Result<Self, Fault> {
        format!("env-packs/{slot}/{name}").parse().map_err(Fault::invalid)
    }
}

impl SecretRef {
    /// The reference to the secret at `path` of `environment`.
    #[must_use]
    pub fn new(environment: &EnvironmentId, path: &SecretPath) -> Self {
        Self(format!("secret://{environment}/{path}").into())
    }

    /// The environment's name, and the path within it.
    fn parts(&self) -> (&str, &str) {
        self.as_str()["secret://".len()..].split_once('/').unwrap_or_default()
    }

    /// Whether it is a secret of this environment.
    #[must_use]
    pub fn is_of(&self, environment: &EnvironmentId) -> bool {
        self.parts().0 == environment.as_str()
    }

    /// The secret's name within its environment.
    #[must_use]
    pub fn path(&self) -> SecretPath {
        SecretPath(self.parts().1.into())
    }
}

impl From<SecretRef> for CredentialsRef {
    fn from(reference: SecretRef) -> Self {
        Self(reference.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_its_environment_and_its_path() {
        let path: SecretPath = "fast2flow/api.key".parse().unwrap();
        let (local, eu) = (EnvironmentId::local(), "eu".parse().unwrap());
        let reference = SecretRef::new(&local, &path);
        assert_eq!(reference.as_str(), "secret://local/fast2flow/api.key");
        assert_eq!(reference.as_str().parse(), Ok(reference.clone()));
        assert_eq!(reference.path(), path);
        assert!(reference.is_of(&local) && !reference.is_of(&eu));
    }

    #[test]
    fn a_path_is_plain_and_short_enough_for_a_file_name() {
        assert!("a".repeat(SECRET_PATH_MAX).parse::<SecretPath>().is_ok());
        for bad in ["", "/a", "a/", "a//b", "..", "a/../b", "a~b", "a b", "é"] {
            assert!(bad.parse::<SecretPath>().is_err(), "{bad}");
        }
        assert!("a".repeat(SECRET_PATH_MAX + 1).parse::<SecretPath>().is_err());
    }

    #[test]
    fn a_secret_ref_names_its_environment_and_a_plain_path() {
        assert!("secret://local/a/b.c".parse::<SecretRef>().is_ok());
        for bad in [
            "",
            "secret://",
            "secret://local",
            "secret://local/",
            "secret://local/../x",
            "secret://local/a//b",
            "file:///x",
        ] {
            assert!(bad.parse::<SecretRef>().is_err(), "{bad}");
        }
    }
}
