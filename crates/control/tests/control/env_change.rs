//! `env update` and `env destroy`.

use control::{Lookup as _, bundles, env};
use deploy_spec::Kind;
use serde_json::json;

use crate::verbs::init_again;
use crate::world::World;

#[test]
fn update_merges_what_is_given() {
    let mut world = World::local();
    let both = json!({"name": "Here", "host_config": {"trusted_peers": ["10.0.0.1"]}});
    world.ask::<env::Update>(both).unwrap();
    let header = json!({"host_config": {"revision_header": false}});
    let updated = world.ask::<env::Update>(header.clone());
    insta::assert_snapshot!(world.told(&updated), @r#"
    {
      "environment_id": "local",
      "generation": 2,
      "host_config": {
        "revision_header": false,
        "trusted_peers": [
          "10.0.0.1"
        ]
      },
      "name": "Here"
    }
    "#);
    let before = world.memory.clone();
    assert_eq!(world.ask::<env::Update>(header).unwrap(), updated.unwrap());
    assert_eq!(world.memory, before, "nothing changed");
    let none = json!({"host_config": {"trusted_peers": []}});
    let updated = world.ask::<env::Update>(none).unwrap();
    assert_eq!(updated["host_config"], json!({"revision_header": false}));
}

#[test]
fn an_update_that_says_nothing_or_nonsense_is_invalid() {
    let mut world = World::local();
    for nothing in [json!({}), json!({"host_config": {}})] {
        let fault = world.ask::<env::Update>(nothing);
        insta::allow_duplicates! {
            insta::assert_snapshot!(world.told(&fault), @r#"
            invalid-input: nothing is said that could be updated
            hint: give name, host_config.revision_header or host_config.trusted_peers
            {
              "pointer": ""
            }
            "#);
        }
    }
    for bad in [String::new(), "x".repeat(201), "a\nb".into()] {
        let fault = world.ask::<env::Update>(json!({"name": bad})).unwrap_err();
        assert_eq!((fault.kind, &fault.details["pointer"]), (Kind::InvalidInput, &json!("/name")));
    }
}

#[test]
fn destroy_is_confirmed_by_the_id() {
    let mut world = World::local();
    let before = world.memory.clone();
    for wrong in [json!({}), json!({"confirm": "prod-eu"}), json!({"confirm": ""})] {
        let fault = world.ask::<env::Destroy>(wrong);
        insta::allow_duplicates! {
            insta::assert_snapshot!(world.told(&fault), @r#"
            invalid-input: destroying `local` has to be confirmed by its id
            hint: gtc op env destroy local --confirm local
            {
              "pointer": "/confirm"
            }
            "#);
        }
    }
    assert_eq!(world.memory, before);
}

#[test]
fn what_still_deploys_is_not_destroyed() {
    let mut world = World::local();
    world.add("shop", "/shop");
    world.add("blog", "/blog");
    let refused = world.ask::<env::Destroy>(json!({"confirm": "local"}));
    insta::assert_snapshot!(world.told(&refused), @r#"
    refused: `local` still has 2 deployments
    hint: gtc op bundles remove D1; `gtc op bundles list` shows all
    {
      "deployment_count": 2
    }
    "#);
    for bundle in ["shop", "blog"] {
        world.ask::<bundles::Remove>(json!({"deployment_id": bundle})).unwrap();
    }
    let destroyed = world.ask::<env::Destroy>(json!({"confirm": "local"}));
    insta::assert_snapshot!(world.told(&destroyed), @r#"
    {
      "environment_id": "local",
      "retired_count": 2
    }
    "#);
    assert_eq!(world.memory.environment().unwrap_err().kind, Kind::NotFound);
    assert_eq!(
        world.ask::<env::Destroy>(json!({"confirm": "local"})).unwrap_err().kind,
        Kind::NotFound
    );
    let made = init_again(&mut world).unwrap();
    assert_eq!((&made["outcome"], &made["generation"]), (&json!("created"), &json!(0)));
    assert_eq!(
        bundles::list_retired(&world.memory, control::Page::default()).unwrap().deployments.len(),
        2
    );
}
