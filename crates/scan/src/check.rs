//! What a secret must pass besides its pattern: the checksums and encodings that its issuer gives
//! it. A match that fails was never issued.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::Deserialize;

/// With or without the padding: a match may end before it.
const STANDARD_LAX: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// A check, by the name that a rule gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Check {
    Crc32Base62,
    Crc32Hex,
    Bech32,
    JsonWebToken,
    Armour,
    ArmourBase64,
    UserAndPassword,
    DiscordId,
}

impl Check {
    /// Whether a match can be a secret of its kind.
    pub(crate) fn passes(self, secret: &[u8]) -> bool {
        match self {
            Self::Crc32Base62 => crc_at_end(secret),
            Self::Crc32Hex => crc_in_hex(secret),
            Self::Bech32 => bech32(secret),
            Self::JsonWebToken => json_web_token(secret),
            Self::Armour => armoured(secret),
            Self::ArmourBase64 => STANDARD_LAX
                .decode(secret)
                .is_ok_and(|plain| plain.windows(12).any(|window| window == b"PRIVATE KEY-")),
            Self::UserAndPassword => user_and_password(secret),
            Self::DiscordId => discord_id(secret),
        }
    }
}

/// `prefix_` and 30 random characters, of which the last 6 are the CRC-32 in base 62, as GitHub
/// and npm have it (“Behind GitHub's new authentication token formats”, 2021).
fn crc_at_end(token: &[u8]) -> bool {
    let body = token.rsplit(|byte| *byte == b'_').next().unwrap_or(token);
    let Some((random, sum)) = body.len().checked_sub(6).and_then(|at| body.split_at_checked(at))
    else {
        return false;
    };
    sum == base62(crc32fast::hash(random))
}

/// `glsa_`, 32 random characters, `_` and the CRC-32 of all before it, least significant byte first,
/// in hexadecimal digits, as Grafana has it.
fn crc_in_hex(token: &[u8]) -> bool {
    let Some(at) = token.iter().rposition(|byte| *byte == b'_') else { return false };
    token[at + 1..] == *hex(crc32fast::hash(&token[..at])).as_bytes()
}

/// Eight digits, the least significant byte first.
pub(crate) fn hex(number: u32) -> String {
    format!("{:08x}", number.swap_bytes())
}

const BECH32: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";

/// Bech32 as BIP 173 defines it: the last six of the digits make the checksum 1.
fn bech32(text: &[u8]) -> bool {
    let text = text.to_ascii_lowercase();
    let Some(one) = text.iter().rposition(|byte| *byte == b'1') else { return false };
    let digit = |c: &u8| BECH32.iter().position(|digit| digit == c).map(|digit| digit as u32);
    let data: Option<Vec<u32>> = text[one + 1..].iter().map(digit).collect();
    data.is_some_and(|data| bech32_sum(&text[..one], &data) == 1)
}

/// What the prefix and the digits come to (BIP 173, `bech32_polymod`).
fn bech32_sum(prefix: &[u8], data: &[u32]) -> u32 {
    const GENERATOR: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
    let high = prefix.iter().map(|c| u32::from(c >> 5));
    let low = prefix.iter().map(|c| u32::from(c & 31));
    let values = high.chain([0]).chain(low).chain(data.iter().copied());
    values.fold(1, |sum, value| {
        let turned = ((sum & 0x01ff_ffff) << 5) ^ value;
        let bit = |i: &usize| (sum >> 25 >> i) & 1 == 1;
        (0..5).filter(bit).fold(turned, |turned, i| turned ^ GENERATOR[i])
    })
}

/// Digits with their checksum, as text.
#[cfg(any(test, feature = "samples"))]
pub(crate) fn bech32_encode(prefix: &str, digits: &[u32]) -> String {
    let padded = [digits, &[0; 6]].concat();
    let sum = bech32_sum(prefix.as_bytes(), &padded) ^ 1;
    let sum = (0..6).map(|i| (sum >> (5 * (5 - i))) & 31);
    let digits = digits.iter().copied().chain(sum);
    let text: String = digits.map(|digit| char::from(BECH32[digit as usize])).collect();
    format!("{prefix}1{text}")
}

/// A bot's id in base64: a number.
fn discord_id(token: &[u8]) -> bool {
    let id = token.split(|byte| *byte == b'.').next().unwrap_or_default();
    let id = STANDARD_LAX.decode(id);
    id.is_ok_and(|id| (17..=20).contains(&id.len()) && id.iter().all(u8::is_ascii_digit))
}

/// Six digits, the most significant first.
pub(crate) fn base62(mut number: u32) -> [u8; 6] {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut digits = [b'0'; 6];
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS[(number % 62) as usize];
        number /= 62;
    }
    digits
}

/// A header that is JSON and names an algorithm (RFC 7519, RFC 7515).
fn json_web_token(token: &[u8]) -> bool {
    let header = token.split(|byte| *byte == b'.').next().unwrap_or_default();
    let Ok(header) = URL_SAFE_NO_PAD.decode(header) else { return false };
    let header = serde_json::from_slice::<serde_json::Value>(&header);
    header.is_ok_and(|header| header.get("alg").is_some())
}

