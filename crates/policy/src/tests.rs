use std::os::unix::fs::PermissionsExt as _;

use super::*;

fn verbs() -> Vec<Verb> {
    let verb = |noun: &str, verb: &str, access| (noun.to_owned(), verb.to_owned(), access);
    vec![
        verb("env", "create", Access::Write),
        verb("env", "show", Access::Read),
        verb("traffic", "set", Access::Write),
        verb("traffic", "show", Access::Read),
    ]
}

struct Store(tempfile::TempDir);

impl Store {
    fn with(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        }
        Self(folder)
    }

    fn asks(&self, user: &str, uid: u32, action: &str, environment: &str) -> Authorization {
        let (noun, verb) = action.split_once('.').unwrap();
        let environment = environment.parse().unwrap();
        let request = Request { user, uid, noun, verb, environment: &environment };
        authorize(self.0.path(), &verbs(), &request)
    }

    fn permits(&self, user: &str, action: &str, environment: &str) -> bool {
        self.asks(user, own(), action, environment).decision == Permission::Allow
    }
}

/// The account that runs the test, which owns what it makes.
fn own() -> u32 {
    let folder = tempfile::tempdir().unwrap();
    files::owner(folder.path()).unwrap()
}

#[test]
fn without_policies_the_owner_has_local_and_nobody_anything_else() {
    for files in [&[][..], &[("unrelated.cedar", "")]] {
        let store = Store::with(files);
        let mine = store.asks("ada", own(), "traffic.set", "local");
        assert_eq!((mine.decision, mine.policy.as_str()), (Permission::Allow, LOCAL_OWNER));
        let elsewhere = store.asks("ada", own(), "env.create", "prod-eu");
        assert_eq!((elsewhere.decision, elsewhere.policy.as_str()), (Permission::Deny, CLOSED));
        let stranger = store.asks("eve", own() + 1, "traffic.show", "local");
        assert_eq!((stranger.decision, stranger.policy.as_str()), (Permission::Deny, CLOSED));
    }
}

#[test]
fn the_smallest_grant_permits_exactly_what_it_says() {
    for user in ["ada", "o'brien \"the\" \\ one", "ünïcode\n"] {
        let environment = "prod-eu".parse().unwrap();
        let request =
            Request { user, uid: own(), noun: "env", verb: "create", environment: &environment };
        let grant = smallest_grant(&request);
        let store = Store::with(&[("policy.cedar", &grant)]);
        let granted = store.asks(user, own(), "env.create", "prod-eu");
        assert_eq!(granted.decision, Permission::Allow, "{grant}");
        assert_eq!(granted.policy, "policy.cedar#1");
        assert!(!store.permits("bob", "env.create", "prod-eu"));
        assert!(!store.permits(user, "env.show", "prod-eu"));
        assert!(!store.permits(user, "env.create", "prod-us"));
    }
}

#[test]
fn groups_of_verbs_can_be_granted() {
    let store = Store::with(&[(
        "watchers.cedar",
        "permit (principal, action in Action::\"read\", resource == Environment::\"prod\");",
    )]);
    assert!(store.permits("ada", "env.show", "prod"));
    assert!(store.permits("ada", "traffic.show", "prod"));
    assert!(!store.permits("ada", "traffic.set", "prod"));
}

#[test]
fn what_is_forbidden_is_forbidden_on_local_too() {
    let store = Store::with(&[(
        "freeze.cedar",
        "permit (principal, action, resource);\n\
         forbid (principal, action == Action::\"traffic.set\", resource);",
    )]);
    let frozen = store.asks("ada", own(), "traffic.set", "local");
    assert_eq!((frozen.decision, frozen.policy.as_str()), (Permission::Deny, "freeze.cedar#2"));
    assert!(frozen.reason.contains("forbids"));
    assert!(store.permits("ada", "env.create", "prod"));
}

#[test]
fn policies_that_cannot_be_understood_permit_nothing_and_leave_local_to_its_owner() {
    let allow_all = "permit (principal, action, resource);";
    for bad in [
        "permit (principal, action, resource",
        "permit (principal, action == Action::\"traffic.sett\", resource);",
        "permit (principal, action, resource) when { principal.age > 3 };",
        "permit (principal == Team::\"x\", action, resource);",
    ] {
        let store = Store::with(&[("a.cedar", allow_all), ("b.cedar", bad)]);
        let refused = store.asks("ada", own(), "env.create", "prod");
        assert_eq!(refused.decision, Permission::Deny, "{bad}");
        assert!(refused.reason.contains("not obeyed"), "{}", refused.reason);
        assert!(store.permits("ada", "traffic.set", "local"), "{bad}");
    }
}

#[test]
fn a_policy_that_others_could_have_written_is_not_obeyed() {
    let store = Store::with(&[("a.cedar", "permit (principal, action, resource);")]);
    assert!(store.permits("ada", "env.create", "prod"));
    let file = store.0.path().join("a.cedar");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o620)).unwrap();
    assert!(!store.permits("ada", "env.create", "prod"));
    std::fs::remove_file(&file).unwrap();
    std::os::unix::fs::symlink("/dev/null", &file).unwrap();
    let refused = store.asks("ada", own(), "env.create", "prod");
    assert!(refused.reason.contains("no plain file"), "{}", refused.reason);
}

#[test]
fn an_explanation_shows_what_is_missing() {
    let store = Store::with(&[]);
    let environment = "prod-eu".parse().unwrap();
    let request =
        Request { user: "ada", uid: own(), noun: "env", verb: "create", environment: &environment };
    let explained = explain(store.0.path(), &verbs(), &request);
    assert_eq!(explained.smallest_grant.as_deref(), Some(smallest_grant(&request).as_str()));
    assert!(explained.policy_file.ends_with("/policy.cedar"));
}
