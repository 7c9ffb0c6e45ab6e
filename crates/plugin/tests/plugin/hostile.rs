//! Components that mean no good: each is stopped, and named.

use std::time::Duration;

use deploy_spec::Kind;
use plugin::{Host, Limits};
use serde_json::json;

use crate::guests::{actor, opened};

/// Instructions run out long before the time does, however busy the machine is.
fn patient() -> Limits {
    Limits { deadline: Duration::from_secs(120), ..Limits::default() }
}

/// What becomes of a description.
fn said(script: &str, limits: Limits) -> String {
    let fault = opened(script, limits).unwrap().describe().unwrap_err();
    assert_eq!(fault.kind, Kind::InvalidInput, "{fault:?}");
    assert!(fault.message.starts_with("the env-pack `actor` cannot be used: "), "{fault:?}");
    assert!(fault.message.len() < 600, "{}", fault.message);
    fault.message
}

#[test]
fn whatever_it_does_it_is_stopped_and_the_reason_said() {
    let cases = [
        ("spin", "it ran for more than 1000000000 instructions without an answer"),
        ("trap", "it failed: wasm trap: wasm `unreachable` instruction executed"),
        ("panic", "it failed: wasm trap: wasm `unreachable` instruction executed"),
        ("exit", "it failed: Exited with i32 exit status 1"),
        ("recurse", "it failed: wasm trap: "),
        ("hog", "it asked for more than 64 MiB of memory"),
        ("giant 33554432", "it failed: "),
        ("giant 300000", "it has 300000 bytes, and 262144 are the most"),
        ("not JSON", "is wrong: expected"),
        ("{\"schema\": \"greentic.env-pack.v1\"}", "is wrong: missing field `kind`"),
    ];
    for (script, why) in cases {
        let message = said(script, patient());
        assert!(message.contains(why), "{script}: {message}");
    }
}

#[test]
fn who_waits_is_stopped_by_the_clock() {
    let limits = Limits { deadline: Duration::from_millis(200), ..Limits::default() };
    assert!(said("sleep", limits).contains("it took longer than 200ms"));
    // One instruction may fill all of its memory, so that counting them bounds no time.
    let unmetered = Limits { fuel: u64::MAX, ..limits };
    for script in ["spin", "fill"] {
        assert!(said(script, unmetered).contains("it took longer than 200ms"), "{script}");
    }
}

#[test]
fn objections_are_bounded_and_plain() {
    let pack = opened("", patient()).unwrap();
    let said = |play: &str| pack.check(json!({"play": play}).as_object().unwrap());
    assert_eq!(said("object").unwrap(), [("/answers/play".into(), "it is only a play".into())]);
    for (play, why) in [
        ("many", "it has 1000 objections"),
        ("paint", "no pointer and a line of text"),
        ("giant", "it failed: "),
        ("spin", "instructions without an answer"),
    ] {
        let fault = said(play).unwrap_err();
        assert!(fault.message.contains(why), "{play}: {fault:?}");
    }
    assert_eq!(pack.check(json!({}).as_object().unwrap()).unwrap(), []);
}

#[test]
fn a_component_is_no_larger_than_it_may_be() {
    let bytes = actor("");
    let limits = Limits { component_bytes: bytes.len() - 1, ..Limits::default() };
    let fault = Host::new(limits).unwrap().open("actor", &bytes).unwrap_err();
    assert!(fault.message.contains("are the most"), "{fault:?}");
}
