//! A table made by changes is the table made anew, and shares what did not change.

use std::collections::BTreeMap;
use std::sync::Arc;

use deploy_spec::{DeploymentId, RouteBinding};
use dispatch::{Asked, Table};
use proptest::prelude::*;

use crate::routes::{bindings, requests, shop};
use crate::world::{Shop, deployment_id};

/// What a step does to a deployment: other routes and generation, or away with it.
type Step = Vec<(u64, Option<(RouteBinding, bool)>)>;

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let to = prop::option::weighted(0.7, (bindings(), any::<bool>()));
    prop::collection::vec(prop::collection::vec((1..7_u64, to), 0..4), 1..8)
}

/// What `table` holds, all of it, whatever the order: the letters of its description, sorted.
fn letters(table: &Table<u64>) -> Vec<u8> {
    let mut letters = format!("{table:?}").into_bytes();
    letters.sort_unstable();
    letters
}

fn value(i: u64, routes: &RouteBinding, turned: bool) -> Shop {
    let shop = Shop { tenant: None, ..shop(i, routes) };
    if turned { shop.turned(&[10_000], None) } else { shop }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn changes_lead_where_starting_anew_does(steps in steps()) {
        let mut shops: BTreeMap<DeploymentId, Shop> = BTreeMap::new();
        let mut table: Table<u64> = Table::default();
        for step in steps {
            let mut changes = Vec::new();
            for (i, to) in &step {
                let after = to.as_ref().map(|(routes, turned)| value(*i, routes, *turned));
                changes.push((deployment_id(*i), after.as_ref().map(Shop::build)));
                match after {
                    Some(shop) => shops.insert(shop.id, shop),
                    None => shops.remove(&deployment_id(*i)),
                };
            }
            let before = std::mem::take(&mut table);
            table = before.with(changes);
            let anew = Table::new(shops.values().rev().map(Shop::build));
            prop_assert_eq!(letters(&table), letters(&anew));
            for asked in requests() {
                let of = |table: &Table<u64>| {
                    table.find(&asked).map(|found| {
                        (found.deployment.id(), found.deployment.split_generation(), found.prefix.clone())
                    })
                };
                prop_assert_eq!(of(&table), of(&anew), "{:?}", asked);
            }
            prop_assert_eq!(table.deployments().count(), shops.len());
            for (id, shop) in &shops {
                let now = table.deployment(*id).unwrap();
                prop_assert_eq!(now.split_generation(), shop.split.as_ref().map(|split| split.0));
                if !step.iter().any(|(i, _)| deployment_id(*i) == *id) {
                    prop_assert!(Arc::ptr_eq(now, before.deployment(*id).unwrap()));
                }
            }
        }
        let gone = table.with(shops.keys().map(|id| (*id, None)).collect());
        prop_assert_eq!(format!("{:?}", gone), format!("{:?}", Table::<u64>::default()));
    }
}

/// Where the table keeps the prefix that answers: the same place is the same piece of the table.
fn place(table: &Table<u64>, host: &str) -> *const deploy_spec::PathPrefix {
    table.find(&Asked { host, path: "/", ..Asked::default() }).unwrap().prefix
}

fn on(i: u64, host: &str) -> Shop {
    let written = serde_json::json!({ "host": host });
    shop(i, &serde_json::from_value(written).unwrap())
}

#[test]
fn a_shift_shares_all_routes_and_a_move_shares_those_of_other_hosts() {
    let table = Table::new([on(1, "a.test").build(), on(2, "b.test").build()]);
    let shift = on(1, "a.test").turned(&[10_000], None);
    let shifted = table.with(vec![(shift.id, Some(shift.build()))]);
    let moved = table.with(vec![(shift.id, Some(on(1, "c.test").build()))]);
    for (after, host, same) in
        [(&shifted, "a.test", true), (&shifted, "b.test", true), (&moved, "b.test", true)]
    {
        assert_eq!(std::ptr::eq(place(&table, host), place(after, host)), same, "{host}");
    }
    assert!(moved.find(&Asked { host: "a.test", path: "/", ..Asked::default() }).is_none());
    assert!(!Arc::ptr_eq(
        table.deployment(shift.id).unwrap(),
        shifted.deployment(shift.id).unwrap(),
    ));
    let found = shifted.find(&Asked { host: "a.test", path: "/", ..Asked::default() }).unwrap();
    assert_eq!(found.deployment.split_generation(), Some(1), "routes lead to the new value");
}

#[test]
fn two_deployments_can_swap_their_hosts_in_one_change_in_any_order() {
    let table = Table::new([on(1, "a.test").build(), on(2, "b.test").build()]);
    let swap = [on(1, "b.test"), on(2, "a.test")];
    for order in [[0, 1], [1, 0]] {
        let changes = order.map(|i| (swap[i].id, Some(swap[i].build())));
        let after = table.with(changes.into());
        for (host, id) in [("a.test", 2), ("b.test", 1)] {
            let found = after.find(&Asked { host, path: "/", ..Asked::default() }).unwrap();
            assert_eq!(found.deployment.id(), deployment_id(id));
        }
    }
}

#[test]
fn of_two_deployments_with_one_id_the_last_counts_and_the_first_leaves_no_route() {
    let table = Table::new([on(1, "a.test").build(), on(1, "b.test").build()]);
    assert!(table.find(&Asked { host: "a.test", path: "/", ..Asked::default() }).is_none());
    assert!(table.find(&Asked { host: "b.test", path: "/", ..Asked::default() }).is_some());
    assert_eq!(table.deployments().count(), 1);
}