/// `user:password` in base64, as Docker's `config.json` keeps it.
fn user_and_password(auth: &[u8]) -> bool {
    let Ok(plain) = STANDARD.decode(auth) else { return false };
    let text = std::str::from_utf8(&plain).unwrap_or_default();
    text.split_once(':').is_some_and(|(user, password)| {
        !user.is_empty() && !password.is_empty() && !text.chars().any(char::is_control)
    })
}

/// A body that is nearly all base64 in long lines, as armour has it (RFC 7468, RFC 9580), also
/// inside the string of a program. A program that knows how to read keys has the first and the last
/// line too, and its own texts in between.
fn armoured(key: &[u8]) -> bool {
    const LONG: usize = 32;
    let key = String::from_utf8_lossy(key).replace("\\r", "").replace("\\n", "\n");
    let body = key.splitn(3, "-----").nth(2).unwrap_or_default();
    let body = body.rsplit_once("-----END").map_or(body, |(body, _)| body);
    let is_base64 = |c: char| c.is_ascii_alphanumeric() || "+/=".contains(c);
    // Around a line there may be quotes, commas and marks of a comment.
    let around = |c: char| c.is_ascii_whitespace() || "\"'`+,;\\*#/".contains(c);
    let (mut long, mut all) = (0, 0);
    for line in body.lines().filter(|line| !line.contains(": ")) {
        let line = line.trim_matches(around);
        all += line.len();
        if line.len() >= LONG && line.chars().all(is_base64) {
            long += line.len();
        }
    }
    long >= LONG && long * 10 >= all * 7
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_held_to_the_checksum_of_their_issuer() {
        // The example that GitHub's announcement gave; split, so that nobody's scanner finds it.
        let token = ["ghp_", "zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ", "0mLq17"].concat();
        assert!(crc_at_end(token.as_bytes()));
        for at in [4, 20, 39] {
            let mut wrong = token.clone().into_bytes();
            wrong[at] = if wrong[at] == b'x' { b'y' } else { b'x' };
            assert!(!crc_at_end(&wrong), "{at}");
        }
        assert!(!crc_at_end(b"ghp_"));
        assert_eq!(&base62(u32::MAX), b"4gfFC3");
    }

    #[test]
    fn a_checksum_in_hex_is_that_of_grafana() {
        // The example of Grafana's documentation.
        let token = ["glsa_", "yscW25imSKJIuav8zF37RZmnbiDvB05G", "_fcaaf58a"].concat();
        assert!(crc_in_hex(token.as_bytes()));
        assert!(!crc_in_hex(token.replace("fcaa", "aafc").as_bytes()));
        assert!(!crc_in_hex(b"glsa"));
    }

    #[test]
    fn bech32_is_that_of_bip_173() {
        // Valid and invalid ones of the test vectors of BIP 173.
        for text in ["A12UEL5L", "abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw"] {
            assert!(bech32(text.as_bytes()), "{text}");
        }
        for text in ["A1G7SGD8", "abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxx", "b1b", "x"] {
            assert!(!bech32(text.as_bytes()), "{text}");
        }
        assert!(bech32(bech32_encode("age-secret-key-", &[3; 52]).as_bytes()));
    }

    #[test]
    fn a_key_has_a_body_and_a_program_that_reads_keys_has_none() {
        let line = "MC4CAQAwBQYDK2VwBCIEIBc2b9Zq5n0m3rJtH7yq1c6kQm8e2Yv0WlJ4u5d3a9Xf";
        let key = |body: &str| {
            ["-----BEGIN PRIV", "ATE KEY-----", body, "-----END PRIVATE KEY-----"].concat()
        };
        for body in [
            format!("\n{line}\n"),
            format!("\\n{line}\\n{line}\\n"),
            format!("\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n{line}\n{line}\n"),
            format!("\" +\n  \"{line}\" +\n  \"{line}\""),
            format!("\n    {line}\n    {line}\n    abcd=\n"),
        ] {
            assert!(armoured(key(&body).as_bytes()), "{body}");
        }
        for body in [
            "\0-----BEGIN RSA PRIVATE KEY-----\0unexpected end of the key file, or none at all\0",
            "invalid base64 in /rustc/59807616e1fa2540724bfbac14d7976d7e4a3860/library/core/src",
            "\n...\n...........................................................................\n",
            "",
        ] {
            assert!(!armoured(key(body).as_bytes()), "{body}");
        }
    }

    #[test]
    fn encodings_are_looked_into() {
        assert!(json_web_token(
            [URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256"}"#), "x".into()].join(".").as_bytes()
        ));
        assert!(!json_web_token(URL_SAFE_NO_PAD.encode(r#"{"a":1}"#).as_bytes()));
        assert!(!json_web_token(b"ey.ey.x"));
        assert!(user_and_password(STANDARD.encode("me:word").as_bytes()));
        assert!(discord_id(STANDARD.encode("123456789012345678").as_bytes()));
        assert!(!discord_id(STANDARD.encode("1234567890123x5678").as_bytes()));
        let key = ["-----BEGIN PRIV", "ATE KEY-----\n"].concat();
        assert!(Check::ArmourBase64.passes(STANDARD.encode(key).as_bytes()));
        assert!(!Check::ArmourBase64.passes(STANDARD.encode("-----BEGIN CERTIFICATE-").as_bytes()));
        for plain in ["me", ":word", "me:", "a:\0\u{1}"] {
            assert!(!user_and_password(STANDARD.encode(plain).as_bytes()), "{plain}");
        }
    }
}
