//! Planted secrets of every shape are caught wherever they hide, and innocent files are let be.

use std::fs;
use std::path::Path;

use ::scan::Rules;
use ::scan::samples::{self, Sample};
use deploy_spec::{Fault, Kind};

use super::{Place, Scan, ScanKind, scan};
use crate::tests::fixture::{BOTH, Folder};
use crate::tests::tools::run;
use crate::{Format, build};

/// Put together here, so that this file holds no secret.
fn token() -> String {
    ["AKIA", "2E5A7F3B244C6726"].concat()
}

fn refused(folder: &Folder, format: Format) -> Fault {
    let out = Folder::empty();
    let fault = build(folder.path(), &out.at("out"), format).unwrap_err();
    assert_eq!(fs::read_dir(out.path()).unwrap().count(), 0, "a failed build leaves nothing");
    assert_eq!(fault.kind, Kind::Refused, "{fault}");
    fault
}

/// What a scan found: place, file and rule.
fn found(scan: &Scan) -> Vec<(Place, &str, &str)> {
    scan.findings.iter().map(|f| (f.place, f.path.as_str(), f.rule.as_str())).collect()
}

#[test]
fn a_secret_of_every_shape_fails_the_build_in_both_formats_and_is_never_shown() {
    let samples = samples::all(Rules::standard());
    let folder = Folder::small();
    for (i, Sample { name, bytes, .. }) in samples.iter().enumerate() {
        folder.write(&format!("site/{i}/{name}"), bytes);
    }
    for format in BOTH {
        let fault = refused(&folder, format);
        let findings = fault.details["findings"].as_array().unwrap();
        for (i, Sample { rule, name, bytes }) in samples.iter().enumerate() {
            let path = format!("site/{i}/{name}");
            let is =
                |f: &&serde_json::Value| f["path"] == path.as_str() && f["rule"] == rule.as_str();
            let finding = findings.iter().find(is).unwrap_or_else(|| panic!("{format}: {rule}"));
            assert_eq!(finding["place"], "contents");
            let shown = format!("{fault} {finding} {:?}", fault.hint);
            let tail = String::from_utf8_lossy(&bytes[bytes.len() - 9..bytes.len() - 1]);
            assert!(!shown.contains(&*tail), "{rule}: {shown}");
        }
    }
}

#[test]
fn the_error_names_the_file_and_the_rule_and_how_to_go_on() {
    let folder = Folder::small();
    folder.write("site/js/app.js", format!("// one\nconst id = '{}';\n", token()));
    let fault = refused(&folder, Format::Squashfs);
    let message = fault.message.split_once("would").unwrap().1;
    insta::assert_snapshot!(message, @" give a secret away: site/js/app.js:2: aws-access-key-id (The id of an AWS access key, long-lived (AKIA) or of a session (ASIA).)");
    insta::assert_snapshot!(
        fault.hint.clone().unwrap(),
        @"take it out, name the file in .gtbundleignore, or allow it with a reason in .gtbundle-allow.yaml: {path: site/js/app.js, rule: aws-access-key-id, reason: …}; `gtc bundle scan` looks again"
    );
    let finding = &fault.details["findings"][0];
    let mut keys: Vec<_> = finding.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    assert_eq!(keys, ["description", "line", "offset", "path", "place", "rule"]);
    assert_eq!((&finding["line"], &finding["offset"]), (&2.into(), &19.into()));
}

#[test]
fn what_the_allow_list_names_with_a_reason_is_let_through_and_told() {
    let folder = Folder::small();
    folder.write("site/docs/a.md", token());
    folder.write("site/docs/b.md", token());
    let allow = |path: &str, rule: &str, reason: &str| {
        format!(
            "schema: greentic.bundle-allow.v1\nallow:\n  - {{path: '{path}', rule: {rule}, reason: '{reason}'}}\n"
        )
    };
    folder
        .write(".gtbundle-allow.yaml", allow("site/docs/*.md", "aws-access-key-id", "an example"));
    for format in BOTH {
        let (_out, path, built) = folder.build(format);
        let told: Vec<_> =
            built.allowed.iter().map(|a| (a.finding.path.as_str(), a.reason.as_str())).collect();
        assert_eq!(told, [("site/docs/a.md", "an example"), ("site/docs/b.md", "an example")]);
        let again = scan(&path).unwrap();
        assert_eq!((again.findings, again.allowed), (built.findings, built.allowed));
    }
    // It covers that rule in those files, and nothing else.
    folder.write("site/c.md", token());
    assert_eq!(refused(&folder, Format::Zip).details["entry"], "site/c.md");
    for (text, pointer) in [
        (allow("x", "aws-access-key-id", " "), "/allow/0/reason"),
        (allow("x", "no-such-rule", "r"), "/allow/0/rule"),
        (allow("# x", "aws-access-key-id", "r"), "/allow/0/path"),
        (allow("!x", "aws-access-key-id", "r"), "/allow/0/path"),
        (allow("{a", "aws-access-key-id", "r"), "/allow/0/path"),
        ("schema: other\nallow: []".to_owned(), "/schema"),
        ("schema: greentic.bundle-allow.v1\nallow: []\nmore: 1".to_owned(), "/more"),
    ] {
        folder.write(".gtbundle-allow.yaml", &text);
        for fault in [
            build(folder.path(), &folder.at("out"), Format::Zip).unwrap_err(),
            scan(folder.path()).unwrap_err(),
        ] {
            assert_eq!(fault.kind, Kind::InvalidInput, "{text}: {fault}");
            assert_eq!(fault.details["pointer"], pointer, "{text}: {fault}");
        }
    }
}

