//! Compare-and-swap, idempotency, audit and authorization: the same for every verb.

use control::{Key, Lookup as _, Reply, bundles, env, resolve_deployment, revisions, traffic};
use deploy_spec::{AuditEvent, AuditResult, Kind, Permission};
use serde_json::{Value, json};

use crate::verbs::{every_verb, init_again, rolling, with};
use crate::world::{World, entries, green, handle_of, red};

fn raw(reply: &Reply) -> Vec<u8> {
    match reply {
        Reply::Result(raw) => raw.get().as_bytes().to_vec(),
        Reply::Error(fault) => serde_json::to_vec(fault).unwrap(),
    }
}

#[test]
fn a_stale_generation_is_a_conflict_that_tells_the_current_one() {
    for case in every_verb() {
        let mut world = (case.world)();
        let before = world.memory.clone();
        let wrong = |generation: u64| case.generation != Some(generation);
        for stale in [0, 1, 2, 7, u64::MAX].into_iter().filter(|g| wrong(*g)) {
            let document = case.with("expected_generation", stale);
            let fault = (case.run)(&mut world, document).unwrap_err();
            assert_eq!(fault.kind, Kind::Conflict, "{}: {fault}", case.name);
            assert_eq!(
                fault.details["current_generation"],
                json!(case.generation),
                "{}",
                case.name
            );
            assert!(fault.hint.is_some(), "{}", case.name);
            assert_eq!(world.memory, before, "{}", case.name);
        }
        if let Some(generation) = case.generation {
            (case.run)(&mut world, case.with("expected_generation", generation)).unwrap();
            assert_ne!(world.memory, before, "{}", case.name);
        }
    }
}

