//! `backups`: everything back, in one commit, and no generation with it.

use std::collections::BTreeMap;

use control::{Key, Lookup as _, Memory, Record, View as _, backups, bundles, config, env_packs};
use control::{secrets, traffic};
use deploy_spec::{
    CheckStatus, DeploymentLifecycle, Digest, EnvironmentId, Fault, Kind, Lifecycle, Slot,
};
use serde_json::{Value, json};

use crate::verbs::rolling;
use crate::world::{World, backup_made, credentials, sealed};

const ID: &str = "01ARZ3NDEKTSV4RRFFQ69G5FAV";

fn restore(world: &mut World, facts: &backups::RestoreFacts) -> Result<Value, Fault> {
    world.ask_with::<backups::Restore>(json!({"file": "a.gtbackup"}), facts)
}

/// r1 and r2 ready, r3 staged; secrets, credentials and values of every kind.
fn furnished() -> World {
    let mut world = rolling();
    world.put_secret("fast2flow/key", "one").unwrap();
    let facts = credentials("old", CheckStatus::Pass);
    world.ask_with::<control::credentials::Import>(json!({}), &facts).unwrap();
    let document = json!({"values": {"colour": "red"}});
    world.ask_with::<config::Set>(document, &config::ConfigFacts::default()).unwrap();
    world
}

/// Changes something of everything.
fn disturb(world: &mut World) {
    world.stage_ready("fast2flow");
    world.turn(&[("r2", 10_000)]).unwrap();
    world.force("r1", Lifecycle::Archived);
    world.add("shop", "/shop");
    world.put_secret("fast2flow/key", "two").unwrap();
    world.put_secret("fast2flow/more", "three").unwrap();
    world.ask::<env_packs::Remove>(json!({"slot": "telemetry"})).unwrap();
    let document = json!({"values": {"colour": "blue"}, "deployment_id": "fast2flow"});
    world.ask_with::<config::Set>(document, &config::ConfigFacts::default()).unwrap();
    world.ask_with::<backups::Create>(json!({"idempotency_key": "k"}), &backup_made(ID)).unwrap();
}

/// Every record as JSON, without what a restore counts forward.
fn contents(memory: &Memory) -> BTreeMap<Key, Value> {
    let keys = memory.all().unwrap().into_iter().filter(|key| !matches!(key, Key::Backup(_)));
    let content = |key: Key| {
        let mut value = json!(memory.get(&key).unwrap().unwrap());
        uncounted(&mut value);
        (key, value)
    };
    keys.map(content).collect()
}

fn uncounted(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.remove("generation");
            map.remove("last_sequence");
            map.values_mut().for_each(uncounted);
        }
        Value::Array(list) => list.iter_mut().for_each(uncounted),
        _ => {}
    }
}

