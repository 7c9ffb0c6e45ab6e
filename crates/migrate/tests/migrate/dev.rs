//! The name `dev`: found wherever an older install used it, rewritten where that is safe.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;

use control::env::{DevAction, DevUse};
use deploy_spec::EnvironmentId;
use migrate::dev::{Bounds, Migrated, Search, find, migrate};
use proptest::prelude::*;

struct Install {
    dir: tempfile::TempDir,
}

impl Install {
    fn new(files: &[(&str, &str)]) -> Self {
        let install = Self { dir: tempfile::tempdir().unwrap() };
        files.iter().for_each(|(path, text)| install.write(path, text));
        install
    }

    fn home(&self) -> &Path {
        self.dir.path()
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.home().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.home().join(path)).unwrap()
    }

    fn search(&self) -> Search {
        Search {
            roots: vec![self.home().to_owned()],
            store_root: self.home().join("environments"),
            to: EnvironmentId::local(),
            bounds: Bounds::default(),
        }
    }

    /// What is found: `<path>:<line> <kind> <action>`.
    fn found(&self) -> Vec<String> {
        let home = format!("{}/", self.home().canonicalize().unwrap().display());
        let line = |line: Option<u64>| line.map_or_else(|| "-".into(), |line| line.to_string());
        let shown = |f: control::env::DevFinding| {
            let path = f.path.replace(&home, "");
            format!("{path}:{} {:?} {:?}", line(f.line), f.kind, f.action)
        };
        find(&self.search()).into_iter().map(shown).collect()
    }

    fn migrate(&self) -> Migrated {
        migrate(&self.search())
    }
}

/// A file's name, what it says, and what it says afterwards.
const SAFE: [(&str, &str, &str); 12] = [
    ("a.json", "{\"env\": \"dev\"}", "{\"env\": \"local\"}"),
    (
        "b.json",
        "{\r\n\t\"environment_id\" : \"dev\",\r\n  \"n\": [1.50, null, \"dev\"]}\r\n",
        "{\r\n\t\"environment_id\" : \"local\",\r\n  \"n\": [1.50, null, \"dev\"]}\r\n",
    ),
    (
        "c.json",
        "{\"a\":{\"token\":\"secrets://dev/acme/_/x/y\"},\"environment\":{\"env_id\":\"dev\"}}",
        "{\"a\":{\"token\":\"secrets://local/acme/_/x/y\"},\"environment\":{\"env_id\":\"local\"}}",
    ),
    (
        "d.yaml",
        "# env: dev\nenv:   dev   # the old name\nother: 'dev'\nenv_id: \"dev\"\n",
        "# env: dev\nenv:   local   # the old name\nother: 'dev'\nenv_id: \"local\"\n",
    ),
    (
        "e.yml",
        "entries:\n- uri: secrets://dev/a/_/b\n  value: {env: 'dev'}\n---\nenvironment: dev\n",
        "entries:\n- uri: secrets://local/a/_/b\n  value: {env: 'local'}\n---\nenvironment: local\n",
    ),
    (
        "f.toml",
        "env = \"dev\" # kept\n[environment]\nenv_id = 'dev'\n[dev]\ndefault_env = \"dev\"\n",
        "env = \"local\" # kept\n[environment]\nenv_id = 'local'\n[dev]\ndefault_env = \"local\"\n",
    ),
    ("g.yaml", "environments: [dev, prod]\n", "environments: [local, prod]\n"),
    (
        "h.yaml",
        "env:\n  - name: GREENTIC_ENV\n    value: dev\n  - name: MODE\n    value: dev\n",
        "env:\n  - name: GREENTIC_ENV\n    value: local\n  - name: MODE\n    value: dev\n",
    ),
    (
        "i.yaml",
        "text: |\n  see secret://dev/a\n  and ü\nenv: dev\n",
        "text: |\n  see secret://local/a\n  and ü\nenv: local\n",
    ),
    ("j.yaml", "name: &e dev\nenv: &x dev\nüber: ä\n", "name: &e dev\nenv: &x local\nüber: ä\n"),
    (
        "k.json",
        "\u{feff}{\"env\":\"dev\",\"ü\":\"😀\"}",
        "\u{feff}{\"env\":\"local\",\"ü\":\"😀\"}",
    ),
    ("l.json", "{\"env\":\"dev\",\"env\":\"dev\"}", "{\"env\":\"local\",\"env\":\"local\"}"),
];

