//! A secret value on its way through the program: wiped when it is dropped, and never printed.

use std::fmt;

use deploy_spec::Fault;
use zeroize::Zeroizing;

/// The value of a secret: 1 byte to 64 KiB, whatever they say. Only [`SecretBytes::expose`] shows
/// them; there is no way to serialize one.
pub struct SecretBytes(Zeroizing<Vec<u8>>);

impl SecretBytes {
    /// The longest value, in bytes.
    pub const MOST: usize = 64 << 10;

    /// Takes a value over; what is refused is wiped too.
    ///
    /// # Errors
    /// `invalid-input` when it is empty or longer than [`SecretBytes::MOST`].
    pub fn new(bytes: Vec<u8>) -> Result<Self, Fault> {
        let bytes = Zeroizing::new(bytes);
        if bytes.is_empty() {
            return Err(Fault::invalid("the secret value is empty"));
        }
        if bytes.len() > Self::MOST {
            return Err(Fault::invalid(format!(
                "the secret value is longer than {} bytes",
                Self::MOST
            )));
        }
        Ok(Self(bytes))
    }

    /// The value itself, for who uses or seals it.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
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
    use deploy_spec::Kind;

    use super::*;

    #[test]
    fn a_value_has_bounds_and_is_not_printed() {
        let secret = SecretBytes::new(b"hunter2".to_vec()).unwrap();
        assert_eq!(secret.expose(), b"hunter2");
        assert_eq!(format!("{secret:?}"), "SecretBytes(7 bytes)");
        assert!(SecretBytes::new(vec![b'x'; SecretBytes::MOST]).is_ok());
        for bad in [Vec::new(), vec![b'x'; SecretBytes::MOST + 1]] {
            assert_eq!(SecretBytes::new(bad).unwrap_err().kind, Kind::InvalidInput);
        }
    }
}
