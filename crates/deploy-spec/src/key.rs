//! What makes a retry safe.

use crate::text::{checked_text, shown};

fn idempotency_key(text: &str) -> Result<(), String> {
    let ok = (1..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
    if ok {
        Ok(())
    } else {
        Err(format!(
            "{} is not an idempotency key: 1 to 128 printable ASCII characters without spaces",
            shown(text)
        ))
    }
}

checked_text!(
    /// A name for one intended change, chosen by the client, so that a retry is not a second one.
    IdempotencyKey, idempotency_key, pattern = "^[!-~]{1,128}$", example = "first-rollout"
);
