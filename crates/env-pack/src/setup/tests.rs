//! Questions that can be asked, and answers that fit them.

use std::collections::BTreeSet;

use serde_json::json;

use super::*;

fn setup(questions: &Value) -> Result<Setup, Fault> {
    Setup::from_value(json!({"schema": "greentic.setup.v1", "questions": questions}))
}

fn questions() -> Setup {
    setup(&json!([
        {"name": "host", "kind": "text", "prompt": "Which host?", "pattern": "[a-z.]+"},
        {"name": "replicas", "kind": "number", "prompt": "How many?", "default": 2, "min": 1, "max": 9},
        {"name": "tls", "kind": "boolean", "prompt": "With TLS?", "required": false},
        {"name": "size", "kind": "choice", "prompt": "Which size?", "choices": ["small", "large"]},
        {"name": "api_key", "kind": "secret", "prompt": "The key?", "pattern": "sk-.+"},
        {"name": "other_key", "kind": "secret", "prompt": "Another?", "required": false},
    ]))
    .unwrap()
}

fn problems(answers: &Value) -> Vec<String> {
    let found =
        check_answers(&questions(), answers.as_object().unwrap(), &BTreeSet::new()).unwrap_err();
    found.iter().map(|(pointer, why)| format!("{pointer}: {why}")).collect()
}

#[test]
fn answers_are_sorted_into_configuration_and_secrets() {
    let answers = json!({"host": "a.example", "size": "small", "api_key": "sk-1", "tls": null});
    let settled =
        check_answers(&questions(), answers.as_object().unwrap(), &BTreeSet::new()).unwrap();
    let config = json!({"host": "a.example", "replicas": 2, "size": "small"});
    assert_eq!(Value::Object(settled.config), config);
    assert_eq!(settled.secrets, ["api_key"]);
}

#[test]
fn everything_missing_is_listed_at_once() {
    assert_eq!(
        problems(&json!({})),
        [
            "/host: Which host?: it is not answered; it must be a text",
            "/size: Which size?: it is not answered; it must be one of small, large",
            "/api_key: The key?: it is not answered; it must be a text (a secret)",
        ]
    );
}

#[test]
fn a_secret_that_is_kept_needs_no_answer() {
    let answers = json!({"host": "a", "size": "small"});
    let kept = BTreeSet::from(["api_key".to_owned()]);
    let settled = check_answers(&questions(), answers.as_object().unwrap(), &kept).unwrap();
    assert_eq!(settled.secrets, [] as [String; 0]);
}

#[test]
fn everything_wrong_is_listed_at_once_and_no_answer_is_shown() {
    let wrong = json!({"host": "Hunter2 x", "replicas": 10, "tls": "hunter2", "size": "hunter2",
                       "api_key": "hunter2", "other_key": 7, "a/b~": "hunter2"});
    assert_eq!(
        problems(&wrong),
        [
            "/host: Which host?: the answer must match `[a-z.]+`",
            "/replicas: How many?: the answer must be at most 9",
            "/tls: With TLS?: the answer must be true or false",
            "/size: Which size?: the answer must be one of small, large",
            "/api_key: The key?: the answer must match `sk-.+`",
            "/other_key: Another?: the answer must be a text (a secret)",
            "/a~1b~0: `a/b~` is not asked",
        ]
    );
}

#[test]
fn each_kind_takes_its_own_answers_only() {
    let with = |name: &str, answer: Value| {
        let mut answers = json!({"host": "a", "size": "large", "api_key": "sk-1"});
        answers[name] = answer;
        check_answers(&questions(), answers.as_object().unwrap(), &BTreeSet::new()).is_ok()
    };
    for (name, good, bad) in [
        ("host", json!("b"), vec![json!(""), json!("b1"), json!("1b"), json!("a\n"), json!(1)]),
        ("replicas", json!(1.5), vec![json!(0.9), json!("2"), json!(9.1), json!(true)]),
        ("tls", json!(false), vec![json!("true"), json!(0)]),
        ("size", json!("small"), vec![json!("Small"), json!(["small"]), json!("")]),
        ("other_key", json!("x"), vec![json!(""), json!({}), json!("x".repeat(65537))]),
    ] {
        assert!(with(name, good), "{name}");
        for bad in bad {
            assert!(!with(name, bad.clone()), "{name}: {bad}");
        }
    }
}

#[test]
fn questions_that_cannot_be_asked_are_refused_with_the_field() {
    let text = |more: Value| {
        let mut question = json!({"name": "a", "kind": "text", "prompt": "?"});
        question.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        question
    };
    for (more, pointer) in [
        (json!({"name": "A"}), "name"),
        (json!({"name": ""}), "name"),
        (json!({"prompt": " "}), "prompt"),
        (json!({"kind": "secret", "default": "x"}), "default"),
        (json!({"default": 1}), "default"),
        (json!({"default": "b", "pattern": "a"}), "default"),
        (json!({"pattern": "("}), "pattern"),
        (json!({"pattern": "a)|(b"}), "pattern"),
        (json!({"pattern": "(x{1000}){1000}"}), "pattern"),
        (json!({"kind": "number", "pattern": "a"}), "pattern"),
        (json!({"min": 1}), "min"),
        (json!({"kind": "boolean", "max": 1}), "max"),
        (json!({"kind": "number", "min": 2, "max": 1}), "min"),
        (json!({"choices": ["a"]}), "choices"),
        (json!({"kind": "choice"}), "choices"),
        (json!({"kind": "choice", "choices": ["a", "a"]}), "choices"),
        (json!({"kind": "colour"}), "kind"),
        (json!({"extra": 1}), "extra"),
    ] {
        let good = json!({"name": "z", "kind": "text", "prompt": "?"});
        let fault = setup(&json!([good, text(more.clone())])).unwrap_err();
        assert_eq!(fault.kind, deploy_spec::Kind::InvalidInput);
        assert_eq!(fault.details["pointer"], format!("/questions/1/{pointer}"), "{more}");
    }
    let twice = setup(&json!([text(json!({})), text(json!({}))])).unwrap_err();
    assert_eq!(twice.details["pointer"], "/questions/1/name");
    let other = Setup::from_value(json!({"schema": "greentic.setup.v2", "questions": []}));
    assert_eq!(other.unwrap_err().details["pointer"], "/schema");
}

#[test]
fn no_way_in_goes_around_the_laws_and_documents_come_back() {
    let document = serde_json::to_value(questions()).unwrap();
    assert_eq!(serde_json::from_value::<Setup>(document.clone()).unwrap(), questions());
    let mut broken = document;
    broken["questions"][4]["default"] = json!("sk-x");
    assert!(serde_json::from_value::<Setup>(broken).is_err());
}

#[test]
fn the_json_schema_says_what_the_type_takes() {
    let schema = serde_json::to_value(schemars::schema_for!(Setup)).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    assert!(validator.is_valid(&serde_json::to_value(questions()).unwrap()));
    for bad in [
        json!({"schema": "greentic.setup.v1"}),
        json!({"schema": "greentic.setup.v1", "questions": [], "more": 1}),
        json!({"schema": "greentic.setup.v1", "questions": [{"name": "A", "kind": "text", "prompt": "?"}]}),
        json!({"schema": "greentic.setup.v1", "questions": [{"name": "a", "kind": "x", "prompt": "?"}]}),
    ] {
        assert!(!validator.is_valid(&bad), "{bad}");
    }
}
