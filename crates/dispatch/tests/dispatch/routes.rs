//! The most specific claim wins: the table against a list that is searched from end to end.

use deploy_spec::{DeploymentId, RouteAnswers, RouteBinding, RouteKey, TenantSelector};
use dispatch::{Asked, Table};
use proptest::prelude::*;

use crate::world::{Shop, deployment_id};

pub(crate) const HOSTS: [&str; 3] = ["a.test", "b.test", "[::1]"];
pub(crate) const PREFIXES: [&str; 9] =
    ["/", "/a", "/b", "/ab", "/a/b", "/a/b/a", "/a/ab", "/b/a", "/a-b"];
pub(crate) const PATHS: [&str; 22] = [
    "/", "/a", "/a/", "/a/b", "/a/b/", "/a/b/a", "/a/b/a/x", "/a/b/ab", "/ab", "/ab/", "/abc",
    "/b", "/b/b", "/b/a/b", "/a//b", "//a", "/x", "/A", "/a/ab/b", "/a-b", "/a-bc", "/a./b",
];
const TENANTS: [Option<&str>; 4] = [None, Some("t"), Some("u"), Some("T")];
const TEAMS: [Option<&str>; 4] = [None, Some("red"), Some("blue"), Some("")];

fn binding(
    hosts: &[&str],
    prefixes: &[&str],
    selector: Option<(&str, Option<&str>)>,
) -> RouteBinding {
    let parsed = |(tenant, team): (&str, Option<&str>)| TenantSelector {
        tenant: tenant.parse().unwrap(),
        team: team.map(|team| team.parse().unwrap()),
    };
    RouteBinding::new(RouteAnswers {
        hosts: hosts.iter().map(|host| host.parse().unwrap()).collect(),
        path_prefixes: prefixes.iter().map(|prefix| prefix.parse().unwrap()).collect(),
        tenant_selector: selector.map(parsed),
        ..RouteAnswers::default()
    })
    .unwrap()
}

/// Any binding over a world small enough that claims meet.
pub(crate) fn bindings() -> impl Strategy<Value = RouteBinding> {
    let hosts = prop::sample::subsequence(HOSTS.to_vec(), 0..=2);
    let prefixes = prop::sample::subsequence(PREFIXES.to_vec(), 1..=3);
    let team = prop::sample::select(vec![None, Some("red"), Some("blue")]);
    let selector = prop::option::of((prop::sample::select(vec!["t", "u"]), team));
    (hosts, prefixes, selector).prop_map(|(hosts, prefixes, s)| binding(&hosts, &prefixes, s))
}

pub(crate) fn shop(i: u64, routes: &RouteBinding) -> Shop {
    Shop { id: deployment_id(i), routes: routes.clone(), ..Shop::new(&[10_000]) }
}

/// Every request of the small world.
pub(crate) fn requests() -> impl Iterator<Item = Asked<'static>> {
    HOSTS.into_iter().chain(["c.test", ""]).flat_map(|host| {
        PATHS.into_iter().flat_map(move |path| {
            TENANTS.into_iter().flat_map(move |tenant| {
                TEAMS.into_iter().map(move |team| Asked { host, path, tenant, team })
            })
        })
    })
}

/// The rule: of all claims that fit, those on the named host, of these the longest prefix, of these
/// the narrowest selector; and of two that claim the same, the deployment that was made first.
fn by_rule<'a>(
    claims: &'a [(RouteKey, DeploymentId)],
    asked: &Asked<'_>,
) -> Option<(DeploymentId, &'a str)> {
    let fits = |key: &RouteKey| {
        let host = key.host.as_ref().is_none_or(|host| host.as_str() == asked.host);
        let selected = key.tenant_selector.as_ref().is_none_or(|selector| {
            let team = selector.team.as_ref().map(deploy_spec::TeamId::as_str);
            Some(selector.tenant.as_str()) == asked.tenant && (team.is_none() || team == asked.team)
        });
        host && selected && key.path_prefix.covers(asked.path)
    };
    let rank = |key: &RouteKey, id: DeploymentId| {
        let width = key.tenant_selector.as_ref().map(|selector| selector.team.is_some());
        (key.host.is_some(), key.path_prefix.as_str().len(), width, std::cmp::Reverse(id))
    };
    let fitting = claims.iter().filter(|(key, _)| fits(key));
    let best = fitting.max_by_key(|(key, id)| rank(key, *id));
    best.map(|(key, id)| (*id, key.path_prefix.as_str()))
}

