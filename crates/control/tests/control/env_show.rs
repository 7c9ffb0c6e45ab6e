//! `env show`: everything, a page of deployments at a time.

use control::{Change, Key, env};
use serde_json::json;

use crate::world::World;

#[test]
fn show_holds_everything() {
    let mut world = World::serving(1);
    world.turn(&[("r1", 10_000)]).unwrap();
    let mut shown = json!(env::show(&world.memory, control::Page::default()).unwrap());
    shown["environment"]["bindings"] = "…".into();
    shown["traffic"][0]["allocation"]["salt"] = "…".into();
    insta::assert_snapshot!(world.told(&Ok(shown)), @r#"
    {
      "deployment_count": 1,
      "deployments": [
        {
          "bundle_id": "fast2flow",
          "created_at": "2026-01-01T00:00:02Z",
          "customer_id": "local-dev",
          "deployment_id": "D1",
          "environment_id": "local",
          "generation": 1,
          "last_sequence": 1,
          "lifecycle": "active",
          "route_binding": {
            "hosts": [],
            "path_prefixes": [
              "/"
            ]
          },
          "session": "cookie"
        }
      ],
      "environment": {
        "bindings": "…",
        "created_at": "2026-01-01T00:00:01Z",
        "environment_id": "local",
        "generation": 0,
        "host_config": {
          "revision_header": true
        },
        "name": "Local",
        "schema": "greentic.environment.v1",
        "trust_root": [
          {
            "key_id": "own-key",
            "public_key": "own-public"
          }
        ]
      },
      "next_after": null,
      "revisions": [
        {
          "bundle_digest": "digest(1.0.0)",
          "bundle_id": "fast2flow",
          "bundle_source": "./x.gtbundle",
          "config_digest": "digest({})",
          "created_at": "2026-01-01T00:00:03Z",
          "deployment_id": "D1",
          "drain_seconds": 30,
          "gate": [
            {
              "check": "digest",
              "detail": "matches",
              "millis": 3,
              "status": "pass"
            }
          ],
          "generation": 1,
          "lifecycle": "ready",
          "pack_list": [
            {
              "digest": "sha256:4b5e57f6eb2f42b9039b3d1e13929295f231749c510cbe341cd68036d9af97e2",
              "kind": "http-component",
              "pack_id": "web",
              "public_path": "/"
            }
          ],
          "pinned": {
            "engine": "engine-1",
            "secrets": []
          },
          "revision_id": "D1.r1",
          "schema": "greentic.revision.v1",
          "sequence": 1,
          "signature": {
            "key_id": "own-key"
          },
          "size_bytes": 4096,
          "staged_at": "2026-01-01T00:00:03Z",
          "version": "1.0.0",
          "warmed_at": "2026-01-01T00:00:04Z"
        }
      ],
      "traffic": [
        {
          "allocation": {
            "entries": [
              {
                "revision_id": "D1.r1",
                "weight_bps": 10000
              }
            ],
            "salt": "…",
            "slots": [
              {
                "revision_id": "D1.r1",
                "since": 0,
                "slots": 10000
              }
            ]
          },
          "at": "2026-01-01T00:00:05Z",
          "by": {
            "host": "box",
            "kind": "os-user",
            "uid": 1000,
            "user": "ada"
          },
          "deployment_id": "D1",
          "generation": 0,
          "op": "set",
          "schema": "greentic.traffic-split.v1"
        }
      ]
    }
    "#);
}

#[test]
fn show_gives_every_deployment_on_exactly_one_page() {
    let mut world = World::local();
    let ids: Vec<String> = (0..7).map(|i| world.add("shop", &format!("/{i}"))).collect();
    for id in &ids {
        world.stage(id);
    }
    for limit in 1..9 {
        let (mut seen, mut revisions, mut after, mut pages) = (Vec::new(), 0, None, 0);
        loop {
            let shown = env::show(&world.memory, control::Page { limit, after }).unwrap();
            assert_eq!(shown.deployment_count, 7);
            assert!(shown.deployments.len() <= limit);
            seen.extend(shown.deployments.iter().map(|d| d.deployment_id.to_string()));
            revisions += shown.revisions.len();
            pages += 1;
            assert!(pages <= 7, "pages of {limit} have no end: {seen:?}");
            after = shown.next_after;
            if after.is_none() {
                break;
            }
        }
        assert_eq!((seen, revisions, pages), (ids.clone(), 7, 7_usize.div_ceil(limit)));
    }
}

#[test]
fn a_page_begins_behind_a_deployment_that_is_gone() {
    let mut world = World::local();
    let ids: Vec<_> = (0..3).map(|i| world.add("shop", &format!("/{i}"))).collect();
    let gone = ids[1].parse().unwrap();
    world.memory.apply(&[Change::Delete { key: Key::Deployment(gone) }]);
    let page = control::Page { limit: 5, after: Some(gone) };
    let shown = env::show(&world.memory, page).unwrap();
    let seen: Vec<String> = shown.deployments.iter().map(|d| d.deployment_id.to_string()).collect();
    assert_eq!((seen, shown.next_after), (vec![ids[2].clone()], None));
}
