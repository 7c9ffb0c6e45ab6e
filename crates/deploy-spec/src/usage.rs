//! What was used on one day (UTC): what each revision answered.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::slug::{BundleId, CustomerId};
use crate::ulid_id::{DeploymentId, RevisionId};

crate::schema_tag!(
    /// `greentic.usage.v1`
    UsageSchema = "greentic.usage.v1"
);

/// What was answered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Used {
    /// Requests.
    pub requests: u64,
    /// Those of them that were answered with a status of 500 or more.
    pub errors: u64,
    /// From the head of each request to the head of its answer, all together, in microseconds.
    pub time_us: u64,
}

impl Used {
    /// Both together.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self {
            requests: self.requests.saturating_add(other.requests),
            errors: self.errors.saturating_add(other.errors),
            time_us: self.time_us.saturating_add(other.time_us),
        }
    }

    /// What came to it after `earlier`.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Self {
        Self {
            requests: self.requests.saturating_sub(earlier.requests),
            errors: self.errors.saturating_sub(earlier.errors),
            time_us: self.time_us.saturating_sub(earlier.time_us),
        }
    }
}

/// Whose revision it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Whose {
    /// Who it is run for.
    pub customer_id: CustomerId,
    /// What is run.
    pub bundle_id: BundleId,
    /// Where.
    pub deployment_id: DeploymentId,
    /// Which version of it.
    pub revision_id: RevisionId,
}

/// What one revision answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RevisionUsage {
    /// Which.
    pub whose: Whose,
    /// How much.
    pub used: Used,
}

/// A day: the record `usage/YYYY-MM-DD.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UsageDay {
    /// Which document this is.
    pub schema: UsageSchema,
    /// The day, in UTC.
    #[schemars(regex(pattern = r"^\d{4}-\d{2}-\d{2}$"))]
    pub day: String,
    /// Who answered, each revision once, in order.
    pub revisions: Vec<RevisionUsage>,
}

impl UsageDay {
    /// A day on which nothing was used so far.
    #[must_use]
    pub const fn new(day: String) -> Self {
        Self { schema: UsageSchema, day, revisions: Vec::new() }
    }

    /// Adds what a revision answered besides.
    pub fn add(&mut self, whose: &Whose, used: Used) {
        match self.revisions.binary_search_by(|known| known.whose.cmp(whose)) {
            Ok(i) => self.revisions[i].used = self.revisions[i].used.and(used),
            Err(i) => self.revisions.insert(i, RevisionUsage { whose: whose.clone(), used }),
        }
    }
}
