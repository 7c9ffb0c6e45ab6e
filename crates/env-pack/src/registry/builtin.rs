//! The env-packs that are part of the program. The defaults need no settings, no tools, no
//! credentials.

use deploy_spec::{Fault, Slot};
use semver::{Comparator, Op, Prerelease, VersionReq};
use serde_json::{Map, Value, json};

use super::Handler;
use crate::setup::{Question, QuestionKind, Setup};

const NATIVE: [(&str, Slot); 5] = [
    ("greentic.deployer.local-process", Slot::Deployer),
    ("greentic.secrets.dev-store", Slot::Secrets),
    ("greentic.telemetry.stdout", Slot::Telemetry),
    ("greentic.sessions.in-memory", Slot::Sessions),
    ("greentic.state.in-memory", Slot::State),
];

/// The env-pack that shares sessions in Redis.
pub const SHARED_SESSIONS: &str = "greentic.sessions.redis";
/// How long a request waits for what replicas share, in milliseconds, where nothing else is said.
pub const SHARED_DEADLINE_MS: u64 = 5;
/// Without a login, which is no setting but a secret.
const REDIS_URL: &str = r"rediss?://[^/@\s?#]+(/[0-9]*)?";

pub(super) fn handlers() -> Result<Vec<Handler>, Fault> {
    // Not `additionalProperties`, whose error does not name the setting when none is known.
    let none = json!({"type": "object", "unevaluatedProperties": false});
    let defaults = NATIVE.into_iter();
    let defaults = defaults.map(|(path, slot)| handler(path, slot, none.clone(), Setup::default()));
    Ok(defaults.chain([shared_sessions()?]).collect())
}

fn handler(path: &str, slot: Slot, settings: Value, setup: Setup) -> Handler {
    Handler {
        path: path.to_owned(),
        versions: first_version(),
        slot,
        settings,
        setup,
        tools: Vec::new(),
        credentials: Vec::new(),
        offers_bootstrap: false,
    }
}

/// Sessions that replicas share in Redis.
fn shared_sessions() -> Result<Handler, Fault> {
    let question = |name: &str, kind, prompt: &str| Question {
        kind,
        ..Question::secret(name, prompt.to_owned(), false)
    };
    let setup = Setup::new(vec![
        Question {
            required: true,
            pattern: Some(REDIS_URL.to_owned()),
            help: Some("redis://HOST:PORT/DATABASE, or rediss:// for TLS; without a login".into()),
            ..question("url", QuestionKind::Text, "Where is the Redis server?")
        },
        question("user", QuestionKind::Text, "As which user, if not the default one?"),
        question("password", QuestionKind::Secret, "With which password, if any?"),
        Question {
            default: Some(SHARED_DEADLINE_MS.into()),
            min: Some(1.into()),
            max: Some(1_000.into()),
            ..question(
                "deadline_ms",
                QuestionKind::Number,
                "How long does a request wait for it, in ms?",
            )
        },
    ])?;
    let open = setup.questions().iter().filter(|question| question.kind != QuestionKind::Secret);
    let properties: Map<String, Value> =
        open.map(|question| (question.name.clone(), question.schema())).collect();
    let mut settings = json!({
        "type": "object",
        "properties": properties,
        "required": ["url"],
        "unevaluatedProperties": false,
    });
    settings["properties"]["deadline_ms"]["type"] = "integer".into();
    Ok(handler(SHARED_SESSIONS, Slot::Sessions, settings, setup))
}

/// `^0.1.0`
fn first_version() -> VersionReq {
    let from = Comparator {
        op: Op::Caret,
        major: 0,
        minor: Some(1),
        patch: Some(0),
        pre: Prerelease::EMPTY,
    };
    VersionReq { comparators: vec![from] }
}
