//! Every mutating verb once, with a world in which it changes something: what the mechanism is
//! held to.

use control::{Reply, backups, bundles, config, credentials, document_schema, env, env_packs};
use control::{revisions, secrets, traffic};
use deploy_spec::{CheckStatus, Fault, Slot};
use serde_json::{Value, json};

use crate::world::{World, entries, green, init_facts, red, staged_bundle, trusted_key};
use crate::world::{backup_made, credentials, sealed};

/// A data plane serves.
pub(crate) const SERVED: revisions::DrainFacts = revisions::DrainFacts { served: true };

/// No data plane serves.
pub(crate) const UNSERVED: revisions::DrainFacts = revisions::DrainFacts { served: false };

type Run = fn(&mut World, Value) -> Result<Reply, Fault>;

pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) run: Run,
    pub(crate) schema: fn() -> Value,
    pub(crate) world: fn() -> World,
    pub(crate) document: Value,
    /// Another document that the verb would also do.
    pub(crate) other: Option<Value>,
    /// The generation of what it is done to.
    pub(crate) generation: Option<u64>,
}

impl Case {
    /// The document with one more field.
    pub(crate) fn with(&self, name: &str, value: impl Into<Value>) -> Value {
        with(&self.document, name, value)
    }
}

pub(crate) fn with(document: &Value, name: &str, value: impl Into<Value>) -> Value {
    let mut document = document.clone();
    document[name] = value.into();
    document
}

/// r1 and r2 are ready, r3 is staged; traffic was set twice.
pub(crate) fn rolling() -> World {
    let mut world = World::serving(2);
    world.stage("fast2flow");
    world.turn(&[("r1", 10_000)]).unwrap();
    world.turn(&[("r1", 9_900), ("r2", 100)]).unwrap();
    world
}

/// r4 is ready and has no weight, r3 has failed; a deployment `old` is paused.
fn ending() -> World {
    let mut world = rolling();
    world.ask_with::<revisions::Warm>(json!({"revision_id": "r3"}), &red()).unwrap_err();
    world.stage_ready("fast2flow");
    world.add("old", "/old");
    world.ask::<bundles::Pause>(json!({"deployment_id": "old"})).unwrap();
    world
}

/// r1 of [`ending`] is called `stable`, r2 `old`.
fn tagged() -> World {
    let mut world = ending();
    for (name, tag) in [("fast2flow/r1", "stable"), ("fast2flow/r2", "old")] {
        world.ask::<revisions::Tag>(json!({"revision_id": name, "tag": tag})).unwrap();
    }
    world
}

/// r4 of [`ending`] is the shadow of one request in ten.
fn shadowed() -> World {
    let mut world = ending();
    let entry = json!({"revision_id": "r4", "weight_percent": 10.0});
    let document = json!({"deployment_id": "fast2flow", "entry": entry});
    world.ask::<traffic::CastShadow>(document).unwrap();
    world
}

/// r4 of [`ending`] drains.
fn draining() -> World {
    let mut world = ending();
    let document = json!({"revision_id": "fast2flow/r4"});
    world.ask_with::<revisions::Drain>(document, &SERVED).unwrap();
    world
}

/// r3 of [`ending`] is archived.
fn archived() -> World {
    let mut world = ending();
    world.ask::<revisions::Archive>(json!({"revision_id": "fast2flow/r3"})).unwrap();
    world
}

fn stage(world: &mut World, document: Value) -> Result<Reply, Fault> {
    world.reply::<revisions::Stage>(document, &staged_bundle("fast2flow", "1.4.0"))
}

pub(crate) fn every_verb() -> Vec<Case> {
    let more =
        [env_packs_verbs(), config_verbs(), secrets_verbs(), credentials_verbs(), backups_verbs()];
    first_rollout_verbs().into_iter().chain(more.into_iter().flatten()).collect()
}

fn case(
    name: &'static str,
    (run, schema): (Run, fn() -> Value),
    document: Value,
    other: Option<Value>,
    generation: Option<u64>,
) -> Case {
    Case { name, run, schema, world: rolling, document, other, generation }
}

const UPDATED: &str = "greentic.telemetry.stdout@0.1.1";