#[test]
fn create_and_list_tell_what_is_known_of_a_backup() {
    let mut world = World::local();
    let made = world.ask_with::<backups::Create>(json!({}), &backup_made(ID));
    insta::assert_snapshot!(world.told(&made), @r#"
    {
      "at": "2026-01-01T00:00:02Z",
      "backup_id": "01ARZ3NDEKTSV4RRFFQ69G5FAV",
      "by": {
        "host": "box",
        "kind": "os-user",
        "uid": 1000,
        "user": "ada"
      },
      "digest": "sha256:54d00d867758cef816bc4685f58e327b949712b07ebd17c3485f3ffc9e9f5133",
      "environment_id": "local",
      "file": "backups/01ARZ3NDEKTSV4RRFFQ69G5FAV.gtbackup",
      "records": 12,
      "schema": "greentic.backup.v1",
      "sequence": 7,
      "size_bytes": 4096
    }
    "#);
    let listed = backups::list(&world.memory).unwrap();
    assert_eq!(json!(listed.backups), json!([made.unwrap()]));
    let other = "01ARZ3NDEKTSV4RRFFQ69G5FAW".parse().unwrap();
    let none = backups::find(&world.memory, other).unwrap_err();
    assert_eq!((none.kind, none.hint.as_deref()), (Kind::NotFound, Some("gtc op backups list")));
}

#[test]
fn restore_puts_everything_back_and_counts_forward() {
    let mut world = furnished();
    let (facts, then) = (world.backup(), contents(&world.memory));
    disturb(&mut world);
    let outcome = restore(&mut world, &facts);
    insta::assert_snapshot!(world.told(&outcome), @r#"
    {
      "deleted": 7,
      "digest": "sha256:54d00d867758cef816bc4685f58e327b949712b07ebd17c3485f3ffc9e9f5133",
      "environment_id": "local",
      "generation": 4,
      "missing_secrets": [],
      "restored": 6,
      "source_environment": "local"
    }
    "#);
    assert_eq!(contents(&world.memory), then);
    assert!(world.memory.backup(ID.parse().unwrap()).unwrap().is_some(), "what is known stays");
    assert!(world.memory.records().keys().any(|key| matches!(key, Key::Answered(_))));
    world.turn(&[("r1", 5_000), ("r2", 5_000)]).expect("what came back works");
    let next = world.stage("fast2flow");
    assert_eq!(world.revision(&next).sequence, 5, "r4 means one thing");
}

#[test]
fn who_saw_the_state_in_between_wins_no_compare_and_swap() {
    let mut world = furnished();
    let facts = world.backup();
    disturb(&mut world);
    let seen = |world: &World| {
        let record = world.deployment("fast2flow");
        let slot = world.agrees(Slot::Telemetry).generation.unwrap();
        let secret = world.memory.secret(&"fast2flow/key".parse().unwrap()).unwrap().unwrap();
        [
            world.memory.environment().unwrap().generation,
            record.deployment.generation,
            record.split.unwrap().generation,
            slot,
            secret.generation,
        ]
    };
    let between = seen(&world);
    restore(&mut world, &facts).unwrap();
    let after = seen(&world);
    assert!(between.iter().zip(&after).all(|(old, new)| new > old), "{between:?} {after:?}");
    let document = json!({"deployment_id": "fast2flow", "expected_generation": between[2]});
    assert_eq!(world.ask::<traffic::Clear>(document).unwrap_err().kind, Kind::Conflict);
}

#[test]
fn restoring_what_is_changes_nothing_but_the_environments_generation() {
    let mut world = furnished();
    let (facts, before) = (world.backup(), world.memory.clone());
    let outcome = restore(&mut world, &facts).unwrap();
    assert_eq!((&outcome["restored"], &outcome["deleted"]), (&json!(1), &json!(0)));
    let differ = |(key, record): &(&Key, &Record)| before.records().get(*key) != Some(*record);
    let changed: Vec<&Key> =
        world.memory.records().iter().filter(differ).map(|(key, _)| key).collect();
    assert_eq!(changed, [&Key::Environment]);
}

#[test]
fn a_deployment_that_had_no_split_yet_is_off_the_air_and_its_generations_go_on() {
    let mut world = World::serving(1);
    let facts = world.backup();
    world.turn(&[("r1", 10_000)]).unwrap();
    restore(&mut world, &facts).unwrap();
    let split = world.deployment("fast2flow").split.unwrap();
    assert_eq!((split.generation, split.allocation, split.previous), (1, None, None));
    assert_eq!(world.turn(&[("r1", 10_000)]).unwrap()["generation"], 2);
}

#[test]
fn traffic_rolls_back_past_a_restore() {
    let mut world = rolling();
    let facts = world.backup();
    for _ in 0..3 {
        world.turn(&[("r2", 10_000)]).unwrap();
    }
    restore(&mut world, &facts).unwrap();
    let back = world.ask::<traffic::Rollback>(json!({})).unwrap();
    assert_eq!(
        (&back["generation"], &back["entries"][0]["weight_bps"]),
        (&json!(6), &json!(10_000))
    );
    assert_eq!(back["entries"][0]["revision_id"], world.revision("r1").revision_id.to_string());
}

#[test]
fn older_and_newer_backups_can_be_restored_in_any_order() {
    let mut world = furnished();
    let (older, old) = (world.backup(), contents(&world.memory));
    disturb(&mut world);
    world.force("fast2flow/r1", Lifecycle::Ready);
    let (newer, new) = (world.backup(), contents(&world.memory));
    for (facts, wanted) in [(&older, &old), (&newer, &new), (&newer, &new), (&older, &old)] {
        restore(&mut world, facts).unwrap();
        assert_eq!(contents(&world.memory), *wanted);
    }
}

#[test]
fn a_secret_whose_value_is_gone_is_reported_and_not_put() {
    let mut world = furnished();
    world.put_secret("fast2flow/key", "two").unwrap();
    world.put_secret("fast2flow/other", "three").unwrap();
    let mut facts = world.backup();
    facts.missing_values = ["one", "three", "old"].map(|value| format!("sealed/{value}")).to_vec();
    let outcome = restore(&mut world, &facts).unwrap();
    assert_eq!(
        outcome["missing_secrets"],
        json!(["secret://local/credentials/deployer", "secret://local/fast2flow/other"])
    );
    let kept = world.memory.secret(&"fast2flow/key".parse().unwrap()).unwrap().unwrap();
    assert_eq!(kept.versions.iter().map(|v| v.version).collect::<Vec<_>>(), [2]);
    assert_eq!(world.memory.environment().unwrap().credentials_ref, None);
}

#[test]
fn another_environment_gets_everything_but_the_secrets() {
    let mut source = furnished();
    let mut bundle = crate::world::staged_bundle("fast2flow", "1.4.0");
    bundle.secrets =
        vec![deploy_spec::SecretNeed { name: "key".into(), required: true, description: None }];
    source.ask_with::<control::revisions::Stage>(json!({"bundle": "x"}), &bundle).unwrap();
    let facts = source.backup();
    let mut target = World::new("copy");
    let document = json!({
        "environment_id": "copy", "file": "a.gtbackup", "from_environment": "local",
    });
    let outcome = target.ask_with::<backups::Restore>(document.clone(), &facts);
    insta::assert_snapshot!(target.told(&outcome), @r#"
    {
      "deleted": 0,
      "digest": "sha256:54d00d867758cef816bc4685f58e327b949712b07ebd17c3485f3ffc9e9f5133",
      "environment_id": "copy",
      "generation": 2,
      "missing_secrets": [
        "secret://copy/credentials/deployer",
        "secret://copy/fast2flow/key"
      ],
      "restored": 15,
      "source_environment": "local"
    }
    "#);
    let text = json!(target.memory.records().values().collect::<Vec<_>>()).to_string();
    assert!(!text.contains("secret://local") && !text.contains("sealed/"), "{text}");
    let copy: EnvironmentId = "copy".parse().unwrap();
    let environment = target.memory.environment().unwrap();
    assert_eq!((&environment.environment_id, environment.credentials_ref), (&copy, None));
    assert_eq!(target.deployment("fast2flow").deployment.environment_id, copy);
    let needs = target.revision("fast2flow/r4").secret_refs;
    assert_eq!(secrets::missing_secrets(&target.memory, &needs).unwrap(), needs);
    let again = target.ask_with::<backups::Restore>(document, &facts);
    insta::assert_snapshot!(target.told(&again), @"
    conflict: environment `copy` exists: another one's backup makes a new one
    hint: choose the name of an environment that is not there yet
    {}
    ");
}

#[test]
fn only_the_backup_that_was_asked_for_is_restored() {
    let mut world = furnished();
    world.ask_with::<backups::Create>(json!({}), &backup_made(ID)).unwrap();
    let mut facts = world.backup();
    facts.records.retain(|record| !matches!(record, Record::Backup(_)));
    world.ask_with::<backups::Restore>(json!({"backup_id": ID}), &facts).unwrap();
    let wrong_digest = backups::RestoreFacts { digest: Digest::of(b"other"), ..facts.clone() };
    let fault = world.ask_with::<backups::Restore>(json!({"backup_id": ID}), &wrong_digest);
    assert_eq!(fault.unwrap_err().details["pointer"], "/backup_id");
    let said = json!({"file": "x", "from_environment": "eu"});
    let fault = world.ask_with::<backups::Restore>(said, &facts);
    insta::assert_snapshot!(world.told(&fault), @r#"
    refused: it is a backup of `local`, not of `eu`
    hint: add from_environment `local` if that is what you want
    {
      "pointer": "/from_environment"
    }
    "#);
    for document in [json!({}), json!({"file": "x", "backup_id": ID})] {
        let fault = world.ask_with::<backups::Restore>(document, &facts).unwrap_err();
        assert_eq!(fault.kind, Kind::InvalidInput);
    }
}

#[test]
fn what_is_missing_is_told_all_at_once() {
    let mut world = furnished();
    let mut facts = world.backup();
    facts.missing_artifacts = vec![Digest::of(b"a"), Digest::of(b"b")];
    facts.records.retain(|record| !matches!(record, Record::Route(_)));
    let fault = restore(&mut world, &facts);
    insta::assert_snapshot!(world.told(&fault), @r#"
    refused: the backup cannot be restored: bundle sha256:ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb is not here; bundle sha256:3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d is not here; deployment D1 answers `*/` without claiming it
    hint: gtc op backups list
    {
      "problems": [
        {
          "message": "bundle sha256:ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb is not here",
          "pointer": ""
        },
        {
          "message": "bundle sha256:3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d is not here",
          "pointer": ""
        },
        {
          "message": "deployment D1 answers `*/` without claiming it",
          "pointer": ""
        }
      ]
    }
    "#);
}

/// One thing that the verbs would never have written.
type Spoil = fn(&mut Vec<Record>);

const SPOILED: &[(&str, Spoil)] = &[
    ("no environment", |records| records.retain(|r| !matches!(r, Record::Environment(_)))),
    ("a record twice", |records| records.push(records[0].clone())),
    ("no claim", |records| records.retain(|r| !matches!(r, Record::Route(_)))),
    ("no member", |records| records.retain(|r| !matches!(r, Record::BundleMember(_)))),
    ("no home", |records| records.retain(|r| !matches!(r, Record::RevisionHome(_)))),
    ("no page of deployments", |records| {
        records.retain(|r| !matches!(r, Record::RosterPage(_)));
    }),
    ("pages in no list", |records| records.retain(|r| !matches!(r, Record::Roster(_)))),
    ("a list of others", |records| {
        each(records, |r| {
            if let Record::RosterPage(page) = r {
                page.deployments[0] = "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap();
            }
        });
    }),
    ("a list that counts wrongly", |records| {
        each(records, |r| {
            if let Record::Roster(roster) = r {
                roster.pages[0].count += 1;
            }
        });
    }),
    ("no revisions", |records| records.retain(|r| !matches!(r, Record::Revision(_)))),
    ("no deployment", |records| records.retain(|r| !matches!(r, Record::Deployment(_)))),
    ("another environment's", |records| {
        each(records, |r| {
            if let Record::Environment(environment) = r {
                environment.environment_id = "eu".parse().unwrap();
            }
        });
    }),
    ("a deployment of another", |records| {
        each(records, |r| {
            if let Record::Deployment(record) = r {
                record.deployment.environment_id = "eu".parse().unwrap();
            }
        });
    }),
    ("a claim of another route", |records| {
        each(records, |r| {
            if let Record::Route(claim) = r {
                claim.route.path_prefix = "/other".parse().unwrap();
            }
        });
    }),
    ("a split to what is not ready", |records| {
        each(records, |r| {
            if let Record::Revision(revision) = r {
                revision.lifecycle = Lifecycle::Staged;
            }
        });
    }),
    ("one sequence for all", |records| {
        each(records, |r| {
            if let Record::Revision(revision) = r {
                revision.sequence = 1;
            }
        });
    }),
    ("a sequence beyond the newest", |records| {
        each(records, |r| {
            if let Record::Deployment(record) = r {
                record.deployment.last_sequence = 0;
            }
        });
    }),
    ("a past that is to come", |records| {
        each(records, |r| {
            if let Record::PastSplit(split) = r {
                split.generation = 99;
            }
        });
    }),
    ("a secret without versions", |records| {
        each(records, |r| {
            if let Record::Secret(secret) = r {
                secret.versions.clear();
            }
        });
    }),
];

fn each(records: &mut [Record], change: impl Fn(&mut Record)) {
    records.iter_mut().for_each(change);
}

#[test]
fn records_that_contradict_themselves_are_refused() {
    let mut told = String::new();
    for (name, spoil) in SPOILED {
        let mut world = furnished();
        let mut facts = world.backup();
        spoil(&mut facts.records);
        let before = world.memory.clone();
        let fault = restore(&mut world, &facts).expect_err(name);
        assert_eq!((fault.kind, &world.memory), (Kind::Refused, &before), "{name}");
        let problems = fault.details["problems"].as_array().unwrap();
        let first = world.shown(problems[0]["message"].as_str().unwrap());
        told.push_str(&format!("{name}: {} such as: {first}\n", problems.len()));
    }
    insta::assert_snapshot!(told, @"
    no environment: 1 such as: it holds 0 environments, not one
    a record twice: 2 such as: it holds 2 environments, not one
    no claim: 1 such as: deployment D1 answers `*/` without claiming it
    no member: 1 such as: deployment D1 is no member of its bundle
    no home: 3 such as: revision D1.r1 has no home
    no page of deployments: 1 such as: the list of deployments is not of those that are there
    pages in no list: 1 such as: page 0 of the deployments is in no list
    a list of others: 1 such as: the list of deployments is not of those that are there
    a list that counts wrongly: 1 such as: the list of deployments is not of those that are there
    no revisions: 5 such as: deployment D1 splits to D1.r1, which is not its
    no deployment: 7 such as: revision D1.r1 is of deployment D1, which is not there
    another environment's: 1 such as: it holds environment `eu`, not `local`
    a deployment of another: 1 such as: deployment D1 is of `eu`
    a claim of another route: 2 such as: deployment D1 answers `*/` without claiming it
    a split to what is not ready: 2 such as: deployment D1 splits to D1.r1, which is staged
    one sequence for all: 2 such as: revision D1.r2 is a second r1 of D1
    a sequence beyond the newest: 3 such as: revision D1.r1 is newer than the newest of its deployment
    a past that is to come: 1 such as: split 99 of D1 is not before its present one
    a secret without versions: 2 such as: secret `credentials/deployer` has no orderly versions
    ");
}

#[test]
fn a_removed_deployment_comes_back_and_is_removed_again() {
    let mut world = World::serving(1);
    let id = world.deployment("fast2flow").deployment.deployment_id;
    let live = world.backup();
    world.ask::<bundles::Remove>(json!({"deployment_id": id})).unwrap();
    let removed = world.backup();
    restore(&mut world, &live).unwrap();
    let back = world.deployment("fast2flow").deployment;
    assert_eq!(back.lifecycle, DeploymentLifecycle::Active);
    restore(&mut world, &removed).unwrap();
    assert_eq!(world.memory.deployment(id).unwrap(), None);
    let again = world.memory.retired(id).unwrap().unwrap().deployment;
    assert_eq!(again.lifecycle, DeploymentLifecycle::Retired);
    assert!(again.generation > back.generation);
}

#[test]
fn what_another_version_put_since_stays_sealed() {
    let mut world = furnished();
    let facts = world.backup();
    world.ask_with::<secrets::Put>(json!({"path": "later"}), &sealed("later")).unwrap();
    let outcome = restore(&mut world, &facts).unwrap();
    assert_eq!((outcome.get("erase"), &outcome["deleted"]), (None, &json!(1)));
}

#[test]
fn the_newest_backups_stay_and_so_do_young_ones() {
    let mut world = World::serving(0);
    for n in 1..=4_u64 {
        let mut made = backup_made(ID);
        made.backup_id = format!("01ARZ3NDEKTSV4RRFFQ69G5FA{n}").parse().unwrap();
        made.sequence = n;
        world.ask_with::<backups::Create>(json!({}), &made).unwrap();
    }
    let newest = |world: &mut World, document| {
        let pruned = world.ask::<backups::Prune>(document).unwrap();
        let removed = pruned["removed"].as_array().unwrap().iter();
        let removed: Vec<u64> = removed.map(|it| it["sequence"].as_u64().unwrap()).collect();
        (removed, pruned["kept"].as_u64().unwrap())
    };
    assert_eq!(newest(&mut world, json!({})), (vec![], 4));
    assert_eq!(newest(&mut world, json!({"keep": 1, "older_than_days": 1})), (vec![], 4));
    assert_eq!(newest(&mut world, json!({"keep": 3})), (vec![1], 3));
    assert_eq!(newest(&mut world, json!({"keep": 0})), (vec![2, 3, 4], 0));
    assert_eq!(backups::list(&world.memory).unwrap().backups, []);
}
