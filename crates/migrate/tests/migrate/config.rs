//! Non-secret configuration at the old place is read, and only that.

use std::fs;

use deploy_spec::{BundleId, EnvironmentId, Kind};
use migrate::config::{LegacyConfig, legacy_config};
use serde_json::{Value, json};

fn input(environment: &str, bundle: &str, non_secret: &Value) -> String {
    json!({
        "schema": "greentic.pack-config-input.v1", "pack_id": "p", "env_id": environment,
        "bundle_id": bundle, "non_secret": non_secret,
        "secret_refs": {"token": "secrets://dev/t/_/p/token"},
    })
    .to_string()
}

fn found(files: &[(&str, String)], environment: &str) -> Result<Option<LegacyConfig>, Kind> {
    let home = tempfile::tempdir().unwrap();
    fs::create_dir_all(home.path().join("state/pack-configs")).unwrap();
    for (name, text) in files {
        fs::write(home.path().join("state/pack-configs").join(name), text).unwrap();
    }
    let environment: EnvironmentId = environment.parse().unwrap();
    let bundle: BundleId = "shop".parse().unwrap();
    legacy_config(home.path(), &environment, &bundle).map_err(|fault| fault.kind)
}

#[test]
fn answers_of_the_environment_and_the_bundle_are_read() {
    let files = [
        ("a.json", input("dev", "shop", &json!({"locale": "en", "size": 3}))),
        ("b.json", input("local", "shop", &json!({"locale": "de", "on": true}))),
        ("c.json", input("local", "other", &json!({"x": 1}))),
        ("d.json", input("prod", "shop", &json!({"x": 2}))),
        ("e.txt", "no document".into()),
    ];
    let local = found(&files, "local").unwrap().unwrap();
    assert_eq!(Value::from(local.config), json!({"locale": "en", "size": 3, "on": true}));
    assert_eq!(local.files.len(), 2);
    assert!(local.warning.contains("gtc op config set local"), "{}", local.warning);
    let prod = found(&files, "prod").unwrap().unwrap();
    assert_eq!(Value::from(prod.config), json!({"x": 2}));
    assert_eq!(found(&files, "eu"), Ok(None));
    assert_eq!(found(&[], "local"), Ok(None));
}

#[test]
fn what_cannot_be_understood_is_an_error_that_quotes_nothing() {
    for text in ["", "{", "[]", r#"{"schema":"hunter2"}"#, "\u{0}"] {
        assert_eq!(found(&[("a.json", text.into())], "local"), Err(Kind::Unavailable), "{text}");
    }
    let large = input("local", "shop", &json!({"x": "y".repeat(2 << 20)}));
    assert_eq!(found(&[("a.json", large)], "local"), Err(Kind::Unavailable));
}