fn updated() -> World {
    let mut world = rolling();
    for slot in [Slot::Telemetry, Slot::State] {
        let facts = world.agrees(slot);
        let document = json!({"slot": slot, "kind": format!("greentic.{slot}.other@0.1.0")});
        world.ask_with::<env_packs::Update>(document, &facts).unwrap();
    }
    world
}

fn slot_of(document: &Value) -> Slot {
    serde_json::from_value(document["slot"].clone()).unwrap_or(Slot::State)
}

fn env_packs_verbs() -> Vec<Case> {
    let add: Run = |world, document| {
        let facts = world.agrees(Slot::Revocation);
        world.reply::<env_packs::Add>(document, &facts)
    };
    let update: Run = |world, document| {
        let facts = world.agrees(Slot::Telemetry);
        world.reply::<env_packs::Update>(document, &facts)
    };
    let remove: Run = |world, document| world.reply::<env_packs::Remove>(document, &());
    let rollback: Run = |world, document| {
        let facts = world.agrees(slot_of(&document));
        world.reply::<env_packs::Rollback>(document, &facts)
    };
    let kind = |name: &str| json!({"slot": "revocation", "kind": format!("greentic.revocation.{name}@1.0.0")});
    vec![
        case(
            "env-packs add",
            (add, document_schema::<env_packs::Add>),
            kind("list"),
            Some(kind("other")),
            None,
        ),
        case(
            "env-packs update",
            (update, document_schema::<env_packs::Update>),
            json!({"slot": "telemetry", "kind": UPDATED}),
            Some(json!({"slot": "telemetry", "answers": {"level": "debug"}})),
            Some(0),
        ),
        case(
            "env-packs remove",
            (remove, document_schema::<env_packs::Remove>),
            json!({"slot": "telemetry"}),
            Some(json!({"slot": "state"})),
            Some(0),
        ),
        Case {
            world: updated,
            ..case(
                "env-packs rollback",
                (rollback, document_schema::<env_packs::Rollback>),
                json!({"slot": "telemetry"}),
                Some(json!({"slot": "state"})),
                Some(1),
            )
        },
    ]
}

fn configured() -> World {
    let mut world = rolling();
    let document = json!({"deployment_id": "fast2flow", "values": {"colour": "red", "size": 1}});
    world.ask_with::<config::Set>(document, &config::ConfigFacts::default()).unwrap();
    world
}

fn config_verbs() -> Vec<Case> {
    let set: Run =
        |world, document| world.reply::<config::Set>(document, &config::ConfigFacts::default());
    let unset: Run =
        |world, document| world.reply::<config::Unset>(document, &config::ConfigFacts::default());
    vec![
        case(
            "config set",
            (set, document_schema::<config::Set>),
            json!({"deployment_id": "fast2flow", "values": {"colour": "blue"}}),
            Some(json!({"deployment_id": "fast2flow", "values": {"colour": "green"}})),
            Some(3),
        ),
        Case {
            world: configured,
            ..case(
                "config unset",
                (unset, document_schema::<config::Unset>),
                json!({"deployment_id": "fast2flow", "names": ["colour"]}),
                Some(json!({"deployment_id": "fast2flow", "names": ["size"]})),
                Some(4),
            )
        },
    ]
}

fn keeping_secrets() -> World {
    let mut world = rolling();
    world.put_secret("fast2flow/key", "old").unwrap();
    world.put_secret("fast2flow/other", "old").unwrap();
    world
}

fn secrets_verbs() -> Vec<Case> {
    let put: Run = |world, document| world.reply::<secrets::Put>(document, &sealed("new"));
    let rotate: Run = |world, document| world.reply::<secrets::Rotate>(document, &sealed("new"));
    let delete: Run = |world, document| world.reply::<secrets::Delete>(document, &());
    let (one, other) = (json!({"path": "fast2flow/key"}), Some(json!({"path": "fast2flow/other"})));
    vec![
        case(
            "secrets put",
            (put, document_schema::<secrets::Put>),
            one.clone(),
            Some(json!({"path": "fast2flow/key", "fingerprint": "print-of-new"})),
            None,
        ),
        Case {
            world: keeping_secrets,
            ..case(
                "secrets rotate",
                (rotate, document_schema::<secrets::Rotate>),
                one.clone(),
                other.clone(),
                Some(0),
            )
        },
        Case {
            world: keeping_secrets,
            ..case(
                "secrets delete",
                (delete, document_schema::<secrets::Delete>),
                one,
                other,
                Some(0),
            )
        },
    ]
}

