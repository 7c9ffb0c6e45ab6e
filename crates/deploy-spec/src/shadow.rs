//! Shadow traffic: requests that a second revision answers as well, for comparison only.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::text::{checked_text, shown};
use crate::ulid_id::RevisionId;
use crate::weight::Bps;

/// How many headers may be left out of a comparison.
pub const IGNORED_MAX: usize = 32;

/// Which requests a revision answers only to be compared. Nobody is sent what it says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Shadow {
    /// The revision.
    pub revision_id: RevisionId,
    /// Its share of the requests that change nothing, in basis points.
    pub share_bps: Bps,
    /// The headers of answers that are not compared, besides those that always differ.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    #[schemars(length(max = 32))]
    pub ignore_headers: BTreeSet<HeaderName>,
}

checked_text!(
    /// The name of an HTTP header, in lower case (RFC 9110 §5.1).
    HeaderName, header_name, pattern = "^[a-z0-9!#$%&'*+.^_`|~-]{1,64}$", example = "x-request-id"
);

fn header_name(text: &str) -> Result<(), String> {
    let token =
        |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"!#$%&'*+-.^_`|~".contains(&b);
    if (1..=64).contains(&text.len()) && text.bytes().all(token) {
        return Ok(());
    }
    Err(format!("{} is no name of a header in lower case", shown(text)))
}
