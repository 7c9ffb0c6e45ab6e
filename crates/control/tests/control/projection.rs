//! The projection says what the records say, in any world; that a data plane accepts it is checked
//! after every commit, in `laws`.

use control::{Record, bundles, env, project_deployment, revisions, traffic};
use deploy_spec::{DeploymentRecord, Lifecycle, Revision, RuntimeConfig};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::rollback::shares;
use crate::world::{World, cases, green, red};

#[derive(Debug, Clone)]
enum Op {
    Init,
    Add { prefix: u8, tenant: bool },
    Stage(usize),
    Warm { of: usize, sequence: u64, green: bool },
    Set { of: usize, shares: Vec<u16> },
    Rollback(usize),
    Clear(usize),
}

fn op() -> impl Strategy<Value = Op> {
    let of = 0..3_usize;
    prop_oneof![
        1 => Just(Op::Init),
        2 => (0..3_u8, any::<bool>()).prop_map(|(prefix, tenant)| Op::Add { prefix, tenant }),
        4 => of.clone().prop_map(Op::Stage),
        6 => (of.clone(), 1..4_u64, prop::bool::weighted(0.8))
            .prop_map(|(of, sequence, green)| Op::Warm { of, sequence, green }),
        4 => (of.clone(), (1..4_usize).prop_flat_map(shares))
            .prop_map(|(of, shares)| Op::Set { of, shares }),
        1 => of.clone().prop_map(Op::Rollback),
        1 => of.prop_map(Op::Clear),
    ]
}

/// Asks; most of what is asked here is refused, which is part of the world.
fn ask(world: &mut World, op: &Op, key: Option<u8>) {
    let ids = control::bundles::list(&world.memory, control::Page::default())
        .map_or_else(|_| Vec::new(), |l| l.deployments);
    let id = |i: usize| ids.get(i).map_or_else(|| "none".into(), |d| d.deployment_id.to_string());
    let keyed = |mut document: Value| {
        if let Some(key) = key {
            document["idempotency_key"] = format!("key-{key}").into();
        }
        document
    };
    let _ = match op {
        Op::Init => world.ask_with::<env::Init>(keyed(json!({})), &crate::world::init_facts()),
        Op::Add { prefix, tenant } => {
            let mut route = json!({"path_prefix": format!("/{prefix}")});
            if *tenant {
                route["tenant_selector"] = json!({"tenant": "acme"});
            }
            let document = json!({"bundle_id": "fast2flow", "route_binding": route});
            world.ask::<bundles::Add>(keyed(document))
        }
        Op::Stage(of) => {
            let bundle = crate::world::staged_bundle("fast2flow", "1.0.0");
            let document = keyed(json!({"deployment_id": id(*of), "bundle": "x"}));
            world.ask_with::<revisions::Stage>(document, &bundle)
        }
        Op::Warm { of, sequence, green: is_green } => {
            let gate = if *is_green { green() } else { red() };
            let document = json!({"revision_id": format!("{}/r{sequence}", id(*of))});
            world.ask_with::<revisions::Warm>(keyed(document), &gate)
        }
        Op::Set { of, shares } => {
            let entry = |(i, bps): (usize, &u16)| json!({"revision_id": format!("r{}", i + 1), "weight_bps": bps});
            let entries: Value = shares.iter().enumerate().map(entry).collect();
            world.ask::<traffic::Set>(keyed(json!({"deployment_id": id(*of), "entries": entries})))
        }
        Op::Rollback(of) => {
            world.ask::<traffic::Rollback>(keyed(json!({"deployment_id": id(*of)})))
        }
        Op::Clear(of) => world.ask::<traffic::Clear>(keyed(json!({"deployment_id": id(*of)}))),
    };
}

/// What the records say, read without the projection.
fn expected(world: &World) -> Value {
    let records = world.memory.records();
    let revisions = |record: &DeploymentRecord| -> Vec<&Revision> {
        let of = record.deployment.deployment_id;
        let all = records.values().filter_map(|record| match record {
            Record::Revision(revision) if revision.deployment_id == of => Some(revision),
            _ => None,
        });
        all.filter(|r| [Lifecycle::Ready, Lifecycle::Draining].contains(&r.lifecycle)).collect()
    };
    let deployments = records.values().filter_map(|record| match record {
        Record::Deployment(record) => Some(json!({
            "deployment_id": record.deployment.deployment_id,
            "bundle_id": record.deployment.bundle_id,
            "customer_id": record.deployment.customer_id,
            "tenant": record.deployment.route_binding.tenant_selector.as_ref().map(|s| &s.tenant),
            "lifecycle": "active",
            "route_binding": record.deployment.route_binding,
            "session": "cookie",
            "split": record.split.as_ref().and_then(|split| {
                let allocation = split.allocation.as_ref()?;
                Some(json!({
                    "generation": split.generation,
                    "entries": allocation.entries,
                    "slots": allocation.slots,
                    "salt": allocation.salt,
                }))
            }),
            "revisions": revisions(record).iter().map(|revision| json!({
                "revision_id": revision.revision_id,
                "sequence": revision.sequence,
                "bundle_digest": revision.bundle_digest,
                "artifact": format!("artifacts/sha256/{}", revision.bundle_digest.hex()),
                "pack_list": revision.pack_list,
                "config": revision.config,
                "secret_refs": revision.secret_refs,
                "pinned": {"engine": "engine-1", "secrets": []},
                "lifecycle": revision.lifecycle,
                "drain_seconds": revision.drain_seconds,
            })).collect::<Vec<_>>(),
        })),
        _ => None,
    });
    json!({
        "schema": "greentic.runtime-config.v1",
        "environment_id": "local",
        "generation": control::View::sequence(&world.memory),
        "host_config": {"revision_header": true},
        "deployments": deployments.collect::<Vec<_>>(),
    })
}

proptest! {
    #![proptest_config(cases(128))]

    #[test]
    fn the_projection_is_what_the_records_say(
        ops in prop::collection::vec((op(), prop::option::of(0..6_u8)), 1..40),
    ) {
        let mut world = World::local();
        world.add("fast2flow", "/first");
        for (op, key) in &ops {
            ask(&mut world, op, *key);
        }
        let rendered: RuntimeConfig = env::render(&world.memory).unwrap();
        prop_assert_eq!(json!(rendered), expected(&world));
        for deployment in &rendered.deployments {
            let alone = project_deployment(&world.memory, deployment.deployment_id).unwrap();
            prop_assert_eq!(alone.as_ref(), Some(deployment));
        }
        let events: std::collections::BTreeSet<_> = world.audit.iter().map(|e| e.event_id).collect();
        prop_assert_eq!(events.len(), world.audit.len());
    }
}

#[test]
fn only_what_may_be_asked_for_is_projected() {
    let mut world = World::serving(1);
    for lifecycle in Lifecycle::ALL {
        world.force("r1", lifecycle);
        let projected = env::render(&world.memory).unwrap().deployments[0].revisions.len();
        let serves = matches!(lifecycle, Lifecycle::Ready | Lifecycle::Draining);
        assert_eq!(projected, usize::from(serves), "{lifecycle}");
    }
}

#[test]
fn a_deployment_that_is_not_there_is_not_projected() {
    let world = World::local();
    let nobody = "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap();
    assert_eq!(project_deployment(&world.memory, nobody), Ok(None));
}