#[test]
fn only_the_value_is_rewritten() {
    let install = Install::new(&SAFE.map(|(name, before, _)| (name, before)));
    let done = install.migrate();
    assert_eq!(done.left, []);
    assert!(done.rewritten.len() >= SAFE.len());
    for (name, _, after) in SAFE {
        assert_eq!(install.read(name), after, "{name}");
    }
    assert_eq!(install.migrate(), Migrated::default(), "a second time there is nothing to do");
}

#[test]
fn each_use_is_named_by_file_and_line() {
    let install = Install::new(&SAFE.map(|(name, before, _)| (name, before))[3..6]);
    assert_eq!(
        install.found(),
        [
            "d.yaml:2 Field Rewrite",
            "d.yaml:4 Field Rewrite",
            "e.yml:2 Reference Rewrite",
            "e.yml:3 Field Rewrite",
            "e.yml:5 Field Rewrite",
            "f.toml:1 Field Rewrite",
            "f.toml:3 Field Rewrite",
            "f.toml:5 Field Rewrite",
        ]
    );
}

#[test]
fn what_only_looks_like_the_name_is_innocent() {
    let install = Install::new(&[
        ("a.json", r#"{"env":"development","log":"/dev/null","devices":["dev"],"dev":"dev"}"#),
        ("b.yaml", "env: dev-eu\nmode: dev\nurl: secret://develop/x\n# env: dev\n"),
        ("c.toml", "[dev]\nstage = \"dev\"\n"),
        ("run.sh", "cat /dev/null > devices\nNODE=dev\n"),
        ("dev/notes.txt", "dev\n"),
        ("binary", "env=dev\0\n"),
        ("cache/x.json", r#"{"env":"dev"}"#),
        ("environments/local/x.json", r#"{"env":"dev"}"#),
        (".a.json.gtc-draft", "env=dev"),
    ]);
    assert_eq!(install.found(), [""; 0]);
}

#[test]
fn what_is_not_safe_is_left_as_it_is() {
    let files = [
        ("a.sh", "export GREENTIC_ENV=dev\n"),
        ("b.json", "{\"env\": \"dev\""),
        ("c.json", "{\"secrets://dev/a/b\": 1}"),
        ("d.yaml", "x: &e dev\nenv: *e\n"),
        ("e.yaml", "environments: [dev, local]\n"),
        ("f.json", "{\"env\": \"d\\u0065v\"}"),
        ("packs.lock.json", "{\"env\": \"dev\"}"),
        ("signed.json", "{\"env\": \"dev\"}"),
        ("signed.json.sig", "x"),
        ("state/deploy/aws/acme/dev/s/plan.json", "{\"env\": \"dev\"}"),
        ("state/deploy/aws/acme/prod/s/plan.json", "{\"env\": \"dev\"}"),
        ("state/runtime/acme/dev/s/plan.json", "{\"env\": \"dev\"}"),
        ("dev/.dev.secrets.env", "anything"),
        ("environments/dev/environment.json", "{}"),
    ];
    let install = Install::new(&files);
    assert_eq!(
        install.found(),
        [
            "a.sh:1 Text Leave",
            "b.json:1 Text Leave",
            "c.json:1 Key Leave",
            "d.yaml:2 Field Leave",
            "dev/.dev.secrets.env:- SecretStore Leave",
            "e.yaml:1 Field Leave",
            "environments/dev:- Environment Leave",
            "f.json:1 Field Leave",
            "packs.lock.json:1 Field Leave",
            "signed.json:1 Field Leave",
            "state/deploy/aws/acme/dev:- Folder Leave",
            "state/deploy/aws/acme/prod/s/plan.json:1 Field Leave",
            "state/runtime/acme/dev:- Folder Leave",
        ]
    );
    let done = install.migrate();
    assert_eq!((done.rewritten.len(), done.left.len()), (0, 13));
    for (name, text) in files {
        assert_eq!(install.read(name), text, "{name}");
    }
}

#[test]
fn mode_is_kept_and_other_names_of_a_file_are_respected() {
    let install = Install::new(&[("a.json", r#"{"env":"dev"}"#), ("b.json", r#"{"env":"dev"}"#)]);
    let at = |name: &str| install.home().join(name);
    fs::set_permissions(at("a.json"), fs::Permissions::from_mode(0o640)).unwrap();
    fs::hard_link(at("b.json"), at("b.hard")).unwrap();
    install.write("c.json", r#"{"env":"dev"}"#);
    fs::set_permissions(at("c.json"), fs::Permissions::from_mode(0o400)).unwrap();
    symlink(at("a.json"), at("link.json")).unwrap();
    let done = install.migrate();
    assert_eq!((done.rewritten.len(), done.left.len()), (1, 3), "{done:?}");
    assert_eq!(fs::metadata(at("a.json")).unwrap().mode() & 0o777, 0o640);
    assert_eq!(install.read("a.json"), r#"{"env":"local"}"#);
    assert_eq!(install.read("b.hard"), r#"{"env":"dev"}"#);
    assert!(fs::symlink_metadata(at("link.json")).unwrap().is_symlink());
}

#[test]
fn links_are_not_followed_and_roots_within_roots_count_once() {
    let elsewhere = Install::new(&[("x.json", r#"{"env":"dev"}"#)]);
    let install = Install::new(&[("in/a.json", r#"{"env":"dev"}"#)]);
    symlink(elsewhere.home(), install.home().join("out")).unwrap();
    let mut search = install.search();
    search.roots.push(install.home().join("in"));
    search.roots.push(install.home().join("absent"));
    assert_eq!(find(&search).len(), 1);
    assert_eq!(elsewhere.read("x.json"), r#"{"env":"dev"}"#);
}

#[test]
fn what_lies_beyond_the_bounds_is_said() {
    let big = format!("{{\"env\":\"dev\",\"x\":\"{}\"}}", "a".repeat(200));
    let install = Install::new(&[("big.json", &big), ("d/e/f/a.json", r#"{"env":"dev"}"#)]);
    let unknown = |bounds: Bounds| {
        let found = find(&Search { bounds, ..install.search() });
        let unseen = found.iter().filter(|f| f.kind == DevUse::Unknown).count();
        (unseen, found.len())
    };
    let bounds = Bounds::default();
    assert_eq!(unknown(bounds), (0, 2));
    assert_eq!(unknown(Bounds { file_bytes: 100, ..bounds }), (1, 2));
    assert_eq!(unknown(Bounds { depth: 2, ..bounds }), (1, 2));
    assert_eq!(unknown(Bounds { entries: 2, ..bounds }), (1, 2));
}

#[test]
fn a_document_that_is_nested_without_end_is_left() {
    let deep = format!("{}\"env:dev\"{}", "[".repeat(5000), "]".repeat(5000));
    let install = Install::new(&[("a.json", &deep), ("b.yaml", &deep)]);
    let done = install.migrate();
    assert!(done.rewritten.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_a_json_document_says_only_fields_and_references_change(
        names in prop::collection::vec(prop::sample::select(vec!["env", "x", "env_id", "dev", "ü"]), 1..6),
        values in prop::collection::vec(
            prop::sample::select(vec!["dev", "devel", "secret://dev/a", "a\"\\dev", "ü dev"]), 6),
        space in prop::sample::select(vec!["", " ", "\n", "\t\r\n"]),
    ) {
        let text = |env: &str| {
            let entry = |(name, value): (&&str, &&str)| {
                let is_field = name.starts_with("env") && *value == "dev";
                let value = if is_field { env.to_owned() } else { value.replace("//dev/", &format!("//{env}/")) };
                format!("{space}\"{name}\":{space}{}", serde_json::Value::from(value))
            };
            let entries: Vec<String> = names.iter().zip(&values).map(entry).collect();
            format!("{{\"list\":[{{{}}}{space}]}}", entries.join(","))
        };
        for name in ["a.json", "a.yaml"] {
            let install = Install::new(&[(name, &text("dev"))]);
            let done = install.migrate();
            if done.left.is_empty() {
                prop_assert_eq!(install.read(name), text("local"));
            } else {
                prop_assert_eq!(name, "a.yaml", "JSON is always understood");
                prop_assert_eq!(install.read(name), text("dev"));
            }
            prop_assert!(install.migrate().rewritten.is_empty());
        }
    }

    #[test]
    fn whatever_a_file_holds_it_is_read_and_nothing_else_is_lost(
        text in "[a-z:{}\\[\\]\"' \n&*|>#-]{0,80}",
        name in prop::sample::select(vec!["a.json", "a.yaml", "a.toml", "a.txt"]),
    ) {
        let text = format!("{text}\nenv: dev\n");
        let install = Install::new(&[(name, &text)]);
        let done = install.migrate();
        let is_rewritten = done.rewritten.iter().any(|f| f.action == DevAction::Rewrite);
        let after = install.read(name);
        if is_rewritten {
            prop_assert_eq!(after.replace("local", "dev"), text.replace("local", "dev"));
        } else {
            prop_assert_eq!(after, text);
        }
    }
}
