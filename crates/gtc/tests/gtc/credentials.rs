//! Credentials come out of a private file, are checked before they are kept, and are never shown.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;

use crate::secrets::files_with;
use crate::world::World;

const KEY: &str = "AKIA-hunter2-of-the-deployer";

fn file(world: &World, name: &str, text: &str, mode: u32) -> String {
    let path = world.file(name);
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    path
}

#[test]
fn credentials_are_imported_shown_by_their_fingerprint_and_rotated() {
    let world = World::new();
    world.op("env init", &[]);
    let needs = world.op("credentials requirements", &[]);
    assert_eq!((&needs["requirements"], &needs["offers_bootstrap"]), (&json!([]), &json!(false)));
    assert_eq!(world.op("credentials show", &[])["credentials"], json!(null));
    let (code, said) =
        world.refused(&["op", "credentials", "rotate", "--from-file", &world.file("none")], "");
    assert_eq!((code, &said["error"]["kind"]), (3, &json!("not-found")));

    let key = file(&world, "key", KEY, 0o600);
    let dry = world.op("credentials import", &["--from-file", &key, "--dry-run"]);
    assert_eq!(dry["dry_run"], true);
    let kept = world.op("credentials import", &["--from-file", &key]);
    assert_eq!((&kept["version"], &kept["checks"]), (&json!(1), &json!([])));
    assert_eq!(world.op("credentials import", &["--from-file", &key])["version"], 1);
    let valid = world.op("credentials validate", &["local"]);
    assert_eq!((&valid["valid"], &valid["fingerprint"]), (&json!(true), &kept["fingerprint"]));
    let next = file(&world, "next", "another key of the deployer", 0o600);
    assert_eq!(world.op("credentials rotate", &["--from-file", &next])["version"], 2);
    let shown = world.op("credentials show", &[]);
    assert_eq!(shown["credentials"]["version"], 2);
    assert_ne!(shown["credentials"]["fingerprint"], kept["fingerprint"]);
    assert_eq!(files_with(world.gtc.store_root(), KEY), Vec::<String>::new());
}

#[test]
fn what_others_may_read_and_what_is_no_file_is_refused_and_nothing_is_kept() {
    let world = World::new();
    world.op("env init", &[]);
    let good = file(&world, "good", KEY, 0o600);
    let link = world.file("link");
    std::os::unix::fs::symlink(&good, &link).unwrap();
    let folder = world.folder.path().to_str().unwrap().to_owned();
    for (path, code, word) in [
        (file(&world, "group", KEY, 0o640), 5, "chmod 600"),
        (link, 5, "link"),
        (folder, 5, "plain file"),
        (file(&world, "empty", "", 0o600), 2, "empty"),
        (world.file("none"), 3, "no file"),
    ] {
        let import = ["op", "credentials", "import", "--from-file", &path];
        let (found, said) = world.refused(&import, "");
        assert_eq!(found, code, "{said}");
        assert!(said.to_string().contains(word), "{said}");
        assert!(!said.to_string().contains(KEY), "{said}");
    }
    assert_eq!(world.op("credentials show", &[])["credentials"], json!(null));
    let (code, said) = world.refused(&["op", "credentials", "bootstrap"], "");
    assert_eq!((code, &said["error"]["kind"]), (5, &json!("refused")));
    let message = said["error"]["message"].as_str().unwrap();
    assert!(message.contains("greentic.deployer.local-process"), "{message}");
}
