//! `config`: layers of values, and where each comes from.

use control::{Problem, bundles, config, revisions};
use deploy_spec::{Fault, Kind};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::world::{World, cases, handle_of, staged_bundle};

fn set(world: &mut World, document: Value) -> Result<Value, Fault> {
    world.ask_with::<config::Set>(document, &config::ConfigFacts::default())
}

fn map(value: Value) -> Map<String, Value> {
    serde_json::from_value(value).unwrap()
}

/// `colour` in all four layers, `size` in two, the rest in one.
fn layered() -> (World, config::Declared) {
    let mut world = World::serving(1);
    set(&mut world, json!({"values": {"colour": "green", "size": 2, "region": "eu"}})).unwrap();
    set(&mut world, json!({"deployment_id": "fast2flow", "values": {"colour": {"r": 1}}})).unwrap();
    let defaults = map(json!({"colour": "red", "size": 1, "title": "Hi"}));
    let legacy = map(json!({"colour": "brown", "old": true}));
    (world, config::Declared { defaults, legacy, names: None })
}

#[test]
fn every_value_tells_which_layer_it_comes_from_and_what_it_hides() {
    let (world, defaults) = layered();
    let shown =
        config::show(&world.memory, Some(&handle_of("fast2flow")), Some(&defaults)).unwrap();
    let line = |value: &config::ValueShown| serde_json::to_string(value).unwrap();
    let lines: Vec<String> = shown.values.iter().map(line).collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    {"name":"colour","value":{"r":1},"origin":"deployment","overrides":[{"value":"green","origin":"environment"},{"value":"brown","origin":"legacy"},{"value":"red","origin":"bundle"}]}
    {"name":"old","value":true,"origin":"legacy"}
    {"name":"region","value":"eu","origin":"environment"}
    {"name":"size","value":2,"origin":"environment","overrides":[{"value":1,"origin":"bundle"}]}
    {"name":"title","value":"Hi","origin":"bundle"}
    "#);
    let environment = config::show(&world.memory, None, None).unwrap();
    insta::assert_snapshot!(serde_json::to_string(&environment).unwrap(), @r#"{"deployment_id":null,"values":[{"name":"colour","value":"green","origin":"environment"},{"name":"region","value":"eu","origin":"environment"},{"name":"size","value":2,"origin":"environment"}]}"#);
}

#[test]
fn set_tells_what_changed_and_that_nothing_running_does() {
    let (mut world, _) = layered();
    let outcome = set(&mut world, json!({"values": {"size": 3, "region": "eu", "added": null}}));
    insta::assert_snapshot!(world.told(&outcome), @r#"
    {
      "changed": [
        "added",
        "size"
      ],
      "deployment_id": null,
      "generation": 2,
      "takes_effect": "next-stage"
    }
    "#);
    let before = world.memory.clone();
    let again = set(&mut world, json!({"values": {"size": 3}})).unwrap();
    assert_eq!((&again["changed"], &again["generation"]), (&json!([]), &json!(2)));
    assert_eq!(world.memory, before);
}

#[test]
fn unset_shows_the_layer_below() {
    let (mut world, defaults) = layered();
    let document = json!({"deployment_id": "fast2flow", "names": ["colour", "never", "colour"]});
    let facts = config::ConfigFacts::default();
    let outcome = world.ask_with::<config::Unset>(document, &facts);
    insta::assert_snapshot!(world.told(&outcome), @r#"
    {
      "changed": [
        "colour"
      ],
      "deployment_id": "D1",
      "generation": 3,
      "takes_effect": "next-stage"
    }
    "#);
    let shown = config::show(&world.memory, Some(&handle_of("fast2flow")), Some(&defaults));
    assert_eq!(shown.unwrap().values[0].value, "green");
}

#[test]
fn a_revision_pins_what_is_effective_when_it_is_staged() {
    let (mut world, _) = layered();
    assert_eq!(world.revision("r1").config, Map::new(), "what already runs is as it was");
    let bundle = staged_bundle("fast2flow", "1.1.0");
    world.ask_with::<revisions::Stage>(json!({"bundle": "x"}), &bundle).unwrap();
    let pinned = world.revision("r2");
    assert_eq!(Value::from(pinned.config), json!({"colour": {"r": 1}, "region": "eu", "size": 2}));
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let mut world = World::serving(0);
    let facts =
        config::ConfigFacts { problems: vec![Problem::new("/values/size", "it is not a number")] };
    let document = json!({
        "deployment_id": "fast2flow",
        "values": {"a/b": 1, "size": "big", "": 1, "long": "x".repeat(64 * 1024 - 1)},
    });
    let fault = world.ask_with::<config::Set>(document, &facts);
    insta::assert_snapshot!(world.told(&fault), @r#"
    invalid-input: the values cannot be kept: /values/: `` is not a name: 1 to 128 of A-Z, a-z, 0-9, `_`, `.` and `-`; /values/a~1b: `a/b` is not a name: 1 to 128 of A-Z, a-z, 0-9, `_`, `.` and `-`; /values/long: a value has at most 65536 bytes, this has 65537; /values/size: it is not a number
    hint: -
    {
      "pointer": "/values/",
      "problems": [
        {
          "message": "`` is not a name: 1 to 128 of A-Z, a-z, 0-9, `_`, `.` and `-`",
          "pointer": "/values/"
        },
        {
          "message": "`a/b` is not a name: 1 to 128 of A-Z, a-z, 0-9, `_`, `.` and `-`",
          "pointer": "/values/a~1b"
        },
        {
          "message": "a value has at most 65536 bytes, this has 65537",
          "pointer": "/values/long"
        },
        {
          "message": "it is not a number",
          "pointer": "/values/size"
        }
      ]
    }
    "#);
    let document = json!({"names": ["fine", "not fine", "x".repeat(129)]});
    let fault = world.ask_with::<config::Unset>(document, &facts).unwrap_err();
    assert_eq!(fault.details["problems"].as_array().unwrap().len(), 3);
    assert_eq!(fault.details["pointer"], "/names/1");
}

#[test]
fn names_and_values_may_be_as_long_as_is_said_and_no_longer() {
    let mut world = World::local();
    let value = |bytes: usize| Value::from("x".repeat(bytes - 2));
    set(&mut world, json!({"values": {"n".repeat(128): value(64 * 1024)}})).unwrap();
    for values in [json!({"n".repeat(129): 1}), json!({"n": value(64 * 1024 + 1)}), json!({})] {
        let fault = set(&mut world, json!({"values": values})).unwrap_err();
        assert_eq!(fault.kind, Kind::InvalidInput);
    }
    let fault = world
        .ask_with::<config::Unset>(json!({"names": []}), &config::ConfigFacts::default())
        .unwrap_err();
    assert_eq!(fault.details["pointer"], "/names");
    let document = json!({"bundle_id": "shop", "config": {"a b": 1}});
    let fault = world.ask::<bundles::Add>(document).unwrap_err();
    assert_eq!(fault.details["pointer"], "/config/a b");
}

#[test]
fn what_a_change_would_make_effective_can_be_asked_first() {
    let (mut world, defaults) = layered();
    let deployment_id = Some(handle_of("fast2flow"));
    let answers = config::SetAnswers {
        deployment_id: deployment_id.clone(),
        values: map(json!({"size": 9})),
    };
    let wanted = json!({"colour": {"r": 1}, "old": true, "region": "eu", "size": 9, "title": "Hi"});
    let result = config::set_result(&world.memory, &answers, Some(&defaults)).unwrap();
    assert_eq!(Value::from(result), wanted);
    let answers = config::UnsetAnswers { deployment_id: None, names: vec!["size".into()] };
    let result = config::unset_result(&world.memory, &answers, None).unwrap();
    assert_eq!(Value::from(result), json!({"colour": "green", "region": "eu"}));
    set(&mut world, json!({"deployment_id": "fast2flow", "values": {"size": 9}})).unwrap();
    let shown = config::show(&world.memory, deployment_id.as_ref(), Some(&defaults)).unwrap();
    let values = shown.values.into_iter().map(|shown| (shown.name, shown.value));
    assert_eq!(Value::from(values.collect::<Map<_, _>>()), wanted);
}

fn layer() -> impl Strategy<Value = Map<String, Value>> {
    let entry = ("[a-e]", 0..3_u8);
    prop::collection::vec(entry, 0..6)
        .prop_map(|entries| entries.into_iter().map(|(name, value)| (name, value.into())).collect())
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn the_highest_layer_that_has_a_name_gives_its_value(
        declared in prop::option::of((layer(), layer())),
        environment in layer(),
        deployment in prop::option::of(layer()),
    ) {
        let declared = declared
            .map(|(defaults, legacy)| config::Declared { defaults, legacy, names: None });
        let of_bundle = |name| {
            let declared = declared.as_ref()?;
            declared.legacy.get(name).or_else(|| declared.defaults.get(name))
        };
        let merged = config::effective(declared.as_ref(), &environment, deployment.as_ref());
        for name in ["a", "b", "c", "d", "e"] {
            let highest = deployment.as_ref().and_then(|layer| layer.get(name))
                .or_else(|| environment.get(name))
                .or_else(|| of_bundle(name));
            prop_assert_eq!(merged.get(name), highest);
        }
    }
}

#[test]
fn what_a_bundle_does_not_know_of_the_environment_is_not_given_to_it() {
    let (mut world, declared) = layered();
    let names = Some(["colour".to_owned(), "title".to_owned()].into());
    let declared = config::Declared { names, ..declared };
    let bundle =
        revisions::StagedBundle { config: declared, ..staged_bundle("fast2flow", "1.1.0") };
    let staged = world.ask_with::<revisions::Stage>(json!({"bundle": "./x.gtbundle"}), &bundle);
    let revision = world.revision(staged.unwrap()["revision_id"].as_str().unwrap());
    let pinned = json!({"colour": {"r": 1}, "old": true, "size": 1, "title": "Hi"});
    assert_eq!(
        Value::Object(revision.config),
        pinned,
        "size is the default, not the environment's"
    );
}