fn signed_in() -> World {
    let mut world = rolling();
    let facts = credentials("old", CheckStatus::Pass);
    world.ask_with::<credentials::Import>(json!({}), &facts).unwrap();
    world
}

fn credentials_verbs() -> Vec<Case> {
    let import: Run = |world, document| {
        world.reply::<credentials::Import>(document, &credentials("new", CheckStatus::Pass))
    };
    let rotate: Run = |world, document| {
        world.reply::<credentials::Rotate>(document, &credentials("new", CheckStatus::Pass))
    };
    let bootstrap: Run = |world, document| {
        let made = credentials::BootstrapFacts::Made(credentials("new", CheckStatus::Pass));
        world.reply::<credentials::Bootstrap>(document, &made)
    };
    let other = Some(json!({"fingerprint": "print-of-new"}));
    vec![
        case(
            "credentials import",
            (import, document_schema::<credentials::Import>),
            json!({}),
            other.clone(),
            None,
        ),
        Case {
            world: signed_in,
            ..case(
                "credentials rotate",
                (rotate, document_schema::<credentials::Rotate>),
                json!({}),
                other,
                Some(0),
            )
        },
        case(
            "credentials bootstrap",
            (bootstrap, document_schema::<credentials::Bootstrap>),
            json!({}),
            None,
            None,
        ),
    ]
}

fn backups_verbs() -> Vec<Case> {
    let create: Run = |world, document| {
        world.reply::<backups::Create>(document, &backup_made("01ARZ3NDEKTSV4RRFFQ69G5FAV"))
    };
    let restore: Run = |world, document| {
        let facts = world.backup();
        world.reply::<backups::Restore>(document, &facts)
    };
    vec![
        case("backups create", (create, document_schema::<backups::Create>), json!({}), None, None),
        case(
            "backups restore",
            (restore, document_schema::<backups::Restore>),
            json!({"file": "a.gtbackup"}),
            Some(json!({"file": "b.gtbackup"})),
            Some(0),
        ),
    ]
}

fn first_rollout_verbs() -> Vec<Case> {
    let case = |name, run: Run, schema, document, other, generation| Case {
        name,
        run,
        schema,
        world: rolling,
        document,
        other,
        generation,
    };
    let init: Run = |world, document| {
        let facts = env::InitFacts { own_key: trusted_key("second") };
        world.reply::<env::Init>(document, &facts)
    };
    let no_environment = || World::new("prod-eu");
    vec![
        case("env init", init, document_schema::<env::Init>, json!({}), None, Some(0)),
        Case {
            world: no_environment,
            ..case(
                "env create",
                |world, document| world.reply::<env::Create>(document, &()),
                document_schema::<env::Create>,
                json!({"environment_id": "prod-eu"}),
                Some(json!({"environment_id": "prod-eu", "name": "Europe"})),
                None,
            )
        },
        case(
            "bundles add",
            |world, document| world.reply::<bundles::Add>(document, &()),
            document_schema::<bundles::Add>,
            json!({"bundle_id": "shop", "route_binding": {"path_prefix": "/shop"}}),
            Some(json!({"bundle_id": "shop", "route_binding": {"path_prefix": "/store"}})),
            None,
        ),
        case(
            "revisions stage",
            stage,
            document_schema::<revisions::Stage>,
            json!({"bundle": "./x.gtbundle"}),
            Some(json!({"bundle": "./y.gtbundle"})),
            Some(3),
        ),
        case(
            "revisions warm",
            |world, document| world.reply::<revisions::Warm>(document, &green()),
            document_schema::<revisions::Warm>,
            json!({"revision_id": "fast2flow/r3"}),
            Some(json!({"revision_id": "fast2flow/r2"})),
            Some(0),
        ),
        Case {
            name: "revisions warm (the gate says no)",
            run: |world, document| world.reply::<revisions::Warm>(document, &red()),
            ..case(
                "",
                init,
                document_schema::<revisions::Warm>,
                json!({"revision_id": "fast2flow/r3"}),
                Some(json!({"revision_id": "fast2flow/r2"})),
                Some(0),
            )
        },
        case(
            "traffic set",
            |world, document| world.reply::<traffic::Set>(document, &()),
            document_schema::<traffic::Set>,
            json!({"deployment_id": "fast2flow", "entries": entries(&[("r2", 10_000)])}),
            Some(json!({"deployment_id": "fast2flow", "entries": entries(&[("r1", 10_000)])})),
            Some(1),
        ),
        case(
            "traffic rollback",
            |world, document| world.reply::<traffic::Rollback>(document, &()),
            document_schema::<traffic::Rollback>,
            json!({"deployment_id": "fast2flow"}),
            Some(json!({})),
            Some(1),
        ),
        case(
            "traffic clear",
            |world, document| world.reply::<traffic::Clear>(document, &()),
            document_schema::<traffic::Clear>,
            json!({"deployment_id": "fast2flow"}),
            Some(json!({})),
            Some(1),
        ),
    ]
    .into_iter()
    .chain(later_verbs())
    .collect()
}

