//! `bundles update`, `pause`, `resume` and `remove`, and what is left of what was removed.

use control::{Lookup as _, bundles, project, resolve_deployment, revisions, traffic};
use deploy_spec::{DeploymentLifecycle, Kind, Lifecycle};
use serde_json::{Value, json};

use crate::verbs::rolling;
use crate::world::{World, handle_of};

fn of(handle: &str) -> Value {
    json!({"deployment_id": handle})
}

#[test]
fn update_changes_what_was_said_and_nothing_else() {
    let mut world = rolling();
    let document = json!({
        "deployment_id": "fast2flow",
        "route_binding": {"hosts": ["a.test"], "path_prefixes": ["/", "/x"]},
        "config": {"colour": "green"}, "session": "none", "customer_id": "acme",
        "revenue_policy_ref": "revenue/standard",
    });
    let before = world.deployment("fast2flow");
    let updated = world.ask::<bundles::Update>(document);
    insta::assert_snapshot!(world.told(&updated), @r#"
    {
      "bundle_id": "fast2flow",
      "customer_id": "acme",
      "deployment_id": "D1",
      "generation": 4,
      "lifecycle": "active",
      "route_binding": {
        "hosts": [
          "a.test"
        ],
        "path_prefixes": [
          "/",
          "/x"
        ]
      }
    }
    "#);
    let after = world.deployment("fast2flow");
    assert_eq!(after.split, before.split, "traffic is another dial");
    insta::assert_snapshot!(world.told(&Ok(json!(after.deployment))), @r#"
    {
      "bundle_id": "fast2flow",
      "config_overrides": {
        "colour": "green"
      },
      "created_at": "2026-01-01T00:00:02Z",
      "customer_id": "acme",
      "deployment_id": "D1",
      "environment_id": "local",
      "generation": 4,
      "last_sequence": 3,
      "lifecycle": "active",
      "revenue_policy_ref": "revenue/standard",
      "route_binding": {
        "hosts": [
          "a.test"
        ],
        "path_prefixes": [
          "/",
          "/x"
        ]
      },
      "session": "none"
    }
    "#);
    let one = json!({"deployment_id": "fast2flow", "config": {"size": 1}});
    world.ask::<bundles::Update>(one).unwrap();
    let then = world.deployment("fast2flow").deployment;
    assert_eq!(json!(then.config_overrides), json!({"size": 1}), "all of it is replaced");
    assert_eq!(then.route_binding, after.deployment.route_binding);
    assert_eq!(then.customer_id, after.deployment.customer_id);
}

#[test]
fn update_lets_old_routes_go_and_keeps_those_it_still_wants() {
    let mut world = World::serving(0);
    let route = |prefixes: Value| json!({"deployment_id": "fast2flow", "route_binding": {"path_prefixes": prefixes}});
    world.ask::<bundles::Update>(route(json!(["/a", "/b"]))).unwrap();
    world.add("shop", "/");
    world.ask::<bundles::Update>(route(json!(["/b", "/c"]))).unwrap();
    world.add("blog", "/a");
    let before = world.memory.clone();
    let taken = world.ask::<bundles::Update>(route(json!(["/b", "/a"])));
    insta::assert_snapshot!(world.told(&taken), @r#"
    conflict: deployment D3 already answers `*/a`
    hint: choose another host or path prefix
    {
      "deployment_id": "D3",
      "pointer": "/route_binding"
    }
    "#);
    assert_eq!(world.memory, before);
}

#[test]
fn an_update_that_says_nothing_or_nonsense_is_invalid() {
    let mut world = World::serving(0);
    let nothing = world.ask::<bundles::Update>(of("fast2flow"));
    insta::assert_snapshot!(world.told(&nothing), @r#"
    invalid-input: nothing is said that could be updated
    hint: give route_binding, config, session, customer_id or revenue_policy_ref
    {
      "pointer": ""
    }
    "#);
    for (field, value, pointer) in [
        ("session", json!({"header": "a b"}), "/session/header"),
        ("route_binding", json!({"hosts": ["a.test", "a.test"]}), "/route_binding/hosts"),
    ] {
        let mut document = of("fast2flow");
        document[field] = value;
        let fault = world.ask::<bundles::Update>(document).unwrap_err();
        assert_eq!((fault.kind, &fault.details["pointer"]), (Kind::InvalidInput, &json!(pointer)));
    }
    let (before, audited) = (world.memory.clone(), world.audit.len());
    let same = json!({"deployment_id": "fast2flow", "route_binding": {"path_prefix": "/"}});
    world.ask::<bundles::Update>(same).unwrap();
    assert_eq!((world.memory, world.audit.len()), (before, audited), "nothing changed");
}

#[test]
fn pause_keeps_everything_and_resume_brings_it_back() {
    let mut world = rolling();
    let before = world.deployment("fast2flow");
    let paused = world.ask::<bundles::Pause>(of("fast2flow"));
    insta::assert_snapshot!(world.told(&paused), @r#"
    {
      "bundle_id": "fast2flow",
      "customer_id": "local-dev",
      "deployment_id": "D1",
      "generation": 4,
      "lifecycle": "paused",
      "route_binding": {
        "hosts": [],
        "path_prefixes": [
          "/"
        ]
      }
    }
    "#);
    assert_eq!(world.deployment("fast2flow").split, before.split);
    let config = project(&world.memory).unwrap();
    assert_eq!(config.deployments[0].lifecycle, DeploymentLifecycle::Paused);
    let (memory, audited) = (world.memory.clone(), world.audit.len());
    assert_eq!(world.ask::<bundles::Pause>(of("fast2flow")).unwrap(), paused.unwrap());
    assert_eq!((&world.memory, world.audit.len()), (&memory, audited), "no change, no commit");
    let resumed = world.ask::<bundles::Resume>(of("fast2flow")).unwrap();
    assert_eq!((&resumed["lifecycle"], &resumed["generation"]), (&json!("active"), &json!(5)));
    let memory = world.memory.clone();
    assert_eq!(world.ask::<bundles::Resume>(of("fast2flow")).unwrap(), resumed);
    assert_eq!(world.memory, memory);
}

#[test]
fn what_serves_is_not_removed() {
    let mut world = rolling();
    let before = world.memory.clone();
    let refused = world.ask::<bundles::Remove>(of("fast2flow"));
    insta::assert_snapshot!(world.told(&refused), @"
    refused: deployment D1 serves
    hint: gtc op traffic clear --deployment D1, or gtc op bundles pause D1
    {}
    ");
    assert_eq!(world.memory, before);
}

#[test]
fn a_paused_or_cleared_deployment_is_removed_whatever_its_revisions_are() {
    for lifecycle in Lifecycle::ALL {
        for cleared in [false, true] {
            let mut world = rolling();
            world.force("r3", lifecycle);
            if cleared {
                world.ask::<traffic::Clear>(of("fast2flow")).unwrap();
            } else {
                world.ask::<bundles::Pause>(of("fast2flow")).unwrap();
            }
            world.ask::<bundles::Remove>(of("fast2flow")).unwrap();
            let id = world.memory.retired_ids().unwrap()[0];
            let revisions = world.memory.revisions(id).unwrap();
            assert!(revisions.iter().all(|revision| revision.lifecycle == Lifecycle::Archived));
            let split = world.memory.retired(id).unwrap().unwrap().split.unwrap();
            assert_eq!((split.generation, split.allocation), (2, None), "{lifecycle} {cleared}");
        }
    }
    let mut world = World::serving(0);
    world.ask::<bundles::Remove>(of("fast2flow")).unwrap();
    assert_eq!(world.memory.deployment_ids().unwrap(), []);
}

#[test]
fn what_was_removed_is_kept_for_the_record_and_its_names_are_free() {
    let mut world = rolling();
    let id = world.deployment("fast2flow").deployment.deployment_id.to_string();
    world.ask::<traffic::Clear>(of("fast2flow")).unwrap();
    let removed = world.ask::<bundles::Remove>(of("fast2flow"));
    insta::assert_snapshot!(world.told(&removed), @r#"
    {
      "archived": [
        "D1.r1",
        "D1.r2",
        "D1.r3"
      ],
      "bundle_id": "fast2flow",
      "deployment_id": "D1",
      "generation": 4,
      "lifecycle": "retired",
      "retired_at": "2026-01-01T00:00:11Z"
    }
    "#);
    assert!(bundles::list(&world.memory, control::Page::default()).unwrap().deployments.is_empty());
    let listed = bundles::list_retired(&world.memory, control::Page::default()).unwrap();
    insta::assert_snapshot!(world.told(&Ok(json!(listed))), @r#"
    {
      "deployment_count": 1,
      "deployments": [
        {
          "bundle_id": "fast2flow",
          "customer_id": "local-dev",
          "deployment_id": "D1",
          "entries": null,
          "generation": 4,
          "last_sequence": 3,
          "lifecycle": "retired",
          "retired_at": "2026-01-01T00:00:11Z",
          "route_binding": {
            "hosts": [],
            "path_prefixes": [
              "/"
            ]
          }
        }
      ]
    }
    "#);
    let shown = bundles::show(&world.memory, Some(&handle_of(&id))).unwrap();
    assert_eq!(
        (shown.deployment.lifecycle, shown.revisions.len()),
        (DeploymentLifecycle::Retired, 3)
    );
    let history = traffic::history(&world.memory, Some(&handle_of(&id)), 10).unwrap();
    assert_eq!(history.generations.len(), 3);
    assert_eq!(
        revisions::list(&world.memory, Some(&handle_of(&id)), control::Page::default())
            .unwrap()
            .revisions
            .len(),
        3
    );
    for short in ["fast2flow", &id[..10]] {
        let fault = bundles::show(&world.memory, Some(&handle_of(short))).unwrap_err();
        assert_eq!(fault.kind, Kind::NotFound, "{short}");
    }
    let gone = resolve_deployment(&world.memory, Some(&handle_of(&id)));
    insta::assert_snapshot!(world.told(&gone.map(|record| json!(record))), @"
    not-found: deployment D1 was removed at 2026-01-01T00:00:11Z
    hint: gtc op bundles show D1
    {}
    ");
    let again = world.ask::<bundles::Remove>(of(&id)).unwrap_err();
    assert_eq!(again.kind, Kind::NotFound);
    let anew = world.add("fast2flow", "/");
    assert_ne!(anew, id);
    assert_eq!(world.deployment("fast2flow").deployment.deployment_id.to_string(), anew);
}
