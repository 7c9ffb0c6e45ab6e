//! Shares of traffic: basis points, and lists of them that are whole.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::fault::Fault;
use crate::ulid_id::RevisionId;

/// All of the traffic, in basis points; also the number of slots of a split.
pub const WHOLE: u16 = 10_000;

/// How many revisions one split may name.
pub const ENTRIES_MAX: usize = 64;

/// A share of traffic in basis points (1/100 of a percent), 0 to 10 000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct Bps(u16);

impl Bps {
    /// `bps` basis points.
    ///
    /// # Errors
    /// A sentence when it is more than the whole.
    pub fn new(bps: u16) -> Result<Self, String> {
        if bps <= WHOLE {
            Ok(Self(bps))
        } else {
            Err(format!("a weight of {bps} bps is more than {WHOLE}, the whole"))
        }
    }

    /// `percent` as basis points.
    ///
    /// # Errors
    /// A sentence when it is not from 0 to 100 or has more than two decimals.
    pub fn from_percent(percent: f64) -> Result<Self, String> {
        let exact = percent * 100.0;
        let bps = exact.round();
        if !(0.0..=f64::from(WHOLE)).contains(&bps) {
            return Err(format!("a weight of {percent} percent is not from 0 to 100"));
        }
        if (exact - bps).abs() > 1e-6 {
            return Err(format!("a weight of {percent} percent has more than two decimals"));
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a whole number from 0 to 10 000, checked above"
        )]
        let bps = bps as u16;
        Ok(Self(bps))
    }

    /// The number of basis points.
    #[must_use]
    pub const fn get(self) -> u16 {
        self.0
    }
}

impl TryFrom<u16> for Bps {
    type Error = String;
    fn try_from(bps: u16) -> Result<Self, String> {
        Self::new(bps)
    }
}

impl From<Bps> for u16 {
    fn from(bps: Bps) -> Self {
        bps.0
    }
}

/// As a percentage: `99`, `0.5`, `12.34`.
impl std::fmt::Display for Bps {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (whole, part) = (self.0 / 100, self.0 % 100);
        let text = match part {
            0 => format!("{whole}"),
            part if part % 10 == 0 => format!("{whole}.{}", part / 10),
            part => format!("{whole}.{part:02}"),
        };
        f.pad(&text)
    }
}

impl JsonSchema for Bps {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Bps".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "integer", "minimum": 0, "maximum": WHOLE,
            "description": "basis points: 1/100 of a percent",
        })
    }
}

/// One revision's share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Weight {
    /// Whose share.
    pub revision_id: RevisionId,
    /// How much, in basis points.
    pub weight_bps: Bps,
}

/// Shares that are whole: they sum to exactly [`WHOLE`] and name no revision twice (law 1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct Weights(Vec<Weight>);

impl Weights {
    /// The proof that `entries` are whole.
    ///
    /// # Errors
    /// `invalid-input`, naming the entry.
    pub fn new(entries: Vec<Weight>) -> Result<Self, Fault> {
        if entries.len() > ENTRIES_MAX {
            let most = format!("a split names at most {ENTRIES_MAX} revisions");
            return Err(Fault::invalid(most).at("/entries"));
        }
        let mut seen = BTreeSet::new();
        if let Some(i) = entries.iter().position(|entry| !seen.insert(entry.revision_id)) {
            let twice = format!("revision {} is in the split twice", entries[i].revision_id);
            return Err(Fault::invalid(twice).at(format!("/entries/{i}/revision_id")));
        }
        let sum: u32 = entries.iter().map(|entry| u32::from(entry.weight_bps.0)).sum();
        if sum != u32::from(WHOLE) {
            return Err(Fault::invalid(format!("the weights sum to {sum} bps, not to {WHOLE}"))
                .at("/entries")
                .hint("make the weights sum to 100 percent")
                .detail("sum_bps", sum));
        }
        Ok(Self(entries))
    }

    /// The shares, in the order they were given.
    #[must_use]
    pub fn entries(&self) -> &[Weight] {
        &self.0
    }

    /// The share of one revision; 0 when it is not named.
    #[must_use]
    pub fn of(&self, revision: RevisionId) -> Bps {
        self.0.iter().find(|entry| entry.revision_id == revision).map_or(Bps(0), |e| e.weight_bps)
    }

    /// The revisions that take traffic.
    pub fn live(&self) -> impl Iterator<Item = RevisionId> {
        self.0.iter().filter(|entry| entry.weight_bps.0 > 0).map(|entry| entry.revision_id)
    }

    /// The one revision that takes all of the traffic, if there is one.
    #[must_use]
    pub fn sole_owner(&self) -> Option<RevisionId> {
        self.0.iter().find(|entry| entry.weight_bps.0 == WHOLE).map(|entry| entry.revision_id)
    }
}

impl<'de> Deserialize<'de> for Weights {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Self::new(Vec::deserialize(d)?).map_err(|fault| serde::de::Error::custom(fault.message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn weight(id: u128, bps: u16) -> Weight {
        Weight { revision_id: RevisionId::from_parts(1, id), weight_bps: Bps::new(bps).unwrap() }
    }

    #[test]
    fn percent_has_two_decimals() {
        for (percent, bps) in
            [(0.0, 0), (0.01, 1), (0.29, 29), (1.15, 115), (99.99, 9_999), (100.0, 10_000)]
        {
            assert_eq!(Bps::from_percent(percent).unwrap().get(), bps, "{percent}");
        }
        for bad in [-0.01, 100.01, 0.001, 33.333, f64::NAN, f64::INFINITY] {
            assert!(Bps::from_percent(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn bps_print_as_percent() {
        let shown = [0, 1, 10, 50, 100, 1_234, 10_000].map(|bps| Bps(bps).to_string());
        assert_eq!(shown, ["0", "0.01", "0.1", "0.5", "1", "12.34", "100"]);
    }

    proptest! {
        #[test]
        fn every_bps_survives_as_a_percentage(bps in 0..=WHOLE) {
            let printed: f64 = Bps(bps).to_string().parse().unwrap();
            prop_assert_eq!(Bps::from_percent(printed).unwrap().get(), bps);
        }

        #[test]
        fn weights_are_whole_or_refused(list in prop::collection::vec((0u128..6, 0u16..=WHOLE), 0..6)) {
            let entries: Vec<Weight> = list.iter().map(|&(id, bps)| weight(id, bps)).collect();
            let ids: BTreeSet<_> = list.iter().map(|(id, _)| id).collect();
            let whole = ids.len() == list.len()
                && list.iter().map(|(_, bps)| u32::from(*bps)).sum::<u32>() == u32::from(WHOLE);
            prop_assert_eq!(Weights::new(entries).is_ok(), whole);
        }
    }

    #[test]
    fn a_revision_twice_is_refused_by_name() {
        let fault = Weights::new(vec![weight(7, 5_000), weight(7, 5_000)]).unwrap_err();
        assert_eq!(fault.details["pointer"], "/entries/1/revision_id");
    }
}
