//! An old state tree moves once, whole or not at all, and whatever stops it is named.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;

use deploy_spec::{Fault, Kind};
use migrate::state::{Moved, RealSteps, plan_state};

use crate::old_tree::{Files, OldTree, Stopping, Trouble};

const TREE: [(&str, &str); 6] = [
    ("state/deploy/aws/acme/local/a/plan.json", "{}"),
    ("state/deploy/aws/acme/local/a/tf/main.tf", "resource"),
    ("state/deploy/aws/acme/local/b/x", ""),
    ("state/deploy/aws/acme/local/note", "a file beside the scopes"),
    ("state/deploy/k8s/umbrella.co/dev/c/y", "of dev"),
    ("state/deploy/aws/acme/prod/p/z", "of prod"),
];

/// The files of [`TREE`] that are moved, by their place below `legacy`.
fn moved() -> Files {
    let place = |path: &str| {
        let path = path.strip_prefix("state/deploy/").unwrap();
        path.replace("/local/", "/").replace("/dev/", "/")
    };
    TREE[..5].iter().map(|(path, text)| (place(path), (*text).to_owned())).collect()
}

/// The files below `legacy`, without what is known of the migration.
fn legacy(tree: &OldTree) -> Files {
    let mut files = tree.files("environments/local/legacy");
    files.retain(|path, _| path.contains('/'));
    files
}

