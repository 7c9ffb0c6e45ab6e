//! A route belongs to one deployment: conflicts are found when they are declared, and only then.

use std::collections::BTreeSet;

use control::bundles;
use deploy_spec::Kind;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::world::{World, cases};

const HOSTS: [&str; 3] = ["a.test", "b.test", "[::1]"];
const PREFIXES: [&str; 4] = ["/", "/shop", "/shop/cart", "/shopping"];
const TENANTS: [Option<(&str, Option<&str>)>; 4] =
    [None, Some(("acme", None)), Some(("acme", Some("support"))), Some(("bolt", None))];

#[derive(Debug, Clone)]
struct Binding {
    hosts: BTreeSet<usize>,
    prefixes: BTreeSet<usize>,
    tenant: usize,
}

impl Binding {
    fn any() -> impl Strategy<Value = Self> {
        let hosts = prop::collection::btree_set(0..HOSTS.len(), 0..=2);
        let prefixes = prop::collection::btree_set(0..PREFIXES.len(), 0..=2);
        (hosts, prefixes, 0..TENANTS.len()).prop_map(|(hosts, prefixes, tenant)| Self {
            hosts,
            prefixes,
            tenant,
        })
    }

    fn document(&self) -> Value {
        let mut route = json!({
            "hosts": self.hosts.iter().map(|&i| HOSTS[i]).collect::<Vec<_>>(),
            "path_prefixes": self.prefixes.iter().map(|&i| PREFIXES[i]).collect::<Vec<_>>(),
        });
        if let Some((tenant, team)) = TENANTS[self.tenant] {
            route["tenant_selector"] = json!({"tenant": tenant});
            if let Some(team) = team {
                route["tenant_selector"]["team"] = team.into();
            }
        }
        json!({"bundle_id": "shop", "route_binding": route})
    }

    /// Every (host, prefix, tenant); no host is any host, no prefix is `/`.
    fn claims(&self) -> BTreeSet<(Option<usize>, usize, usize)> {
        let hosts: Vec<Option<usize>> = match self.hosts.len() {
            0 => vec![None],
            _ => self.hosts.iter().copied().map(Some).collect(),
        };
        let prefixes = if self.prefixes.is_empty() { &BTreeSet::from([0]) } else { &self.prefixes };
        let pairs = hosts.iter().flat_map(|host| prefixes.iter().map(|prefix| (*host, *prefix)));
        pairs.map(|(host, prefix)| (host, prefix, self.tenant)).collect()
    }
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn a_conflict_is_found_for_each_overlap_and_only_then(
        bindings in prop::collection::vec(Binding::any(), 1..6),
    ) {
        let mut world = World::local();
        let mut taken: Vec<(String, BTreeSet<_>)> = Vec::new();
        for binding in &bindings {
            let claims = binding.claims();
            let owners: Vec<&String> =
                taken.iter().filter(|(_, of)| !of.is_disjoint(&claims)).map(|(id, _)| id).collect();
            let before = world.memory.clone();
            match world.ask::<bundles::Add>(binding.document()) {
                Ok(added) => {
                    prop_assert!(owners.is_empty(), "{binding:?} was let in beside {owners:?}");
                    taken.push((added["deployment_id"].as_str().unwrap().to_owned(), claims));
                }
                Err(fault) => {
                    prop_assert_eq!(fault.kind, Kind::Conflict);
                    prop_assert_eq!(&fault.details["pointer"], "/route_binding");
                    let named = fault.details["deployment_id"].as_str().unwrap().to_owned();
                    prop_assert!(owners.contains(&&named), "{named} is not one of {owners:?}");
                    prop_assert_eq!(&world.memory, &before);
                }
            }
        }
    }
}

#[test]
fn a_conflict_names_the_route_and_who_has_it() {
    let mut world = World::local();
    let document = json!({
        "bundle_id": "fast2flow",
        "route_binding": {"host": "a.test", "path_prefix": "/x", "tenant_selector": {"tenant": "acme"}},
    });
    world.ask::<bundles::Add>(document.clone()).unwrap();
    let twice = world.ask::<bundles::Add>(document);
    insta::assert_snapshot!(world.told(&twice), @r#"
    conflict: deployment D1 already answers `a.test/x tenant=acme`
    hint: choose another host or path prefix
    {
      "deployment_id": "D1",
      "pointer": "/route_binding"
    }
    "#);
}