#[test]
fn of_two_writers_that_saw_the_same_generation_one_loses() {
    let mut world = rolling();
    let set = |share: u16| {
        let entries = entries(&[("r1", 10_000 - share), ("r2", share)]);
        json!({"entries": entries, "expected_generation": 1})
    };
    world.ask::<traffic::Set>(set(500)).unwrap();
    let lost = world.ask::<traffic::Set>(set(700));
    insta::assert_snapshot!(world.told(&lost), @r#"
    conflict: D1 was changed by somebody else: generation 1 was expected, it is 2
    hint: look at what changed, then ask again with the current generation
    {
      "current_generation": 2
    }
    "#);
}

#[test]
fn a_retry_gets_the_first_answer_byte_for_byte_also_after_later_changes() {
    for case in every_verb() {
        let mut world = (case.world)();
        let document = case.with("idempotency_key", "key-1");
        let first = (case.run)(&mut world, document.clone()).unwrap();
        let again = |world: &mut World, when: &str| {
            let before = world.memory.clone();
            let reply = (case.run)(world, document.clone()).unwrap();
            assert_eq!(raw(&reply), raw(&first), "{}, {when}", case.name);
            assert_eq!(world.memory, before, "{}, {when}", case.name);
        };
        again(&mut world, "at once");
        world.set_clock(1_800_000_000);
        if world.memory.find_environment().unwrap().is_some() {
            world.ask::<bundles::Add>(later_deployment(&world)).unwrap();
            again(&mut world, "after another deployment changed");
        }
        if resolve_deployment(&world.memory, Some(&handle_of("fast2flow"))).is_ok() {
            let set = json!({"deployment_id": "fast2flow", "entries": entries(&[("r2", 10_000)])});
            world.ask::<traffic::Set>(set).unwrap();
            again(&mut world, "after the same deployment changed");
        }
        let keyed = |event: &&AuditEvent| event.idempotency_key.is_some();
        assert_eq!(world.audit.iter().filter(keyed).count(), 1, "{}", case.name);
    }
}

fn later_deployment(world: &World) -> Value {
    json!({
        "environment_id": control::View::environment_id(&world.memory),
        "bundle_id": "later", "customer_id": "acme", "route_binding": {"path_prefix": "/later"},
    })
}

#[test]
fn a_stale_generation_does_not_keep_a_retry_from_its_answer() {
    let mut world = rolling();
    let document = json!({
        "entries": entries(&[("r2", 10_000)]), "expected_generation": 1, "idempotency_key": "k",
    });
    let first = world.reply::<traffic::Set>(document.clone(), &()).unwrap();
    world.turn(&[("r1", 10_000)]).unwrap();
    assert_eq!(world.reply::<traffic::Set>(document, &()).unwrap(), first);
    assert_eq!(world.allocation().entries.of(world.revision("r1").revision_id).get(), 10_000);
}

#[test]
fn the_same_key_with_another_body_is_a_conflict() {
    for case in every_verb() {
        let Some(other) = &case.other else { continue };
        let mut world = (case.world)();
        (case.run)(&mut world, case.with("idempotency_key", "key-1")).unwrap();
        let before = world.memory.clone();
        let fault = (case.run)(&mut world, with(other, "idempotency_key", "key-1")).unwrap_err();
        assert_eq!(fault.kind, Kind::Conflict, "{}", case.name);
        assert_eq!(fault.hint.as_deref(), Some("use a new key for a new change"));
        assert_eq!(world.memory, before, "{}", case.name);
    }
}

#[test]
fn the_same_key_with_another_verb_is_a_conflict() {
    let mut world = rolling();
    let document = json!({"deployment_id": "fast2flow", "idempotency_key": "friday"});
    world.ask::<traffic::Clear>(document.clone()).unwrap();
    let fault = world.ask::<traffic::Rollback>(document);
    insta::assert_snapshot!(world.told(&fault), @"
    conflict: idempotency key `friday` was already used for another `traffic clear`, at 2026-01-01T00:00:10Z
    hint: use a new key for a new change
    {}
    ");
}

#[test]
fn the_order_of_a_documents_keys_makes_no_other_body() {
    let mut world = rolling();
    let parse = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    let one =
        parse(r#"{"idempotency_key":"k","entries":[{"revision_id":"r2","weight_bps":10000}]}"#);
    let two =
        parse(r#"{"entries":[{"weight_bps":10000,"revision_id":"r2"}],"idempotency_key":"k"}"#);
    let first = world.reply::<traffic::Set>(one, &()).unwrap();
    assert_eq!(world.reply::<traffic::Set>(two, &()).unwrap(), first);
}

#[test]
fn a_failed_gate_is_answered_the_same_again() {
    let mut world = rolling();
    let document = json!({"revision_id": "r3", "idempotency_key": "warm-r3"});
    let first = world.reply::<revisions::Warm>(document.clone(), &red()).unwrap();
    assert!(matches!(&first, Reply::Error(fault) if fault.kind == Kind::Unhealthy));
    let again = world.reply::<revisions::Warm>(document, &green()).unwrap();
    assert_eq!(raw(&again), raw(&first), "the gate is not asked again");
    assert_eq!(world.revision("r3").lifecycle.name(), "failed");
}

#[test]
fn what_was_refused_does_not_burn_its_key() {
    for case in every_verb() {
        let mut world = (case.world)();
        let document = case.with("idempotency_key", "key-1");
        (case.run)(&mut world, with(&document, "expected_generation", 99)).unwrap_err();
        (case.run)(&mut world, document).unwrap();
    }
    let mut world = rolling();
    let document = json!({"entries": entries(&[("r3", 10_000)]), "idempotency_key": "k"});
    assert_eq!(world.ask::<traffic::Set>(document.clone()).unwrap_err().kind, Kind::Refused);
    world.ask_with::<revisions::Warm>(json!({"revision_id": "r3"}), &green()).unwrap();
    world.ask::<traffic::Set>(document).unwrap();
}

fn line(world: &World, event: &AuditEvent) -> String {
    let number = |n: Option<u64>| n.map_or_else(|| "-".into(), |n| n.to_string());
    let result = match &event.result {
        AuditResult::Ok => "ok".to_owned(),
        AuditResult::Error { kind, message } => format!("{kind}: {message}"),
    };
    let target = event.target.as_deref().unwrap_or("-");
    let text = format!(
        "{} {} on {target}, {} to {}: {result}\n",
        event.noun,
        event.verb,
        number(event.generation.before),
        number(event.generation.after),
    );
    world.shown(&text)
}

#[test]
fn each_change_leaves_one_audit_event() {
    let mut told = String::new();
    for case in every_verb() {
        let mut world = (case.world)();
        let before = world.audit.len();
        (case.run)(&mut world, case.document.clone()).unwrap();
        assert_eq!(world.audit.len(), before + 1, "{}", case.name);
        told.push_str(&line(&world, &world.audit[before]));
    }
    insta::assert_snapshot!(told, @"
    env init on local, 0 to 1: ok
    env create on prod-eu, - to 0: ok
    bundles add on D2, - to 0: ok
    revisions stage on D1, 3 to 4: ok
    revisions warm on D1.r3, 0 to 1: ok
    revisions warm on D1.r3, 0 to 1: unhealthy: revision r3 is not ready: readiness: GET /readyz answered 500
    traffic set on D1, 1 to 2: ok
    traffic rollback on D1, 1 to 2: ok
    traffic clear on D1, 1 to 2: ok
    env update on local, 0 to 1: ok
    env destroy on local, 0 to -: ok
    bundles update on D1, 3 to 4: ok
    bundles pause on D1, 4 to 5: ok
    bundles resume on D2, 1 to 2: ok
    bundles remove on D2, 1 to 2: ok
    revisions drain on D1.r4, 1 to 2: ok
    revisions complete-drain on D1.r4, 2 to 3: ok
    revisions retry on D1.r3, 1 to 2: ok
    revisions archive on D1.r3, 1 to 2: ok
    revisions tag on D1, 6 to 7: ok
    revisions untag on D1, 6 to 7: ok
    traffic shadow on D1, 5 to 6: ok
    traffic unshadow on D1, 5 to 6: ok
    revisions prune on D1, 4 to -: ok
    env-packs add on revocation, - to 0: ok
    env-packs update on telemetry, 0 to 1: ok
    env-packs remove on telemetry, 0 to 1: ok
    env-packs rollback on telemetry, 1 to 2: ok
    config set on D1, 3 to 4: ok
    config unset on D1, 4 to 5: ok
    secrets put on fast2flow/key, - to 0: ok
    secrets rotate on fast2flow/key, 0 to 1: ok
    secrets delete on fast2flow/key, 0 to -: ok
    credentials import on credentials/deployer, - to 0: ok
    credentials rotate on credentials/deployer, 0 to 1: ok
    credentials bootstrap on credentials/deployer, - to 0: ok
    backups create on 01ARZ3NDEKTSV4RRFFQ69G5FAV, - to 0: ok
    backups restore on local, 0 to 1: ok
    ");
}

#[test]
fn each_refusal_leaves_one_audit_event() {
    let mut told = String::new();
    for case in every_verb() {
        let mut world = (case.world)();
        let before = world.audit.len();
        (case.run)(&mut world, case.with("expected_generation", 99)).unwrap_err();
        assert_eq!(world.audit.len(), before + 1, "{}", case.name);
        // The id that a refused `bundles add` would have made was never seen by anybody.
        let event = &world.audit[before];
        if case.name != "bundles add" {
            told.push_str(&line(&world, event));
        }
    }
    insta::assert_snapshot!(told, @"
    env init on local, 0 to -: conflict: local was changed by somebody else: generation 99 was expected, it is 0
    env create on prod-eu, - to -: conflict: prod-eu was changed by somebody else: generation 99 was expected, it has none
    revisions stage on D1, 3 to -: conflict: D1 was changed by somebody else: generation 99 was expected, it is 3
    revisions warm on D1.r3, 0 to -: conflict: D1.r3 was changed by somebody else: generation 99 was expected, it is 0
    revisions warm on D1.r3, 0 to -: conflict: D1.r3 was changed by somebody else: generation 99 was expected, it is 0
    traffic set on D1, 1 to -: conflict: D1 was changed by somebody else: generation 99 was expected, it is 1
    traffic rollback on D1, 1 to -: conflict: D1 was changed by somebody else: generation 99 was expected, it is 1
    traffic clear on D1, 1 to -: conflict: D1 was changed by somebody else: generation 99 was expected, it is 1
    env update on local, 0 to -: conflict: local was changed by somebody else: generation 99 was expected, it is 0
    env destroy on local, 0 to -: conflict: local was changed by somebody else: generation 99 was expected, it is 0
    bundles update on D1, 3 to -: conflict: D1 was changed by somebody else: generation 99 was expected, it is 3
    bundles pause on D1, 4 to -: conflict: D1 was changed by somebody else: generation 99 was expected, it is 4
    bundles resume on D2, 1 to -: conflict: D2 was changed by somebody else: generation 99 was expected, it is 1
    bundles remove on D2, 1 to -: conflict: D2 was changed by somebody else: generation 99 was expected, it is 1
    revisions drain on D1.r4, 1 to -: conflict: D1.r4 was changed by somebody else: generation 99 was expected, it is 1
    revisions complete-drain on D1.r4, 2 to -: conflict: D1.r4 was changed by somebody else: generation 99 was expected, it is 2
    revisions retry on D1.r3, 1 to -: conflict: D1.r3 was changed by somebody else: generation 99 was expected, it is 1
    revisions archive on D1.r3, 1 to -: conflict: D1.r3 was changed by somebody else: generation 99 was expected, it is 1
    revisions tag on D1, 6 to -: conflict: D1 was changed by somebody else: generation 99 was expected, it is 6
    revisions untag on D1, 6 to -: conflict: D1 was changed by somebody else: generation 99 was expected, it is 6
    traffic shadow on D1, 5 to -: conflict: D1 was changed by somebody else: generation 99 was expected, it is 5
    traffic unshadow on D1, 5 to -: conflict: D1 was changed by somebody else: generation 99 was expected, it is 5
    revisions prune on D1, 4 to -: conflict: D1 was changed by somebody else: generation 99 was expected, it is 4
    env-packs add on revocation, - to -: conflict: revocation was changed by somebody else: generation 99 was expected, it has none
    env-packs update on telemetry, 0 to -: conflict: telemetry was changed by somebody else: generation 99 was expected, it is 0
    env-packs remove on telemetry, 0 to -: conflict: telemetry was changed by somebody else: generation 99 was expected, it is 0
    env-packs rollback on telemetry, 1 to -: conflict: telemetry was changed by somebody else: generation 99 was expected, it is 1
    config set on D1, 3 to -: conflict: D1 was changed by somebody else: generation 99 was expected, it is 3
    config unset on D1, 4 to -: conflict: D1 was changed by somebody else: generation 99 was expected, it is 4
    secrets put on fast2flow/key, - to -: conflict: fast2flow/key was changed by somebody else: generation 99 was expected, it has none
    secrets rotate on fast2flow/key, 0 to -: conflict: fast2flow/key was changed by somebody else: generation 99 was expected, it is 0
    secrets delete on fast2flow/key, 0 to -: conflict: fast2flow/key was changed by somebody else: generation 99 was expected, it is 0
    credentials import on credentials/deployer, - to -: conflict: credentials/deployer was changed by somebody else: generation 99 was expected, it has none
    credentials rotate on credentials/deployer, 0 to -: conflict: credentials/deployer was changed by somebody else: generation 99 was expected, it is 0
    credentials bootstrap on credentials/deployer, - to -: conflict: credentials/deployer was changed by somebody else: generation 99 was expected, it has none
    backups create on 01ARZ3NDEKTSV4RRFFQ69G5FAV, - to -: conflict: 01ARZ3NDEKTSV4RRFFQ69G5FAV was changed by somebody else: generation 99 was expected, it has none
    backups restore on local, 0 to -: conflict: local was changed by somebody else: generation 99 was expected, it is 0
    ");
}

#[test]
fn an_audit_event_says_who_what_when_and_why_allowed() {
    let mut world = rolling();
    let document = json!({"deployment_id": "fast2flow", "idempotency_key": "night"});
    world.ask::<traffic::Clear>(document).unwrap();
    let mut event = json!(world.audit.last().unwrap());
    event["event_id"] = "…".into();
    insta::assert_snapshot!(world.told(&Ok(event)), @r#"
    {
      "actor": {
        "host": "box",
        "kind": "os-user",
        "uid": 1000,
        "user": "ada"
      },
      "authorization": {
        "decision": "allow",
        "policy": "owner-of-local",
        "reason": "the owner of the store may do anything to local"
      },
      "environment_id": "local",
      "event_id": "…",
      "generation": {
        "after": 2,
        "before": 1
      },
      "idempotency_key": "night",
      "noun": "traffic",
      "prev_hash": null,
      "result": {
        "outcome": "ok"
      },
      "schema": "greentic.audit-event.v1",
      "target": "D1",
      "ts": "2026-01-01T00:00:10Z",
      "verb": "clear"
    }
    "#);
    let ids: std::collections::BTreeSet<_> = world.audit.iter().map(|e| e.event_id).collect();
    assert_eq!(ids.len(), world.audit.len());
}

#[test]
fn who_may_not_is_refused_and_audited_and_changes_nothing() {
    for case in every_verb() {
        let mut world = (case.world)();
        world.authorization.decision = Permission::Deny;
        world.authorization.policy = "default".into();
        world.authorization.reason = "no policy allows it".into();
        let (before, audited) = (world.memory.clone(), world.audit.len());
        let fault = (case.run)(&mut world, case.with("idempotency_key", "k")).unwrap_err();
        assert_eq!(fault.kind, Kind::Refused, "{}", case.name);
        assert_eq!(fault.details["policy"], "default");
        assert!(fault.message.starts_with("ada may not `"), "{}", fault.message);
        assert!(fault.message.ends_with("no policy allows it"), "{}", fault.message);
        assert_eq!(world.memory, before, "{}", case.name);
        assert_eq!(world.audit.len(), audited + 1, "{}", case.name);
        let event = world.audit.last().unwrap();
        assert_eq!(event.authorization.decision, Permission::Deny);
        assert!(matches!(event.result, AuditResult::Error { kind: Kind::Refused, .. }));
        assert_eq!(event.generation.after, None);
    }
}

#[test]
fn who_may_no_longer_does_not_get_the_old_answer() {
    let mut world = rolling();
    let document = json!({"idempotency_key": "k"});
    world.ask::<traffic::Clear>(document.clone()).unwrap();
    world.authorization.decision = Permission::Deny;
    assert_eq!(world.ask::<traffic::Clear>(document).unwrap_err().kind, Kind::Refused);
}

#[test]
fn what_changes_nothing_has_no_transaction() {
    let mut world = rolling();
    world.ask::<traffic::Clear>(json!({})).unwrap();
    let (before, audited) = (world.memory.clone(), world.audit.len());
    init_again(&mut world).unwrap();
    world
        .ask_with::<revisions::Warm>(
            json!({"revision_id": "r1"}),
            &revisions::GateReport::default(),
        )
        .unwrap();
    world.ask::<traffic::Clear>(json!({})).unwrap();
    assert_eq!(world.memory, before);
    assert_eq!(world.audit.len(), audited);
}

#[test]
fn without_a_key_nothing_is_remembered() {
    let mut world = rolling();
    world.ask::<traffic::Clear>(json!({})).unwrap();
    assert!(!world.memory.records().keys().any(|key| matches!(key, Key::Answered(_))));
}

#[test]
fn nothing_is_done_where_there_is_no_environment() {
    let makes_it = ["env init", "env create", "backups restore"];
    for case in every_verb().into_iter().filter(|case| !makes_it.contains(&case.name)) {
        let mut world = World::new("local");
        let fault = (case.run)(&mut world, case.document).unwrap_err();
        assert_eq!(fault.kind, Kind::NotFound, "{}", case.name);
        assert_eq!(fault.hint.as_deref(), Some("gtc op env init"), "{}", case.name);
    }
    let mut world = World::new("prod-eu");
    let fault = world
        .ask::<bundles::Add>(json!({"environment_id": "prod-eu", "bundle_id": "shop"}))
        .unwrap_err();
    assert_eq!(fault.hint.as_deref(), Some("gtc op env create prod-eu"));
    let fault = world
        .ask_with::<env::Init>(json!({"environment_id": "prod-eu"}), &crate::world::init_facts());
    insta::assert_snapshot!(world.told(&fault), @r#"
    invalid-input: `env init` makes `local` and no other environment
    hint: gtc op env create prod-eu
    {
      "pointer": "/environment_id"
    }
    "#);
}
