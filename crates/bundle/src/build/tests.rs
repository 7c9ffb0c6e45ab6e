//! What stays out, what must be there, and what an interrupted build leaves.

use std::fs;
use std::os::unix::fs::symlink;

use deploy_spec::{Fault, Kind};

use crate::tests::fixture::{BOTH, Folder, MANIFEST};
use crate::{Archive, Format, build};

fn fails(folder: &Folder) -> Fault {
    let out = Folder::empty();
    let fault = build(folder.path(), &out.at("out"), Format::Squashfs).unwrap_err();
    assert_eq!(fs::read_dir(out.path()).unwrap().count(), 0, "a failed build leaves nothing");
    assert!(fault.hint.is_some(), "{fault}");
    fault
}

#[test]
fn secrets_keys_and_credentials_stay_out_and_are_reported() {
    const KEY: &str = "-----BEGIN PRIVATE KEY-----\nAAAA\n";
    let out: &[(&str, &str, &str)] = &[
        (".env", "", ".env"),
        ("site/.env.production", "", "site/.env.production"),
        (".ENVRC", "", ".ENVRC"),
        (".git/config", "", ".git/"),
        (".greentic/dev", "", ".greentic/"),
        ("secrets/a", "", "secrets/"),
        ("dev.secrets.json", "", "dev.secrets.json"),
        ("packs/tls.pem", KEY, "packs/tls.pem"),
        ("id_rsa.pub", "", "id_rsa.pub"),
        ("server.key", "", "server.key"),
        ("a.P12", "", "a.P12"),
        ("b.pfx", "", "b.pfx"),
        (".aws/credentials", "", ".aws/"),
        ("site/.kube/config", "", "site/.kube/"),
        ("robot.json", KEY, "robot.json"),
        ("config/client_secret_1.json", "{}", "config/client_secret_1.json"),
        (".config/gcloud/x.db", "", ".config/gcloud/"),
        ("pull.json", "{\"auths\": {}}", "pull.json"),
        ("terraform.tfstate", "{}", "terraform.tfstate"),
        ("signing.asc", "-----BEGIN PGP PRIVATE KEY BLOCK-----", "signing.asc"),
        ("answers.yaml", "a: 1", "answers.yaml"),
        ("setup-answers.json", "{}", "setup-answers.json"),
        ("prod.answers.yml", "a: 1", "prod.answers.yml"),
        (".npmrc", "", ".npmrc"),
        ("site/.netrc", "", "site/.netrc"),
        ("old.gtbundle", "", "old.gtbundle"),
        (".gtbundle-x.tmp", "", ".gtbundle-x.tmp"),
    ];
    let kept = [
        "packs/ca.pem",
        "site/data.json",
        "site/secrets/page.html",
        "site/environment",
        "keys.md",
        "site/answers.json",
        "deploy/config",
    ];
    let folder = Folder::small();
    for (path, text, _) in out {
        folder.write(path, text);
    }
    for path in kept {
        folder.write(path, "{\"a\": 1}");
    }
    for format in BOTH {
        let (_out, path, built) = folder.build(format);
        let mut expected: Vec<_> = out.iter().map(|(_, _, path)| *path).collect();
        expected.sort_unstable();
        let left: Vec<_> = built.left_out.iter().map(|left| left.path.as_str()).collect();
        assert_eq!(left, expected);
        assert!(built.left_out.iter().all(|left| !left.reason.is_empty()));
        let archive = Archive::open(&path).unwrap();
        assert!(out.iter().all(|(path, _, _)| archive.entry(path).is_none()));
        assert!(kept.iter().all(|path| archive.entry(path).is_some()));
        let raw = fs::read(path).unwrap();
        assert!(!raw.windows(11).any(|window| window == b"PRIVATE KEY"));
    }
}

