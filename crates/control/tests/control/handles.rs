//! Names that people type.

use control::{Handle, resolve_deployment, resolve_revision, revisions};
use deploy_spec::deployment::TAGS_MAX;
use deploy_spec::{Fault, Kind};
use serde_json::json;

use crate::world::{World, handle_of};

fn deployment(world: &World, handle: Option<&str>) -> Result<String, Fault> {
    resolve_deployment(&world.memory, handle.map(handle_of).as_ref())
        .map(|record| record.deployment.deployment_id.to_string())
}

fn revision(world: &World, of: Option<&str>, handle: &str) -> Result<String, Fault> {
    resolve_revision(&world.memory, of.map(handle_of).as_ref(), &handle_of(handle)).map(
        |(record, revision)| {
            assert_eq!(record.deployment.deployment_id, revision.deployment_id);
            revision.revision_id.to_string()
        },
    )
}

/// Two deployments made minutes apart, so that prefixes of their ids differ soon.
fn two() -> (World, [String; 2]) {
    let mut world = World::local();
    let shop = world.add("shop", "/shop");
    world.set_clock(1_900_000_000);
    let blog = world.add("blog", "/blog");
    (world, [shop, blog])
}

/// The shortest prefix of `a` that `b` does not share.
fn unique(a: &str, b: &str) -> String {
    let shared = a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count();
    a[..=shared].to_owned()
}

#[test]
fn a_deployment_is_meant_by_id_prefix_case_and_bundle() {
    let (world, [shop, blog]) = two();
    for (one, other, bundle) in [(&shop, &blog, "shop"), (&blog, &shop, "blog")] {
        let short = unique(one, other);
        for handle in [one, bundle, &short, &short.to_lowercase(), &one.to_lowercase()] {
            assert_eq!(deployment(&world, Some(handle)).as_ref(), Ok(one), "{handle}");
        }
    }
}