#[test]
fn names_and_links_are_looked_at_and_masked() {
    let folder = Folder::small();
    folder.write(&format!("site/{}.txt", token()), token());
    let fault = refused(&folder, Format::Squashfs);
    let whole = format!("{fault} {:?} {:?}", fault.details, fault.hint);
    assert!(!whole.contains(&token()), "{whole}");
    assert_eq!(fault.details["entry"], "site/…");
    let found = scan(folder.path()).unwrap();
    let places: Vec<_> = found.findings.iter().map(|f| f.place).collect();
    assert_eq!(places, [Place::Name, Place::Contents]);
}

/// The bytes between two blocks of a SquashFS, a comment in a ZIP header: no entry leads there.
#[test]
fn what_hides_in_the_raw_archive_is_found_there() {
    let folder = Folder::small();
    let (out, path, _) = folder.build(Format::Zip);
    let mut bytes = fs::read(&path).unwrap();
    let token = format!(" {} ", token());
    // A comment of the last entry, and the end record that must know of it.
    let (end, len) = (bytes.len() - 22, token.len() as u8);
    let last = bytes.windows(4).rposition(|window| window == b"PK\x01\x02").unwrap();
    bytes[last + 32] = len;
    bytes[end + 12] += len;
    bytes.splice(end..end, token.bytes());
    out.write("spoiled", &bytes);
    let scanned = scan(&out.at("spoiled")).unwrap();
    assert_eq!(found(&scanned), [(Place::Archive, "spoiled", "aws-access-key-id")]);
    assert_eq!(scanned.findings[0].offset, Some(end as u64 + 1));
    assert_eq!(scanned.kind, ScanKind::Zip);

    let (out, path, _) = folder.build(Format::Squashfs);
    let image = fs::read(&path).unwrap();
    out.write("image", [&image[..], &[0; 4096]].concat());
    assert_eq!(found(&scan(&out.at("image")).unwrap()), []);
    out.write("image", [&image[..], token.as_bytes()].concat());
    assert_eq!(scan(&out.at("image")).unwrap_err().kind, Kind::Refused);
}

#[test]
fn what_is_stored_as_it_is_is_told_once() {
    let folder = Folder::small();
    folder.write("site/a.txt", token());
    let out = Folder::empty();
    let zip = out.at("image.zip");
    run("zip", &["-q", "-0", "-r", zip.to_str().unwrap(), "."], folder.path());
    let scanned = scan(&out.at("image.zip")).unwrap();
    assert_eq!(found(&scanned), [(Place::Contents, "site/a.txt", "aws-access-key-id")]);
}

#[test]
fn files_that_no_bundle_should_hold_are_told_by_their_names() {
    let folder = Folder::small();
    folder.write("site/.env.local", "A=1");
    folder.write(".aws/config", "");
    folder.write(".aws/credentials", "");
    folder.write(".git/config", token());
    let out = Folder::empty();
    let source = folder.path().to_str().unwrap();
    let arguments = [source, "image", "-noappend", "-no-progress", "-quiet"];
    run("mksquashfs", &arguments, out.path());
    let kept =
        [(Place::Name, ".aws", "kept-out-file"), (Place::Name, "site/.env.local", "kept-out-file")];
    let of_folder = scan(folder.path()).unwrap();
    assert_eq!((found(&of_folder).as_slice(), of_folder.kind), (&kept[..], ScanKind::Folder));
    let image = scan(&out.at("image")).unwrap();
    assert_eq!(image.kind, ScanKind::Squashfs);
    assert_eq!(found(&image)[0], kept[0]);
    assert!(found(&image).contains(&(Place::Contents, ".git/config", "aws-access-key-id")));
}

#[test]
fn any_file_is_scanned_as_it_is_and_what_is_not_there_is_said() {
    let folder = Folder::empty();
    folder.write("notes.txt", format!("\n\n {}", token()));
    let one = scan(&folder.at("notes.txt")).unwrap();
    assert_eq!((one.kind, one.files, one.bytes), (ScanKind::File, 1, 23));
    assert_eq!(found(&one), [(Place::Contents, "notes.txt", "aws-access-key-id")]);
    assert_eq!((one.findings[0].line, one.findings[0].offset), (Some(3), Some(3)));
    assert_eq!(one.pass().unwrap_err().kind, Kind::Refused);
    assert_eq!(scan(&folder.at("gone")).unwrap_err().kind, Kind::NotFound);
}

/// The files that people pack: here, the sources, texts and data of every crate that this workspace
/// is built from. The private keys that some bring for their tests are no false alarm.
#[test]
fn false_alarms_are_fewer_than_one_in_a_thousand_innocent_files() {
    let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let arguments = ["metadata", "--locked", "--format-version", "1", "--filter-platform"];
    let listed = run("cargo", &[&arguments[..], &[&platform]].concat(), Path::new("."));
    let metadata: serde_json::Value = serde_json::from_str(&listed).unwrap();
    let (mut files, mut keys, mut alarms) = (0, 0, Vec::new());
    for package in metadata["packages"].as_array().unwrap() {
        let manifest = Path::new(package["manifest_path"].as_str().unwrap());
        if package["source"].is_null() {
            continue;
        }
        let scanned = scan(manifest.parent().unwrap()).unwrap();
        files += scanned.files;
        for finding in scanned.findings {
            if finding.rule.starts_with("private-key") {
                keys += 1;
            } else {
                alarms.push(format!("{}: {finding}", package["name"]));
            }
        }
    }
    println!("{} alarms in {files} files, and {keys} keys\n{}", alarms.len(), alarms.join("\n"));
    assert!(files > 5_000 && keys > 10, "{files} {keys}");
    assert!(alarms.len() * 1_000 < files, "{} in {files}: {}", alarms.len(), alarms.join("\n"));
}
