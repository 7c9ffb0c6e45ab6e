//! `revisions`.

use control::{bundles, revisions, revisions::GateReport};
use deploy_spec::{CheckStatus, Fault, GateCheck, Kind, Lifecycle, SecretNeed};
use serde_json::{Value, json};

use crate::world::{World, digest, gate, green, handle_of, red, staged_bundle};

fn stage(world: &mut World, document: Value, version: &str) -> Result<Value, Fault> {
    world.ask_with::<revisions::Stage>(document, &staged_bundle("fast2flow", version))
}

fn warm(world: &mut World, revision: &str, gate: &GateReport) -> Result<Value, Fault> {
    world.ask_with::<revisions::Warm>(json!({"revision_id": revision}), gate)
}

#[test]
fn stage_pins_the_next_revision() {
    let mut world = World::serving(0);
    let first = stage(&mut world, json!({"bundle": "./fast2flow.gtbundle"}), "1.0.0");
    insta::assert_snapshot!(world.told(&first), @r#"
    {
      "bundle_digest": "digest(1.0.0)",
      "bundle_id": "fast2flow",
      "deployment_id": "D1",
      "lifecycle": "staged",
      "revision_id": "D1.r1",
      "sequence": 1,
      "version": "1.0.0"
    }
    "#);
    let document = json!({
        "deployment_id": world.deployment("fast2flow").deployment.deployment_id.to_string(),
        "bundle": "file:///b", "bundle_digest": digest("fast2flow", "1.1.0"), "drain_seconds": 5,
    });
    let second = stage(&mut world, document, "1.1.0").unwrap();
    assert_eq!(second["sequence"], 2);
    let shown = revisions::show(&world.memory, None, &handle_of("r2")).unwrap();
    insta::assert_snapshot!(world.told(&Ok(json!(shown))), @r#"
    {
      "closure": [
        {
          "name": "fast2flow 1.1.0",
          "part": "bundle",
          "pinned_to": "digest(1.1.0)"
        },
        {
          "name": "web",
          "note": "http-component at /",
          "part": "pack",
          "pinned_to": "sha256:4b5e57f6eb2f42b9039b3d1e13929295f231749c510cbe341cd68036d9af97e2"
        },
        {
          "name": "0 values",
          "part": "config",
          "pinned_to": "digest({})"
        },
        {
          "name": "key",
          "part": "signature",
          "pinned_to": "own-key"
        },
        {
          "name": "proven by",
          "note": "pinned when it is warmed",
          "part": "engine",
          "pinned_to": null
        }
      ],
      "revision": {
        "bundle_digest": "digest(1.1.0)",
        "bundle_id": "fast2flow",
        "bundle_source": "file:///b",
        "config_digest": "digest({})",
        "created_at": "2026-01-01T00:00:04Z",
        "deployment_id": "D1",
        "drain_seconds": 5,
        "generation": 0,
        "lifecycle": "staged",
        "pack_list": [
          {
            "digest": "sha256:4b5e57f6eb2f42b9039b3d1e13929295f231749c510cbe341cd68036d9af97e2",
            "kind": "http-component",
            "pack_id": "web",
            "public_path": "/"
          }
        ],
        "revision_id": "D1.r2",
        "schema": "greentic.revision.v1",
        "sequence": 2,
        "signature": {
          "key_id": "own-key"
        },
        "size_bytes": 4096,
        "staged_at": "2026-01-01T00:00:04Z",
        "version": "1.1.0"
      },
      "weight_bps": 0
    }
    "#);
}

#[test]
fn stage_takes_over_what_the_bundle_and_the_deployment_say() {
    let mut world = World::local();
    let document = json!({"bundle_id": "fast2flow", "config": {"colour": "green"}});
    world.ask::<bundles::Add>(document).unwrap();
    let need = SecretNeed { name: "api_key".into(), required: true, description: None };
    let bundle = revisions::StagedBundle {
        secrets: vec![need],
        drain_seconds: Some(86_400),
        ..staged_bundle("fast2flow", "1.0.0")
    };
    world.ask_with::<revisions::Stage>(json!({"bundle": "x"}), &bundle).unwrap();
    let revision = world.revision("r1");
    assert_eq!(revision.config["colour"], "green");
    assert_eq!(
        revision.config_digest,
        deploy_spec::document::canonical_digest(&json!({"colour": "green"}))
    );
    assert_eq!(revision.secret_refs[0].as_str(), "secret://local/fast2flow/api_key");
    assert_eq!(revision.drain_seconds, 86_400);
}

#[test]
fn the_sequence_counts_within_a_deployment_and_ids_sort_by_it() {
    let mut world = World::serving(0);
    world.add("shop", "/shop");
    let mut ids = Vec::new();
    for i in 0..4 {
        world.set_clock(1_900_000_000 - i * 1_000); // the clock goes backwards
        ids.push(world.stage("fast2flow"));
        world.stage("shop");
    }
    assert!(ids.is_sorted(), "{ids:?}");
    let listed =
        revisions::list(&world.memory, Some(&handle_of("fast2flow")), control::Page::default())
            .unwrap();
    let sequences: Vec<u64> = listed.revisions.iter().map(|r| r.sequence).collect();
    assert_eq!(sequences, [1, 2, 3, 4]);
    assert_eq!(
        revisions::list(&world.memory, None, control::Page::default()).unwrap().revisions.len(),
        8
    );
}

#[test]
fn list_is_one_line_per_revision() {
    let mut world = World::serving(1);
    world.turn(&[("r1", 10_000)]).unwrap();
    let listed = revisions::list(&world.memory, None, control::Page::default()).unwrap();
    insta::assert_snapshot!(world.told(&Ok(json!(listed))), @r#"
    {
      "revisions": [
        {
          "bundle_digest": "digest(1.0.0)",
          "bundle_id": "fast2flow",
          "created_at": "2026-01-01T00:00:03Z",
          "deployment_id": "D1",
          "lifecycle": "ready",
          "revision_id": "D1.r1",
          "sequence": 1,
          "version": "1.0.0",
          "weight_bps": 10000
        }
      ]
    }
    "#);
}

#[test]
fn stage_refuses_what_is_not_the_bundle_that_was_meant() {
    let mut world = World::serving(0);
    let other = staged_bundle("shop", "1.0.0");
    let document = json!({"deployment_id": "fast2flow", "bundle": "./shop.gtbundle"});
    let of_another = world.ask_with::<revisions::Stage>(document, &other);
    insta::assert_snapshot!(world.told(&of_another), @r#"
    refused: deployment D1 is of bundle `fast2flow`, this is `shop`
    hint: gtc op bundles add --bundle shop
    {
      "pointer": "/bundle"
    }
    "#);
    let document = json!({"bundle": "x", "bundle_digest": digest("fast2flow", "1.1.0")});
    let asserted = stage(&mut world, document, "1.0.0");
    insta::assert_snapshot!(world.told(&asserted), @r#"
    refused: the bundle has digest digest(1.0.0), not the asserted digest(1.1.0)
    hint: -
    {
      "pointer": "/bundle_digest"
    }
    "#);
    assert_eq!(world.deployment("fast2flow").deployment.last_sequence, 0);
}

#[test]
fn stage_refuses_what_nobody_trusted_signed() {
    let mut world = World::serving(0);
    let unsigned =
        revisions::StagedBundle { signature: None, ..staged_bundle("fast2flow", "1.0.0") };
    let refused = world.ask_with::<revisions::Stage>(json!({"bundle": "x"}), &unsigned);
    insta::assert_snapshot!(world.told(&refused), @r#"
    refused: no key that `local` trusts has signed the bundle digest(1.0.0)
    hint: gtc bundle sign FILE --key KEY, with a key of gtc op trust list
    {
      "pointer": "/bundle",
      "reason": "no-signature"
    }
    "#);
}

#[test]
fn a_refusal_in_the_midst_of_a_change_leaves_nothing_of_it() {
    let mut world = World::serving(0);
    let before = world.memory.clone();
    let need = SecretNeed { name: "../other/key".into(), required: true, description: None };
    let bundle =
        revisions::StagedBundle { secrets: vec![need], ..staged_bundle("fast2flow", "1.0.0") };
    let refused = world.ask_with::<revisions::Stage>(json!({"bundle": "x"}), &bundle);
    insta::assert_snapshot!(world.told(&refused), @r#"
    invalid-input: `fast2flow/../other/key` is not a secret's path: at most 240 of A-Z, a-z, 0-9, `-`, `_` and `.`, in parts separated by `/`
    hint: -
    {
      "pointer": "/bundle"
    }
    "#);
    assert_eq!(world.memory, before);
    let generation = world.audit.last().unwrap().generation;
    assert_eq!((generation.before, generation.after), (Some(0), None));
}

#[test]
fn stage_bounds_how_long_draining_takes() {
    let mut world = World::serving(0);
    let fault = stage(&mut world, json!({"bundle": "x", "drain_seconds": 86_401}), "1.0.0");
    insta::assert_snapshot!(world.told(&fault), @r#"
    invalid-input: drain_seconds is at most 86400
    hint: -
    {
      "pointer": "/drain_seconds"
    }
    "#);
    let endless = revisions::StagedBundle {
        drain_seconds: Some(86_401),
        ..staged_bundle("fast2flow", "1.0.0")
    };
    let fault = world.ask_with::<revisions::Stage>(json!({"bundle": "x"}), &endless).unwrap_err();
    assert_eq!((fault.kind, &fault.details["pointer"]), (Kind::InvalidInput, &json!("/bundle")));
    let document = json!({"bundle": "x", "drain_seconds": 10});
    world.ask_with::<revisions::Stage>(document, &endless).unwrap();
}

#[test]
fn stage_needs_a_deployment_of_the_bundle() {
    let mut world = World::local();
    let fault = stage(&mut world, json!({"bundle": "x"}), "1.0.0");
    insta::assert_snapshot!(world.told(&fault), @"
    not-found: `fast2flow` is no deployment here
    hint: gtc op bundles list
    {}
    ");
    world.add("fast2flow", "/a");
    world.add("fast2flow", "/b");
    let fault = stage(&mut world, json!({"bundle": "x"}), "1.0.0");
    insta::assert_snapshot!(world.told(&fault), @r#"
    invalid-input: `fast2flow` could be any of 2 deployments
    hint: say which deployment; `gtc op bundles list` shows them
    {
      "candidates": [
        "D1",
        "D2"
      ]
    }
    "#);
}

#[test]
fn warm_proves_a_revision_ready() {
    let mut world = World::serving(0);
    world.stage("fast2flow");
    let warmed = warm(&mut world, "r1", &green());
    insta::assert_snapshot!(world.told(&warmed), @r#"
    {
      "deployment_id": "D1",
      "gate": [
        {
          "check": "digest",
          "detail": "matches",
          "millis": 3,
          "status": "pass"
        }
      ],
      "lifecycle": "ready",
      "revision_id": "D1.r1",
      "sequence": 1
    }
    "#);
    assert!(world.revision("r1").warmed_at.is_some());
    let again = warm(&mut world, "r1", &GateReport::default()).unwrap();
    assert_eq!(again, warmed.unwrap(), "ready is told again without a gate");
}

#[test]
fn a_gate_that_says_no_fails_the_revision_and_says_which_check() {
    let mut world = World::serving(0);
    world.stage("fast2flow");
    let no = warm(&mut world, "r1", &red());
    insta::assert_snapshot!(world.told(&no), @r#"
    unhealthy: revision r1 is not ready: readiness: GET /readyz answered 500
    hint: mend the bundle, then `gtc op revisions stage` it again
    {
      "gate": [
        {
          "check": "digest",
          "detail": "matches",
          "millis": 3,
          "status": "pass"
        },
        {
          "check": "readiness",
          "detail": "GET /readyz answered 500",
          "millis": 3,
          "status": "fail"
        },
        {
          "check": "late",
          "detail": "an earlier check failed",
          "millis": 3,
          "status": "skipped"
        }
      ],
      "lifecycle": "failed",
      "revision_id": "D1.r1"
    }
    "#);
    let revision = world.revision("r1");
    assert_eq!((revision.lifecycle, revision.warmed_at), (Lifecycle::Failed, None));
    assert_eq!(revision.gate, red().checks);
}

#[test]
fn ready_is_never_a_label() {
    let skipped = |status| GateCheck { status, ..green().checks[0].clone() };
    for checks in [
        vec![],
        vec![skipped(CheckStatus::Skipped)],
        vec![skipped(CheckStatus::Pass), skipped(CheckStatus::Skipped)],
    ] {
        let mut world = World::serving(0);
        world.stage("fast2flow");
        let fault = warm(&mut world, "r1", &gate(checks.clone())).unwrap_err();
        assert_eq!(fault.kind, Kind::Unhealthy, "{checks:?}");
        assert_eq!(world.revision("r1").lifecycle, Lifecycle::Failed);
    }
}

#[test]
fn warm_moves_along_the_edges_only() {
    let mut told = String::new();
    for from in Lifecycle::ALL {
        let mut world = World::serving(0);
        world.stage("fast2flow");
        world.force("r1", from);
        let before = world.memory.clone();
        let after = match warm(&mut world, "r1", &green()) {
            Ok(result) => result["lifecycle"].as_str().unwrap().to_owned(),
            Err(fault) => {
                assert_eq!(
                    (fault.kind, &fault.details["lifecycle"]),
                    (Kind::Refused, &json!(from))
                );
                assert_eq!(world.memory, before);
                world.shown(&fault.to_string())
            }
        };
        told.push_str(&format!("{from}: {after}\n"));
    }
    insta::assert_snapshot!(told, @"
    inactive: refused: revision r1 is inactive; only a staged revision is warmed (gtc op revisions retry D1/r1)
    staged: ready
    warming: refused: revision r1 is warming; only a staged revision is warmed (gtc op revisions stage)
    ready: ready
    draining: refused: revision r1 is draining; only a staged revision is warmed (gtc op revisions stage)
    failed: refused: revision r1 is failed; only a staged revision is warmed (gtc op revisions retry D1/r1)
    archived: refused: revision r1 is archived; only a staged revision is warmed (gtc op revisions stage)
    ");
}