#[test]
fn no_handle_means_the_only_deployment() {
    let mut world = World::local();
    let none = deployment(&world, None);
    insta::assert_snapshot!(world.told(&none.map(|id| json!(id))), @"
    not-found: there is no deployment in `local` yet
    hint: gtc op bundles add
    {}
    ");
    let only = world.add("shop", "/");
    assert_eq!(deployment(&world, None), Ok(only));
    world.add("blog", "/blog");
    let several = deployment(&world, None);
    insta::assert_snapshot!(world.told(&several.map(|id| json!(id))), @r#"
    invalid-input: the deployment could be any of 2 deployments
    hint: say which deployment; `gtc op bundles list` shows them
    {
      "candidates": [
        "D1",
        "D2"
      ]
    }
    "#);
}

#[test]
fn an_ambiguous_name_lists_the_candidates() {
    let mut world = World::local();
    let mut ids: Vec<String> = (0..12).map(|i| world.add("shop", &format!("/{i}"))).collect();
    let fault = deployment(&world, Some("shop")).unwrap_err();
    assert_eq!(fault.kind, Kind::InvalidInput);
    ids.truncate(10);
    assert_eq!(fault.details["candidates"], json!(ids));
    assert_eq!(fault.message, "`shop` could be any of 12 deployments");
    assert!(fault.hint.is_some());
    let fault = deployment(&world, Some("01")).unwrap_err();
    assert_eq!(fault.details["candidates"], json!(ids));
}

#[test]
fn a_revision_is_meant_by_id_prefix_case_and_sequence() {
    let (mut world, [shop, _]) = two();
    let mut ids = Vec::new();
    for i in 0..3 {
        world.set_clock(2_000_000_000 + i * 100_000_000);
        ids.push(world.stage("shop"));
    }
    world.set_clock(2_500_000_000);
    let other = world.stage("blog");
    for (i, id) in ids.iter().enumerate() {
        let next = ids.get(i + 1).unwrap_or(&other);
        let previous = if i == 0 { next } else { &ids[i - 1] };
        let (a, b) = (unique(id, next), unique(id, previous));
        let short = if a.len() > b.len() { a } else { b };
        let sequence = format!("r{}", i + 1);
        for handle in [id, &id.to_lowercase(), &short, &short.to_lowercase()] {
            assert_eq!(revision(&world, None, handle).as_ref(), Ok(id), "{handle}");
            assert_eq!(revision(&world, Some("shop"), handle).as_ref(), Ok(id), "{handle}");
        }
        for handle in [&sequence, &sequence.to_uppercase()] {
            assert_eq!(revision(&world, Some("shop"), handle).as_ref(), Ok(id), "{handle}");
            for of in ["shop", &shop, &shop.to_lowercase()] {
                let both = format!("{of}/{handle}");
                assert_eq!(revision(&world, None, &both).as_ref(), Ok(id), "{both}");
                assert_eq!(revision(&world, Some("shop"), &both).as_ref(), Ok(id), "{both}");
            }
        }
        assert_eq!(revision(&world, None, &format!("shop/{id}")).as_ref(), Ok(id));
    }
    assert_eq!(revision(&world, None, "blog/r1"), Ok(other));
}

#[test]
fn a_sequence_alone_needs_the_only_deployment() {
    let (mut world, _) = two();
    world.stage("shop");
    let fault = revision(&world, None, "r1").unwrap_err();
    assert_eq!(
        (fault.kind, fault.details["candidates"].as_array().unwrap().len()),
        (Kind::InvalidInput, 2)
    );
    let mut world = World::serving(0);
    let id = world.stage("fast2flow");
    assert_eq!(revision(&world, None, "r1"), Ok(id));
}

#[test]
fn a_revision_of_another_deployment_is_not_meant() {
    let (mut world, [shop, blog]) = two();
    let mine = world.stage("shop");
    let other = world.stage("blog");
    for handle in
        [other.clone(), "blog/r1".into(), format!("{blog}/{other}"), format!("shop/{other}")]
    {
        let fault = revision(&world, Some(&shop), &handle).unwrap_err();
        assert_eq!(fault.kind, Kind::NotFound, "{handle}: {fault}");
    }
    assert_eq!(revision(&world, Some("shop"), &format!("{shop}/{mine}")), Ok(mine));
}

#[test]
fn sequences_are_found_where_ids_have_gaps() {
    let mut world = World::serving(0);
    let ids: Vec<String> = (0..4).map(|_| world.stage("fast2flow")).collect();
    let of = world.deployment("fast2flow").deployment.deployment_id;
    let key = control::Key::Revision(of, ids[0].parse().unwrap());
    world.memory.apply(&[control::Change::Delete { key }]);
    assert_eq!(revision(&world, None, "r3"), Ok(ids[2].clone()));
    assert_eq!(revision(&world, None, "r1").unwrap_err().kind, Kind::NotFound);
}

#[test]
fn a_tag_names_a_revision_of_its_deployment() {
    let mut world = World::serving(2);
    let of = |world: &World| world.deployment("fast2flow").deployment;
    let document = json!({"revision_id": "r2", "tag": "next"});
    world.ask::<revisions::Tag>(document).unwrap();
    let second = revision(&world, None, "r2").unwrap();
    for handle in ["next", "fast2flow/next"] {
        assert_eq!(revision(&world, None, handle), Ok(second.clone()));
    }
    // Again changes nothing; elsewhere, it moves.
    let generation = of(&world).generation;
    world.ask::<revisions::Tag>(json!({"revision_id": "next", "tag": "next"})).unwrap();
    assert_eq!(of(&world).generation, generation);
    world.ask::<revisions::Tag>(json!({"revision_id": "r1", "tag": "next"})).unwrap();
    assert_eq!(revision(&world, None, "next"), revision(&world, None, "r1"));
    world.ask::<revisions::Untag>(json!({"tag": "next"})).unwrap();
    assert_eq!(revision(&world, None, "next").unwrap_err().kind, Kind::NotFound);

    for i in 0..TAGS_MAX {
        let document = json!({"revision_id": "r1", "tag": format!("t{i}")});
        world.ask::<revisions::Tag>(document).unwrap();
    }
    let fault = world.ask::<revisions::Tag>(json!({"revision_id": "r1", "tag": "more"}));
    assert_eq!(fault.unwrap_err().kind, Kind::Refused);
    assert_eq!(of(&world).tags.len(), TAGS_MAX);
}

#[test]
fn what_names_nothing_is_not_found() {
    let (mut world, _) = two();
    world.stage("shop");
    let nobody = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
    for handle in [nobody, "zzz", "sho", "shop-2", "8", "shop/r1", "-", "/", "a/b/c"] {
        let fault = deployment(&world, Some(handle)).unwrap_err();
        assert_eq!(fault.kind, Kind::NotFound, "{handle}");
        assert_eq!(fault.hint.as_deref(), Some("gtc op bundles list"), "{handle}");
    }
    for handle in ["r2", "r0", "r01", "r", "r-1", nobody, "r99999999999999999999", "zzz"] {
        let fault = revision(&world, Some("shop"), handle).unwrap_err();
        assert_eq!(fault.kind, Kind::NotFound, "{handle}");
        assert_eq!(fault.hint.as_deref(), Some("gtc op revisions list"), "{handle}");
    }
    for handle in ["nope/r1", "shop/r2", nobody, "r0", "shop/shop/r1", "shop/next"] {
        assert_eq!(revision(&world, None, handle).unwrap_err().kind, Kind::NotFound, "{handle}");
    }
    // A tag is one of a deployment, and there are two.
    for handle in ["/r1", "shop/", "/", "next"] {
        assert_eq!(
            revision(&world, None, handle).unwrap_err().kind,
            Kind::InvalidInput,
            "{handle}"
        );
    }
}

#[test]
fn hostile_text_is_no_handle_and_is_shown_harmlessly() {
    let long = "a".repeat(129);
    for bad in
        ["", " ", "r 1", "../../etc", "a\0b", "\u{1b}[2J", "ré", "r1\n", "a;rm", "%2e", "*", &long]
    {
        let why = bad.parse::<Handle>().unwrap_err();
        assert!(!why.chars().any(char::is_control), "{why:?}");
        assert!(why.len() < 1_000);
    }
    assert!("a".repeat(128).parse::<Handle>().is_ok());
}