fn leftovers(fault: &Fault) -> Vec<String> {
    let left = fault.details["leftovers"].as_array().unwrap().iter();
    left.map(|left| left["path"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_tree_moves_below_the_environment_once() {
    let tree = OldTree::new(&TREE);
    let plan = plan_state(&tree.store("local"), &tree.home()).unwrap();
    assert_eq!(plan.moves.len(), 4);
    assert_eq!(plan.leftovers, []);
    assert_eq!(plan.elsewhere.len(), 1, "of prod");
    let before = tree.files("");
    assert_eq!(tree.migrate().unwrap().moves, plan.moves);
    assert_eq!(legacy(&tree), moved());
    let left: Vec<String> = tree.files("state").into_keys().collect();
    assert_eq!(left, ["deploy/aws/acme/prod/p/z"]);
    assert!(before.len() < tree.files("").len(), "a record of it is kept");

    let done = tree.files("");
    let again = tree.migrate().unwrap();
    assert_eq!(again.moves, []);
    assert_eq!(again.migrated_at, Some(crate::old_tree::holder().since));
    let plan = plan_state(&tree.store("local"), &tree.home()).unwrap();
    assert_eq!((plan.moves.len(), plan.migrated_at), (0, again.migrated_at));
    assert_eq!(tree.files(""), done, "the second run changes nothing");

    let other = tree.migrate_by(&RealSteps, "prod").unwrap();
    assert_eq!((other.moves.len(), other.migrated_at), (1, None));
    assert_eq!(tree.files("state").len(), 0);
}

#[test]
fn what_is_moved_becomes_private() {
    let tree = OldTree::new(&TREE);
    let file = tree.at("state/deploy/aws/acme/local/a/tf/main.tf");
    fs::set_permissions(file, fs::Permissions::from_mode(0o755)).unwrap();
    tree.migrate().unwrap();
    let mode = |path: &str| {
        fs::metadata(tree.at(&format!("environments/local/legacy/{path}"))).unwrap().mode() & 0o777
    };
    assert_eq!(mode("aws/acme/a/tf/main.tf"), 0o600);
    for folder in ["", "aws", "aws/acme", "aws/acme/a", "aws/acme/a/tf"] {
        assert_eq!(mode(folder), 0o700, "{folder}");
    }
}

#[test]
fn without_a_tree_there_is_nothing_to_do() {
    for files in [&[][..], &[("state/deploy/aws/acme/prod/p/z", "")]] {
        let tree = OldTree::new(files);
        let before = tree.files("environments/prod");
        let nothing = Moved { moves: vec![], migrated_at: None };
        assert_eq!(tree.migrate(), Ok(nothing));
        assert_eq!(tree.files("environments/prod"), before);
        assert!(legacy(&tree).is_empty());
    }
}

#[test]
fn every_folder_that_may_hold_a_tree_is_understood() {
    let tree = OldTree::new(&[
        ("p/deploy/aws/acme/local/s/x", "1"),
        ("q/state/deploy/gcp/t/local/s/y", "2"),
    ]);
    let count = |from: &str| plan_state(&tree.store("local"), &tree.at(from)).unwrap().moves.len();
    assert_eq!([count("p"), count("p/deploy"), count("q"), count("q/state")], [1; 4]);
    assert_eq!(count("q/state/deploy"), 1);
    let absent = plan_state(&tree.store("local"), &tree.at("absent")).unwrap_err();
    assert_eq!(absent.kind, Kind::NotFound);
}

#[test]
fn leftovers_are_all_named_in_order_and_nothing_moves() {
    let tree = OldTree::new(&TREE);
    let deploy = |path: &str| tree.at(&format!("state/deploy/{path}"));
    for (path, text) in [
        ("README", "a file where a provider belongs"),
        ("aws/lock", "a file where a tenant belongs"),
        ("aws/acme/stray.json", "a file where an environment belongs"),
        (".hidden/t/local/x", "no provider"),
        ("aws/acme/Not_An_Env/x", "no environment"),
        ("aws/acme/staging/x", "an environment that does not exist"),
        ("k8s/umbrella.co/local/c/y", "would be where `dev/c` is to be"),
    ] {
        tree.write(&format!("state/deploy/{path}"), text);
    }
    tree.write("environments/local/legacy/aws/acme/b/x", "is there already");
    symlink("/nowhere", deploy("aws/acme/local/a/link")).unwrap();
    symlink("/", deploy("aws/linked")).unwrap();
    let _socket = UnixListener::bind(deploy("aws/acme/local/b/socket")).unwrap();
    let before = tree.files("");
    let fault = tree.migrate().unwrap_err();
    assert_eq!(fault.kind, Kind::Refused);
    let expected = [
        ".hidden",
        "README",
        "aws/acme/Not_An_Env",
        "aws/acme/local/a/link",
        "aws/acme/local/b",
        "aws/acme/local/b/socket",
        "aws/acme/staging",
        "aws/acme/stray.json",
        "aws/linked",
        "aws/lock",
        "k8s/umbrella.co/local/c",
    ];
    assert_eq!(leftovers(&fault), expected.map(|path| deploy(path).display().to_string()));
    let mut after = tree.files("");
    after.retain(|path, _| before.contains_key(path));
    assert_eq!(after, before);
    let plan = plan_state(&tree.store("local"), &tree.home()).unwrap();
    assert_eq!(serde_json::json!(plan.leftovers), fault.details["leftovers"]);
}

#[test]
fn what_appears_after_the_move_is_not_moved_again() {
    let tree = OldTree::new(&TREE);
    tree.migrate().unwrap();
    tree.write("state/deploy/aws/acme/local/late/x", "late");
    let fault = tree.migrate().unwrap_err();
    assert_eq!(fault.kind, Kind::Refused);
    assert_eq!(leftovers(&fault).len(), 1);
    assert_eq!(legacy(&tree), moved());
    tree.write("other/deploy/aws/acme/local/late/x", "another tree");
    let plan = plan_state(&tree.store("local"), &tree.at("other")).unwrap();
    assert_eq!((plan.moves.len(), plan.leftovers.len()), (1, 0));
}

#[test]
fn an_environment_that_does_not_exist_gets_nothing() {
    let tree = OldTree::new(&TREE);
    fs::remove_dir_all(tree.at("environments/local")).unwrap();
    assert_eq!(tree.migrate().unwrap_err().kind, Kind::NotFound);
    assert_eq!(tree.files("state").len(), TREE.len());
}

#[test]
fn dev_belongs_to_an_environment_of_that_name_if_there_is_one() {
    let tree = OldTree::new(&TREE);
    tree.write("environments/dev/environment.json", "{}");
    let plan = plan_state(&tree.store("local"), &tree.home()).unwrap();
    assert_eq!((plan.moves.len(), plan.elsewhere.len()), (3, 2));
}

/// Whatever was there is there, at its old place or its new one, with the same text.
fn assert_nothing_is_lost(tree: &OldTree, context: &str) {
    let (old, new) = (tree.files("state/deploy"), legacy(tree));
    for (path, text) in &TREE[..5] {
        let path = path.strip_prefix("state/deploy/").unwrap();
        let place = path.replace("/local/", "/").replace("/dev/", "/");
        let found = old.get(path).or_else(|| new.get(&place));
        assert_eq!(found.map(String::as_str), Some(*text), "{context}: {path}");
    }
    assert_eq!(old.get("aws/acme/prod/p/z").map(String::as_str), Some("of prod"), "{context}");
}

fn assert_done(tree: &OldTree, context: &str) {
    assert_eq!(legacy(tree), moved(), "{context}");
    let left: Vec<String> = tree.files("state").into_keys().collect();
    assert_eq!(left, ["deploy/aws/acme/prod/p/z"], "{context}");
    let done = tree.files("");
    assert_eq!(tree.migrate().unwrap().moves, [], "{context}");
    assert_eq!(tree.files(""), done, "{context}: done twice");
}

fn each_trouble(is_across: bool, mut try_it: impl FnMut(&OldTree, Stopping, &str)) {
    let border = |tree: &OldTree| is_across.then(|| tree.at("state"));
    let tree = OldTree::new(&TREE);
    let whole = Stopping::new(Trouble::Nothing, border(&tree));
    tree.migrate_by(&whole, "local").unwrap();
    assert!(whole.count() > 30);
    for n in 0..whole.count() {
        for trouble in [Trouble::StopAt(n), Trouble::FailOnce(n)] {
            let tree = OldTree::new(&TREE);
            let steps = Stopping::new(trouble, border(&tree));
            try_it(&tree, steps, &format!("{trouble:?}, across disks: {is_across}"));
        }
    }
}

#[test]
fn stopped_at_any_step_the_next_run_finishes_or_starts_anew() {
    for is_across in [false, true] {
        each_trouble(is_across, |tree, steps, context| {
            let first = tree.migrate_by(&steps, "local");
            let context = format!("{context}, after `{}`", steps.last());
            let fault = first.expect_err(&context);
            assert_eq!(fault.kind, Kind::Unavailable, "{context}");
            assert_nothing_is_lost(tree, &context);
            let plan = plan_state(&tree.store("local"), &tree.home()).unwrap();
            assert!(plan.leftovers.is_empty(), "{context}: {:?}", plan.leftovers);
            // The record of it may be there while its folder could not be synced.
            if plan.migrated_at.is_none() {
                assert!(!tree.migrate().unwrap().moves.is_empty(), "{context}");
            }
            assert_done(tree, &context);
        });
    }
}

#[test]
fn stopped_twice_it_is_finished_by_the_third_run() {
    each_trouble(true, |tree, steps, context| {
        let _ = tree.migrate_by(&steps, "local");
        let again = Stopping::new(Trouble::StopAt(steps.count() % 17), Some(tree.at("state")));
        let _ = tree.migrate_by(&again, "local");
        assert_nothing_is_lost(tree, context);
        let _ = tree.migrate().unwrap();
        assert_done(tree, context);
    });
}

#[test]
fn a_copy_that_somebody_changed_keeps_the_original() {
    let tree = OldTree::new(&TREE);
    let across = || Some(tree.at("state"));
    let whole = OldTree::new(&TREE);
    let all = Stopping::new(Trouble::Nothing, Some(whole.at("state")));
    whole.migrate_by(&all, "local").unwrap();
    let is_copied = || tree.at("environments/local/legacy/aws/acme/a").exists();
    let stopped = (0..all.count()).find(|n| {
        let _ = tree.migrate_by(&Stopping::new(Trouble::StopAt(*n), across()), "local");
        is_copied()
    });
    assert!(stopped.is_some() && tree.at("state/deploy/aws/acme/local/a/plan.json").exists());
    tree.write("environments/local/legacy/aws/acme/a/plan.json", "changed");
    assert_eq!(tree.migrate().unwrap_err().kind, Kind::Unavailable);
    assert!(tree.at("state/deploy/aws/acme/local/a/plan.json").exists());
}
