//! What `dev` stands for.

use deploy_spec::{EnvironmentId, Kind, Timestamp};
use migrate::alias::{self, Resolved, Switch};
use store::Root;

fn id(name: &str) -> EnvironmentId {
    name.parse().unwrap()
}

fn root() -> (tempfile::TempDir, Root) {
    let dir = tempfile::tempdir().unwrap();
    let root = Root::new(dir.path().join("environments"));
    (dir, root)
}

fn itself(name: &str) -> Resolved {
    Resolved { environment: id(name), warning: None }
}

#[test]
fn dev_is_itself_until_there_is_an_alias() {
    let (_dir, root) = root();
    for switch in [Switch::On, Switch::Off] {
        assert_eq!(alias::resolve(&root, &id("dev"), switch), Ok(itself("dev")));
    }
    assert_eq!(alias::read(&root), Ok(None));
}

#[test]
fn the_alias_stands_for_local_and_warns() {
    let (_dir, root) = root();
    let first = alias::write(&root, &EnvironmentId::local(), Timestamp::UNIX_EPOCH).unwrap();
    let later = Timestamp::from_second(9).unwrap();
    assert_eq!(alias::write(&root, &EnvironmentId::local(), later), Ok(first.clone()));
    assert_eq!(alias::read(&root), Ok(Some(first)));
    let resolved = alias::resolve(&root, &id("dev"), Switch::On).unwrap();
    assert_eq!(resolved.environment, EnvironmentId::local());
    assert!(resolved.warning.unwrap().contains("type `local`"));
    for other in ["local", "prod", "develop"] {
        assert_eq!(alias::resolve(&root, &id(other), Switch::Off), Ok(itself(other)));
    }
    assert_eq!(root.environments(), Ok(vec![]), "the alias is no environment");
}

#[test]
fn turned_off_it_says_what_to_type() {
    let (_dir, root) = root();
    alias::write(&root, &EnvironmentId::local(), Timestamp::UNIX_EPOCH).unwrap();
    let fault = alias::resolve(&root, &id("dev"), Switch::Off).unwrap_err();
    assert_eq!(fault.kind, Kind::Refused);
    assert_eq!(fault.hint.as_deref(), Some("type `local` instead of `dev`"));
}

#[test]
fn an_environment_that_is_called_dev_is_meant_by_its_name() {
    let (_dir, root) = root();
    alias::write(&root, &EnvironmentId::local(), Timestamp::UNIX_EPOCH).unwrap();
    let folder = root.path().join("dev");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("environment.json"), "{}").unwrap();
    for switch in [Switch::On, Switch::Off] {
        assert_eq!(alias::resolve(&root, &id("dev"), switch), Ok(itself("dev")));
    }
}

#[test]
fn an_alias_that_cannot_be_understood_is_said_to_be_so() {
    let (_dir, root) = root();
    std::fs::create_dir(root.path()).unwrap();
    for text in ["", "{}", r#"{"schema":"greentic.alias.v2"}"#, "\u{0}"] {
        std::fs::write(root.path().join("alias.json"), text).unwrap();
        let fault = alias::resolve(&root, &id("dev"), Switch::On).unwrap_err();
        assert_eq!(fault.kind, Kind::Unavailable, "{text}");
        assert!(fault.hint.unwrap().contains("alias.json"));
    }
}

#[test]
fn the_variable_turns_it_off_in_the_usual_words() {
    for word in ["1", "true", "YES", " on "] {
        assert_eq!(Switch::disabled_by(Some(word)), Switch::Off, "{word}");
    }
    for word in [None, Some(""), Some("0"), Some("false"), Some("no"), Some("10")] {
        assert_eq!(Switch::disabled_by(word), Switch::On, "{word:?}");
    }
}
