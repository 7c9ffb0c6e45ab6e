//! What the policies say, and what holds without any.

use std::os::unix::fs::PermissionsExt;

use proptest::prelude::*;
use proptest::sample;

use super::*;

fn verbs() -> Vec<Verb<'static>> {
    let verb = |noun, verb, access| Verb { noun, verb, access };
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

    let store = Store::with(&[(
        "shifters.cedar",
        "permit (principal, action in Action::\"traffic\", resource == Environment::\"prod\");",
    )]);
    assert!(store.permits("ada", "traffic.show", "prod"));
    assert!(store.permits("ada", "traffic.set", "prod"));
    assert!(!store.permits("ada", "env.show", "prod"));
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
    for (bad, said) in [
        ("// fine\npermit (principal, action, resource", "`b.cedar:2`"),
        ("permit (principal, action == Action::\"traffic.sett\", resource);", "traffic.sett"),
        ("permit (principal, action, resource) when { principal.age > 3 };", "b.cedar#1"),
        ("permit (principal == Team::\"x\", action, resource);", "Team"),
        ("permit (principal == ?principal, action, resource);", "template"),
    ] {
        let store = Store::with(&[("a.cedar", allow_all), ("b.cedar", bad)]);
        let refused = store.asks("ada", own(), "env.create", "prod");
        assert_eq!(
            (refused.decision, refused.policy.as_str()),
            (Permission::Deny, BROKEN),
            "{bad}"
        );
        let reason = &refused.reason;
        assert!(reason.contains("not obeyed") && reason.contains(said), "{bad}: {reason}");
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
fn a_folder_that_others_may_write_has_no_policies_worth_obeying() {
    let store = Store::with(&[("a.cedar", "permit (principal, action, resource);")]);
    let mode = |mode| std::fs::set_permissions(store.0.path(), PermissionsExt::from_mode(mode));
    mode(0o777).unwrap();
    assert_eq!(store.asks("ada", own(), "env.create", "prod").policy, BROKEN);
    mode(0o755).unwrap();
    assert!(store.permits("ada", "env.create", "prod"));
}

/// A user of any name, the owner or not, any verb, on one of two environments.
fn anything() -> impl Strategy<Value = (String, u32, &'static str, &'static str)> {
    const ACTIONS: [&str; 4] = ["env.create", "env.show", "traffic.set", "traffic.show"];
    ("\\PC{0,8}", 0..2u32, sample::select(&ACTIONS), sample::select(&["local", "prod"]))
}

proptest! {
    /// Without policies Cedar is not asked; it would have said the same.
    #[test]
    fn the_short_way_says_what_the_long_way_says((user, stranger, action, env) in anything()) {
        let short = Store::with(&[]).asks(&user, own() + stranger, action, env);
        let long = Store::with(&[("a.cedar", "")]).asks(&user, own() + stranger, action, env);
        prop_assert_eq!((short.decision, short.policy), (long.decision, long.policy));
    }

    /// Whatever is permitted, what is forbidden is forbidden.
    #[test]
    fn a_forbidding_policy_wins((user, stranger, action, env) in anything()) {
        let forbid = format!(
            "forbid (principal, action == Action::{action:?}, resource == Environment::{env:?});"
        );
        let store = Store::with(&[
            ("a.cedar", "permit (principal, action, resource);"),
            ("b.cedar", &forbid),
        ]);
        let asked = store.asks(&user, own() + stranger, action, env);
        prop_assert_eq!((asked.decision, asked.policy.as_str()), (Permission::Deny, "b.cedar#1"));
    }

    /// The smallest grant grants what was asked, and nothing beside it.
    #[test]
    fn a_grant_is_the_smallest(one in anything(), other in anything()) {
        let (user, stranger, action, env) = one.clone();
        let (noun, verb) = action.split_once('.').unwrap();
        let environment = env.parse().unwrap();
        let request = Request { user: &user, uid: 0, noun, verb, environment: &environment };
        let store = Store::with(&[("a.cedar", &smallest_grant(&request))]);
        let granted = store.asks(&user, own() + stranger, action, env);
        prop_assert_eq!(granted.decision, Permission::Allow);
        let same = (&one.0, one.2, one.3) == (&other.0, other.2, other.3);
        let by_default = other.1 == 0 && other.3 == "local";
        let asked = store.asks(&other.0, own() + other.1, other.2, other.3);
        prop_assert_eq!(asked.decision == Permission::Allow, same || by_default);
    }
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
