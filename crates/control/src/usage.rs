//! `usage report`: what was used, summed up.

use std::collections::BTreeMap;

use deploy_spec::usage::{UsageDay, Used, Whose};
use deploy_spec::{BundleId, CustomerId, DeploymentId, RevisionId};
use serde::Serialize;

/// For whom or what there is one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// For each customer.
    Customer,
    /// For each deployment.
    Deployment,
    /// For each revision.
    Revision,
    /// For each day.
    Day,
}

/// One row; what it is not by is absent.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct UsageKey {
    /// The day, in UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub day: Option<String>,
    /// Who it was run for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<CustomerId>,
    /// What was run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bundle_id: Option<BundleId>,
    /// Where.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deployment_id: Option<DeploymentId>,
    /// Which version of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision_id: Option<RevisionId>,
}

/// A row of the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UsageRow {
    /// Whose.
    #[serde(flatten)]
    pub key: UsageKey,
    /// How much.
    #[serde(flatten)]
    pub used: Used,
}

/// What was used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UsageReport {
    /// In order.
    pub rows: Vec<UsageRow>,
    /// All together.
    pub total: Used,
}

/// Sums up what was used on these days.
#[must_use]
pub fn usage_report(days: &[UsageDay], by: By) -> UsageReport {
    let mut rows: BTreeMap<UsageKey, Used> = BTreeMap::new();
    let mut total = Used::default();
    for day in days {
        for revision in &day.revisions {
            let row = rows.entry(key(&day.day, &revision.whose, by)).or_default();
            *row = row.and(revision.used);
            total = total.and(revision.used);
        }
    }
    let rows = rows.into_iter().map(|(key, used)| UsageRow { key, used }).collect();
    UsageReport { rows, total }
}

fn key(day: &str, whose: &Whose, by: By) -> UsageKey {
    let is_deployment = matches!(by, By::Deployment | By::Revision);
    UsageKey {
        day: (by == By::Day).then(|| day.to_owned()),
        customer_id: (by != By::Day).then(|| whose.customer_id.clone()),
        bundle_id: is_deployment.then(|| whose.bundle_id.clone()),
        deployment_id: is_deployment.then_some(whose.deployment_id),
        revision_id: (by == By::Revision).then_some(whose.revision_id),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn whose(customer: u64, deployment: u64, revision: u64) -> Whose {
        Whose {
            customer_id: format!("c{customer}").parse().unwrap(),
            bundle_id: "shop".parse().unwrap(),
            deployment_id: DeploymentId::from_parts(customer * 10 + deployment, 0),
            revision_id: RevisionId::from_parts(customer * 100 + deployment * 10 + revision, 0),
        }
    }

    proptest! {
        /// However it is cut, all rows together are everything that was added, and each row is of
        /// another one.
        #[test]
        fn nothing_is_lost_and_nothing_counts_twice(
            added in prop::collection::vec((0..3_u64, 0..2_u64, 0..2_u64, 0..2_u64, 0..9_u64), 0..40),
        ) {
            let mut days = ["2026-11-21", "2026-11-22"].map(|day| UsageDay::new(day.to_owned()));
            let used = |requests| Used { requests, errors: requests / 2, time_us: requests * 7 };
            for (customer, deployment, revision, day, requests) in &added {
                let day = &mut days[usize::try_from(*day).unwrap()];
                day.add(&whose(*customer, *deployment, *revision), used(*requests));
            }
            let all = added.iter().fold(Used::default(), |all, added| all.and(used(added.4)));
            for (by, most) in [(By::Customer, 3), (By::Deployment, 6), (By::Revision, 12), (By::Day, 2)] {
                let report = usage_report(&days, by);
                let sum = report.rows.iter().fold(Used::default(), |sum, row| sum.and(row.used));
                prop_assert_eq!((report.total, sum), (all, all));
                prop_assert!(report.rows.len() <= most);
                prop_assert!(report.rows.windows(2).all(|two| two[0].key < two[1].key));
            }
            let ofc1 = added.iter().filter(|added| added.0 == 1).map(|added| added.4).sum::<u64>();
            let rows = usage_report(&days, By::Customer).rows;
            let c1 = rows.iter().find(|row| row.key.customer_id == "c1".parse().ok());
            prop_assert_eq!(c1.map_or(0, |row| row.used.requests), ofc1);
        }
    }
}
