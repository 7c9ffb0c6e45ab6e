//! Content addresses.

use sha2::{Digest as _, Sha256};

use crate::text::{checked_text, shown};

fn sha256_text(text: &str) -> Result<(), String> {
    let hex = text.strip_prefix("sha256:").unwrap_or_default();
    let lower_hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    if hex.len() == 64 && hex.bytes().all(lower_hex) {
        Ok(())
    } else {
        Err(format!("{} is not a digest: `sha256:` and 64 lower-case hex digits", shown(text)))
    }
}

checked_text!(
    /// The SHA-256 of some bytes, written `sha256:<64 hex>` as OCI does.
    Digest, sha256_text, pattern = "^sha256:[0-9a-f]{64}$",
    example = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
);

impl Digest {
    /// The digest of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self::from_hash(Sha256::digest(bytes).into())
    }

    /// The digest whose hash has already been computed.
    #[must_use]
    pub fn from_hash(hash: [u8; 32]) -> Self {
        use std::fmt::Write as _;
        let mut text = String::with_capacity(71);
        text.push_str("sha256:");
        for byte in hash {
            let _ = write!(text, "{byte:02x}");
        }
        Self(text.into())
    }

    /// The 64 hex digits, as used for file names.
    #[must_use]
    pub fn hex(&self) -> &str {
        &self.as_str()["sha256:".len()..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_print_as_they_parse() {
        let empty = Digest::of(b"");
        assert_eq!(empty.hex(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(empty.to_string().parse::<Digest>().unwrap(), empty);
        for bad in ["", "sha256:", "sha256:00", &empty.hex().to_uppercase(), &format!("{empty}0")] {
            assert!(bad.parse::<Digest>().is_err(), "{bad}");
        }
    }
}
