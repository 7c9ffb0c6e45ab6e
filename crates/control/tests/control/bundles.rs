//! `bundles`.

use control::{bundles, env, traffic};
use deploy_spec::SessionSource;
use serde_json::json;

use crate::world::{World, handle_of};

#[test]
fn add_gives_a_bundle_its_place() {
    let mut world = World::local();
    let document = json!({
        "environment_id": "local", "bundle_id": "fast2flow",
        "route_binding": {"host": "localhost", "path_prefix": "/"},
    });
    let added = world.ask::<bundles::Add>(document);
    insta::assert_snapshot!(world.told(&added), @r#"
    {
      "bundle_id": "fast2flow",
      "customer_id": "local-dev",
      "deployment_id": "D1",
      "generation": 0,
      "lifecycle": "active",
      "route_binding": {
        "hosts": [
          "localhost"
        ],
        "path_prefixes": [
          "/"
        ]
      }
    }
    "#);
}

#[test]
fn add_keeps_all_that_was_said() {
    let mut world = World::local();
    let document = json!({
        "bundle_id": "fast2flow", "customer_id": "acme",
        "route_binding": {
            "host": "a.test", "hosts": ["b.test"], "path_prefixes": ["/x", "/y"],
            "tenant_selector": {"tenant": "acme", "team": "support"},
        },
        "session": {"header": "x-session"},
        "config": {"colour": "green"},
        "revenue_policy_ref": "revenue/standard",
    });
    world.ask::<bundles::Add>(document).unwrap();
    let shown = bundles::show(&world.memory, None).unwrap();
    assert_eq!(shown.deployment.session, SessionSource::Header("x-session".into()));
    insta::assert_snapshot!(world.told(&Ok(json!(shown))), @r#"
    {
      "deployment": {
        "bundle_id": "fast2flow",
        "config_overrides": {
          "colour": "green"
        },
        "created_at": "2026-01-01T00:00:02Z",
        "customer_id": "acme",
        "deployment_id": "D1",
        "environment_id": "local",
        "generation": 0,
        "last_sequence": 0,
        "lifecycle": "active",
        "revenue_policy_ref": "revenue/standard",
        "route_binding": {
          "hosts": [
            "a.test",
            "b.test"
          ],
          "path_prefixes": [
            "/x",
            "/y"
          ],
          "tenant_selector": {
            "team": "support",
            "tenant": "acme"
          }
        },
        "session": {
          "header": "x-session"
        }
      },
      "revisions": [],
      "traffic": null
    }
    "#);
}

#[test]
fn outside_local_a_customer_is_named() {
    let mut world = World::new("prod-eu");
    world.ask::<env::Create>(json!({"environment_id": "prod-eu"})).unwrap();
    let nobody =
        world.ask::<bundles::Add>(json!({"environment_id": "prod-eu", "bundle_id": "shop"}));
    insta::assert_snapshot!(world.told(&nobody), @r#"
    invalid-input: outside `local` a deployment names its customer
    hint: add --customer, or customer_id in the answers
    {
      "pointer": "/customer_id"
    }
    "#);
    let document = json!({"environment_id": "prod-eu", "bundle_id": "shop", "customer_id": "acme"});
    let added = world.ask::<bundles::Add>(document).unwrap();
    assert_eq!(added["customer_id"], "acme");
}

#[test]
fn a_route_binding_that_cannot_be_right_is_named() {
    let many: Vec<String> = (0..257).map(|i| format!("/{i}")).collect();
    let cases = [
        (json!({"host": "a.test", "hosts": ["a.test"]}), "/route_binding/hosts"),
        (json!({"path_prefixes": ["/a", "/b", "/a"]}), "/route_binding/path_prefixes"),
        (json!({"path_prefixes": many}), "/route_binding/hosts"),
    ];
    for (route, pointer) in cases {
        let mut world = World::local();
        let document = json!({"bundle_id": "shop", "route_binding": route});
        let fault = world.ask::<bundles::Add>(document).unwrap_err();
        assert_eq!(
            (fault.kind.name(), &fault.details["pointer"]),
            ("invalid-input", &json!(pointer))
        );
    }
}

#[test]
fn a_session_header_is_a_header_name() {
    for bad in ["", "x session", "x:y", "é", "a\r\nb"] {
        let mut world = World::local();
        let document = json!({"bundle_id": "shop", "session": {"header": bad}});
        let fault = world.ask::<bundles::Add>(document).unwrap_err();
        assert_eq!(fault.details["pointer"], "/session/header", "{bad:?}");
        assert!(!fault.message.contains(['\r', '\n']));
    }
}

#[test]
fn list_and_show_tell_every_id() {
    let mut world = World::serving(2);
    let shop = world.add("shop", "/shop");
    world
        .ask::<traffic::Set>(json!({
            "deployment_id": "fast2flow", "entries": crate::world::entries(&[("r2", 10_000)]),
        }))
        .unwrap();
    let listed = bundles::list(&world.memory, control::Page::default()).unwrap();
    insta::assert_snapshot!(world.told(&Ok(json!(listed))), @r#"
    {
      "deployment_count": 2,
      "deployments": [
        {
          "bundle_id": "fast2flow",
          "customer_id": "local-dev",
          "deployment_id": "D1",
          "entries": [
            {
              "revision_id": "D1.r2",
              "weight_bps": 10000
            }
          ],
          "generation": 2,
          "last_sequence": 2,
          "lifecycle": "active",
          "route_binding": {
            "hosts": [],
            "path_prefixes": [
              "/"
            ]
          }
        },
        {
          "bundle_id": "shop",
          "customer_id": "local-dev",
          "deployment_id": "D2",
          "entries": null,
          "generation": 0,
          "last_sequence": 0,
          "lifecycle": "active",
          "route_binding": {
            "hosts": [],
            "path_prefixes": [
              "/shop"
            ]
          }
        }
      ]
    }
    "#);
    let shown = bundles::show(&world.memory, Some(&handle_of("fast2flow"))).unwrap();
    let sequences: Vec<u64> = shown.revisions.iter().map(|r| r.sequence).collect();
    assert_eq!(sequences, [1, 2]);
    assert_eq!(shown.traffic.unwrap().generation, 0);
    let shown = bundles::show(&world.memory, Some(&handle_of("shop"))).unwrap();
    assert_eq!(shown.deployment.deployment_id.to_string(), shop);
    assert!(shown.traffic.is_none() && shown.revisions.is_empty());
}