#[test]
fn the_ignore_file_leaves_out_what_it_names_and_brings_nothing_back() {
    let folder = Folder::small();
    let ignored = "# notes\n*.log\n!keep.log\n/drafts/\nsite/**/*.map\n!.env\n!id_rsa\n";
    folder.write(".gtbundleignore", ignored);
    for path in ["a.log", "keep.log", "drafts/x", "site/drafts", "site/js/a.map", ".env", "id_rsa"]
    {
        folder.write(path, "");
    }
    for format in BOTH {
        let (_out, path, built) = folder.build(format);
        let left: Vec<_> =
            built.left_out.iter().map(|left| (left.path.as_str(), left.reason.as_str())).collect();
        let named = ".gtbundleignore names it: ";
        let left: Vec<_> = left.iter().map(|(p, why)| (*p, why.replace(named, ""))).collect();
        let expected = [
            (".env", "an environment file, which usually holds secrets"),
            (".gtbundleignore", "it says how the bundle is built"),
            ("a.log", "`*.log`"),
            ("drafts/", "`/drafts/`"),
            ("id_rsa", "a private key"),
            ("site/js/a.map", "`site/**/*.map`"),
        ];
        assert_eq!(left, expected.map(|(path, why)| (path, why.to_owned())));
        let archive = Archive::open(&path).unwrap();
        assert!(archive.entry("keep.log").is_some() && archive.entry("site/drafts").is_some());
        assert!(archive.entry("a.log").is_none() && archive.entry("site/js").is_some());
    }
    folder.write(".gtbundleignore", "ok\n{a\n");
    let fault = fails(&folder);
    assert_eq!((fault.kind, &fault.details["line"]), (Kind::InvalidInput, &2.into()), "{fault}");
    folder.write(".gtbundleignore", "*.yaml\n");
    let fault = fails(&folder);
    assert!(fault.message.contains("left out of its own bundle"), "{fault}");
    folder.write(".gtbundleignore", "/packs\n");
    let fault = fails(&folder);
    assert_eq!(fault.details["pointer"], "/packs/0/path", "{fault}");
    assert!(fault.message.contains(".gtbundleignore names it: `/packs`"), "{fault}");
}

#[test]
fn what_the_manifest_refers_to_must_be_there_and_of_its_kind() {
    let rows: &[(&str, &str, &str, &str)] = &[
        ("packs/web.wasm", "packs/no.wasm", "/packs/0/path", "no file `packs/no.wasm`"),
        ("packs/web.wasm", "site", "/packs/0/path", "not a file"),
        ("path: site", "path: packs/web.wasm", "/packs/1/path", "not a folder"),
        ("path: site", "path: nowhere", "/packs/1/path", "no folder `nowhere`"),
        ("path: site", "path: .git", "/packs/1/path", "version control"),
        ("path: site", "path: .git/hooks", "/packs/1/path", "version control"),
        ("packs:", "config_schema: c.json\npacks:", "/config_schema", "no file `c.json`"),
        ("packs:", "setup: .env\npacks:", "/setup", "left out"),
        ("packs:", "surprise: 1\npacks:", "/surprise", "unknown field"),
        ("kind: static", "kind: magic", "/packs/1/kind", "unknown variant"),
        ("bundle_id: sample", "bundle_id: Sample", "/bundle_id", "slug"),
        ("path: site", "path: ../site", "/packs/1/path", "inside the bundle"),
        ("public_path: /site", "public_path: /", "/packs/1/public_path", "two packs"),
    ];
    for (from, to, pointer, why) in rows {
        let folder = Folder::small();
        folder.write(".git/hooks/x", "");
        folder.write(".env", "");
        folder.write("bundle.yaml", MANIFEST.replacen(from, to, 1));
        let fault = fails(&folder);
        assert_eq!(fault.kind, Kind::InvalidInput, "{fault}");
        assert_eq!(fault.details["pointer"], *pointer, "{fault}");
        assert!(fault.message.contains(why), "{fault}");
    }
}