fn found<'a>(table: &'a Table<u64>, asked: &Asked<'_>) -> Option<(DeploymentId, &'a str)> {
    table.find(asked).map(|found| (found.deployment.id(), found.prefix.as_str()))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_most_specific_claim_answers(routes in prop::collection::vec(bindings(), 0..10)) {
        let shops: Vec<Shop> = (1..).zip(&routes).map(|(i, routes)| shop(i, routes)).collect();
        let claims: Vec<_> = shops
            .iter()
            .flat_map(|shop| shop.routes.claims().map(|claim| (claim, shop.id)))
            .collect();
        for order in [shops.iter().collect::<Vec<_>>(), shops.iter().rev().collect()] {
            let table = Table::new(order.into_iter().map(Shop::build));
            for asked in requests() {
                prop_assert_eq!(found(&table, &asked), by_rule(&claims, &asked), "{:?}", asked);
            }
        }
    }
}

/// Hosts, a path prefix, and the tenant and team that a claim is for.
type Stated<'a> = (&'a [&'a str], &'a str, Option<(&'a str, Option<&'a str>)>);

#[test]
fn each_rule_by_an_example() {
    let claims: [Stated<'_>; 8] = [
        (&[], "/", None),
        (&[], "/a/b", None),
        (&["a.test"], "/a", None),
        (&["a.test"], "/a/b", Some(("t", None))),
        (&["a.test"], "/a/b", Some(("t", Some("red")))),
        (&["b.test"], "/", Some(("u", Some("red")))),
        (&["b.test"], "/a", Some(("u", None))),
        (&["b.test"], "/b", Some(("t", Some("blue")))),
    ];
    let shops = (1..).zip(claims).map(|(i, (hosts, prefix, selector))| {
        shop(i, &binding(hosts, &[prefix], selector)).build()
    });
    let table = Table::new(shops);
    let (t, u, red, blue) = (Some("t"), Some("u"), Some("red"), Some("blue"));
    for (host, path, tenant, team, answers) in [
        ("c.test", "/x", None, None, 1),     // any host
        ("c.test", "/a/b/c", None, None, 2), // the longest prefix
        ("c.test", "/a/bc", None, None, 1),  // on whole segments
        ("a.test", "/a/b", None, None, 3),   // this host, before a longer prefix of any host
        ("a.test", "/a/b", t, None, 4),      // the tenant's, before everybody's
        ("a.test", "/a/b", t, blue, 4),      // a team that nobody named
        ("a.test", "/a/b", t, red, 5),       // the team's, before the tenant's
        ("a.test", "/a/b", None, red, 3),    // a team without its tenant
        ("a.test", "/ab", t, red, 1),        // no claim of this host covers it
        ("b.test", "/a", u, red, 7),         // the longer prefix, before the narrower selector
        ("b.test", "/a", t, red, 1),         // another tenant: as if this host claimed nothing
        ("b.test", "/b", u, red, 6),         // another tenant's prefix is passed over
        ("b.test", "/b/", t, blue, 8),
        ("B.test", "/b", t, blue, 1), // hosts are compared as they are
    ] {
        let asked = Asked { host, path, tenant, team };
        let id = table.find(&asked).map(|found| found.deployment.id());
        assert_eq!(id, Some(deployment_id(answers)), "{asked:?}");
    }
}

#[test]
fn a_longer_binding_answers_on_every_host_with_every_prefix() {
    let routes = binding(&["a.test", "b.test"], &["/a", "/b"], None);
    let table = Table::new([shop(1, &routes).build()]);
    for (host, path, prefix) in [
        ("a.test", "/a/x", "/a"),
        ("a.test", "/b", "/b"),
        ("b.test", "/a", "/a"),
        ("b.test", "/b/", "/b"),
    ] {
        let asked = Asked { host, path, ..Asked::default() };
        assert_eq!(found(&table, &asked), Some((deployment_id(1), prefix)));
    }
    for (host, path) in [("a.test", "/"), ("c.test", "/a"), ("", "/a"), ("a.test", "")] {
        assert!(table.find(&Asked { host, path, ..Asked::default() }).is_none(), "{host}{path}");
    }
}
