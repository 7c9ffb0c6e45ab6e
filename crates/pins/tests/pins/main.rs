//! Pins against a real Redis that stops, hangs and comes back, and against a simple model.
#![expect(clippy::unwrap_used, reason = "what fails here is the test")]

mod memory;
mod shared;

use deploy_spec::RevisionId;
use dispatch::{Pin, PinName};

/// Noon of some day.
const NOON: u64 = 1_800_000_000;
const SHOP: &str = "gt:rev_pin:prod:01SHOP:acme";

fn pin(revision: u64, generation: u64) -> Pin {
    Pin { revision: RevisionId::from_parts(revision, 0), generation }
}

fn name(session: &[u8]) -> PinName<'static> {
    PinName::new(SHOP, session)
}