#[test]
fn yaml_that_cannot_be_read_says_where() {
    for (text, line) in [
        ("schema: greentic.bundle.v1\nbundle_id: [", 2),
        ("schema: a\n\tb: c\n", 1),
        ("a: 1\nb: 2\na: 3\n", 3),
    ] {
        let folder = Folder::small();
        folder.write("bundle.yaml", text);
        let fault = fails(&folder);
        assert_eq!(fault.kind, Kind::InvalidInput);
        assert!(fault.details["line"].as_u64().unwrap() >= line, "{fault}");
        assert!(fault.details["column"].is_u64(), "{fault}");
    }
    let bomb = "a: &a [x, x, x, x, x, x, x, x, x, x]\n".to_owned()
        + &(b'b'..=b'j')
            .map(|c| {
                let (now, last) = (c as char, (c - 1) as char);
                format!("{now}: &{now} [{}]\n", vec![format!("*{last}"); 10].join(", "))
            })
            .collect::<String>();
    let folder = Folder::small();
    folder.write("bundle.yaml", bomb);
    assert_eq!(fails(&folder).kind, Kind::InvalidInput);
    fs::remove_file(folder.at("bundle.yaml")).unwrap();
    assert!(fails(&folder).message.contains("no file `bundle.yaml`"));
    symlink("site/index.html", folder.at("bundle.yaml")).unwrap();
    assert_eq!(fails(&folder).kind, Kind::InvalidInput);
}

#[test]
fn links_out_of_the_folder_and_odd_files_are_refused_by_name() {
    let elsewhere = Folder::small();
    let targets = [
        elsewhere.at("bundle.yaml").to_str().unwrap().to_owned(),
        "../../../../etc/passwd".to_owned(),
        "gone".to_owned(),
        "out".to_owned(),
    ];
    for target in targets {
        let folder = Folder::small();
        symlink(&target, folder.at("site/out")).unwrap();
        let fault = fails(&folder);
        assert_eq!((fault.kind, &fault.details["entry"]), (Kind::Refused, &"site/out".into()));
    }
    // A link to what is left out would be a way around it, or would lead nowhere.
    let folder = Folder::small();
    folder.write(".env", "");
    symlink(".env", folder.at("settings")).unwrap();
    assert_eq!(fails(&folder).details["entry"], "settings");
    let folder = Folder::small();
    let _listener = std::os::unix::net::UnixListener::bind(folder.at("site/s")).unwrap();
    assert_eq!(fails(&folder).details["entry"], "site/s");
    let folder = Folder::small();
    folder.write("site/INDEX.html", "");
    assert_eq!(fails(&folder).details["entry"], "site/index.html");
    let folder = Folder::small();
    folder.write("a\\b", "");
    assert_eq!(fails(&folder).kind, Kind::Refused);
}

#[test]
fn an_output_that_cannot_be_written_leaves_the_old_one() {
    let folder = Folder::small();
    let out = Folder::empty();
    let fault = build(folder.path(), &out.at("no/out"), Format::Zip).unwrap_err();
    assert_eq!(fault.kind, Kind::NotFound);
    fs::create_dir(out.at("taken")).unwrap();
    assert!(build(folder.path(), &out.at("taken"), Format::Zip).is_err());
    out.write("old", "old");
    folder.write("bundle.yaml", "nonsense: [");
    assert!(build(folder.path(), &out.at("old"), Format::Zip).is_err());
    assert_eq!(fs::read(out.at("old")).unwrap(), b"old");
    let names = fs::read_dir(out.path()).unwrap().count();
    assert_eq!(names, 2, "no temporary file is left");
    assert!(build(&folder.at("gone"), &out.at("x"), Format::Zip).is_err());
    assert!(build(&folder.at("bundle.yaml"), &out.at("x"), Format::Zip).is_err());
}

#[test]
fn what_is_built_serializes_as_the_contract_says() {
    let (_out, path, built) = Folder::small().build(Format::Squashfs);
    let value = serde_json::to_value(&built).unwrap();
    let keys: Vec<_> = value.as_object().unwrap().keys().map(String::as_str).collect();
    let mut expected = vec![
        "path",
        "bundle_id",
        "version",
        "bundle_digest",
        "size_bytes",
        "entries",
        "left_out",
        "findings",
    ];
    assert_eq!(keys.len(), expected.len());
    expected.retain(|key| !keys.contains(key));
    assert_eq!(expected, Vec::<&str>::new());
    assert_eq!(value["path"], path.to_str().unwrap());
    assert_eq!(value["findings"], serde_json::json!([]));
    use std::os::unix::fs::PermissionsExt as _;
    assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o644);
}