/// The verbs that update, pause, drain, retry and put away.
fn later_verbs() -> Vec<Case> {
    macro_rules! case {
        ($name:literal, $verb:ty => $facts:expr, $world:expr, $document:tt, $other:expr, $generation:expr $(,)?) => {
            Case {
                name: $name,
                run: |world, document| world.reply::<$verb>(document, &$facts),
                schema: document_schema::<$verb>,
                world: $world,
                document: json!($document),
                other: $other,
                generation: Some($generation),
            }
        };
    }
    let other = |document: Value| Some(document);
    vec![
        case!("env update", env::Update => (), rolling, {"name": "Here"}, other(json!({"name": "There"})), 0),
        case!("env destroy", env::Destroy => (), World::local, {"confirm": "local"}, None, 0),
        case!("bundles update", bundles::Update => (), rolling,
            {"deployment_id": "fast2flow", "route_binding": {"path_prefix": "/flow"}},
            other(json!({"deployment_id": "fast2flow", "config": {"colour": "green"}})), 3),
        case!("bundles pause", bundles::Pause => (), ending, {"deployment_id": "fast2flow"},
            other(json!({"deployment_id": "old"})), 4),
        case!("bundles resume", bundles::Resume => (), ending, {"deployment_id": "old"},
            other(json!({"deployment_id": "fast2flow"})), 1),
        case!("bundles remove", bundles::Remove => (), ending, {"deployment_id": "old"},
            other(json!({"deployment_id": "fast2flow"})), 1),
        case!("revisions drain", revisions::Drain => SERVED, ending, {"revision_id": "fast2flow/r4"},
            other(json!({"revision_id": "fast2flow/r3"})), 1),
        case!("revisions complete-drain", revisions::CompleteDrain => None, draining,
            {"revision_id": "fast2flow/r4"}, other(json!({"revision_id": "fast2flow/r3"})), 2),
        case!("revisions retry", revisions::Retry => (), ending, {"revision_id": "fast2flow/r3"},
            other(json!({"revision_id": "fast2flow/r4"})), 1),
        case!("revisions archive", revisions::Archive => (), ending, {"revision_id": "fast2flow/r3"},
            other(json!({"revision_id": "fast2flow/r4"})), 1),
        case!("revisions tag", revisions::Tag => (), tagged,
            {"revision_id": "fast2flow/r4", "tag": "stable"},
            other(json!({"revision_id": "fast2flow/r4", "tag": "next"})), 6),
        case!("revisions untag", revisions::Untag => (), tagged,
            {"deployment_id": "fast2flow", "tag": "stable"},
            other(json!({"deployment_id": "fast2flow", "tag": "old"})), 6),
        case!("traffic shadow", traffic::CastShadow => (), shadowed,
            {"deployment_id": "fast2flow", "entry": {"revision_id": "r4", "weight_bps": 50}},
            other(json!({"deployment_id": "fast2flow", "entry": {"revision_id": "r4", "weight_percent": 1.0}})), 5),
        case!("traffic unshadow", traffic::Unshadow => (), shadowed, {"deployment_id": "fast2flow"},
            other(json!({"deployment_id": "old"})), 5),
        case!("revisions prune", revisions::Prune => (), archived,
            {"deployment_id": "fast2flow", "keep": 0, "older_than_days": 0},
            other(json!({"keep": 1})), 4),
    ]
}

/// What the world's environment needs before anything else, asked again: changes nothing.
pub(crate) fn init_again(world: &mut World) -> Result<Value, Fault> {
    world.ask_with::<env::Init>(json!({}), &init_facts())
}
