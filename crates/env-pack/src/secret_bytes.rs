//! A secret value in memory.

use std::fmt;

use deploy_spec::Fault;
use zeroize::Zeroizing;

/// The longest value, in bytes.
pub const SECRET_MAX: usize = 64 * 1024;

/// A secret value: never shown, and wiped when it is dropped.
pub struct SecretBytes(Zeroizing<Vec<u8>>);

impl SecretBytes {
    /// Takes a value over.
    ///
    /// # Errors
    /// `invalid-input` when it is empty or longer than [`SECRET_MAX`].
    pub fn new(value: Vec<u8>) -> Result<Self, Fault> {
        let value = Zeroizing::new(value);
        if value.is_empty() {
            return Err(Fault::invalid("the secret is empty"));
        }
        if value.len() > SECRET_MAX {
            return Err(Fault::invalid(format!("the secret is longer than {SECRET_MAX} bytes")));
        }
        Ok(Self(value))
    }

    /// The value itself. Whoever asks must not keep it, show it or write it down.
    #[must_use]
    pub fn reveal(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretBytes({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_shown() {
        let secret = SecretBytes::new(b"hunter2".to_vec()).expect("it is short");
        assert_eq!(format!("{secret:?}"), "SecretBytes(7 bytes)");
    }

    #[test]
    fn a_secret_has_a_size() {
        assert!(SecretBytes::new(Vec::new()).is_err());
        assert!(SecretBytes::new(vec![0; SECRET_MAX]).is_ok());
        assert!(SecretBytes::new(vec![0; SECRET_MAX + 1]).is_err());
    }
}
