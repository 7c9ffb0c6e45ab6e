//! Secrets are found however deep they are packed; what cannot be looked into is told.

use std::io::{Cursor, Write as _};

use deploy_spec::Kind;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::*;
use crate::build;
use crate::leaks::{Scan, scan};
use crate::tests::fixture::{BOTH, Folder, Random, pseudo_random};
use crate::tests::mutation::damage;
use crate::tests::tools::run;

/// Put together here, so that this file holds no secret.
fn token() -> String {
    ["AKIA", "2E5A7F3B244C6726"].concat()
}

fn text() -> Vec<u8> {
    format!("# one\nkey = {}\n", token()).into_bytes()
}

fn zipped(name: &str, bytes: &[u8], method: CompressionMethod) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file(name, SimpleFileOptions::default().compression_method(method)).unwrap();
    zip.write_all(bytes).unwrap();
    zip.finish().unwrap().into_inner()
}

fn deflated(bytes: &[u8]) -> Vec<u8> {
    zipped("in/a.txt", bytes, CompressionMethod::Deflated)
}

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

/// What a tool makes of a folder with this one file in it.
fn made(name: &str, bytes: &[u8], command: &str) -> Vec<u8> {
    let (folder, out) = (Folder::empty(), Folder::empty());
    folder.write(name, bytes);
    let script = command.replace("OUT", out.at("out").to_str().unwrap());
    run("sh", &["-c", &script], folder.path());
    std::fs::read(out.at("out")).unwrap()
}

const XZ: &str =
    "import lzma,sys;open(sys.argv[1],'wb').write(lzma.compress(open('a','rb').read()))";

fn looked(name: &str, bytes: &[u8]) -> Looked {
    look(name, bytes.len() as u64, &mut Cursor::new(bytes)).unwrap()
}

fn paths(looked: &Looked) -> Vec<&str> {
    looked.findings.iter().map(|(_, finding)| finding.path.as_str()).collect()
}

#[test]
fn secrets_are_found_once_in_every_format_and_named_by_the_way_to_them() {
    let long = format!("{}/{}", "d".repeat(60), "f".repeat(120));
    let rows: Vec<(&str, Vec<u8>, String)> = vec![
        ("a.zip", deflated(&text()), "a.zip!in/a.txt".into()),
        ("a.jar", zipped("a", &text(), CompressionMethod::Stored), "a.jar!a".into()),
        ("piped.zip", made("a", &text(), "zip -q - a | cat > OUT"), "piped.zip!a".into()),
        ("a.txt.gz", gzipped(&text()), "a.txt.gz!a.txt".into()),
        ("two.gz", [gzipped(b"one "), gzipped(&text())].concat(), "two.gz!two".into()),
        ("a.zst", zstd::encode_all(&text()[..], 3).unwrap(), "a.zst!a".into()),
        ("a.xz", made("a", &text(), &format!("python3 -c \"{XZ}\" OUT")), "a.xz!a".into()),
        ("a.tar", made("in/a", &text(), "tar -cf OUT in/a"), "a.tar!in/a".into()),
        ("v7.tar", made("a", &text(), "tar -c --format=v7 -f OUT a"), "v7.tar!a".into()),
        ("l.tar", made(&long, &text(), "tar -c --format=gnu -f OUT d*"), format!("l.tar!{long}")),
        (
            "p.tar",
            made(&long, &text(), "tar -c --format=pax -f OUT d*/f*"),
            format!("p.tar!{long}"),
        ),
        (
            "u.tar",
            made(&long[..150], &text(), "tar -c --format=ustar -f OUT d*/f*"),
            format!("u.tar!{}", &long[..150]),
        ),
        ("a.tgz", made("a", &text(), "tar -czf OUT a"), "a.tgz!a!a".into()),
        (
            "image",
            made("a", &text(), "mksquashfs . OUT -quiet -no-progress -comp xz"),
            "image!a".into(),
        ),
        ("deep.zip", deflated(&gzipped(&deflated(&text()))), "deep.zip!in/a.txt!a!in/a.txt".into()),
    ];
    for (name, bytes, path) in rows {
        let looked = looked(name, &bytes);
        assert_eq!(paths(&looked), [path.as_str()], "{name}");
        let (place, finding) = &looked.findings[0];
        assert_eq!(
            (*place, finding.line, finding.rule.as_str()),
            (Place::Contents, Some(2), "aws-access-key-id")
        );
        assert_eq!(looked.not_looked_into, [], "{name}");
        assert_eq!(looked.bytes, bytes.len() as u64);
    }
}

#[test]
fn what_is_not_looked_into_is_told_and_why() {
    let mut cut = gzipped(&[&text()[..], &pseudo_random(100_000, 3)].concat());
    cut.truncate(50_000);
    let packed = |times: usize| (0..times).fold(text(), |bytes, _| gzipped(&bytes));
    let rows: Vec<(&str, Vec<u8>, &str, &str, usize)> = vec![
        (
            "locked.zip",
            made("a", &text(), "zip -q -P word OUT a && mv OUT.zip OUT"),
            "locked.zip!a",
            "assword",
            0,
        ),
        ("a.bz2", b"BZh91AY&SY\x01\x02\x03\x04".to_vec(), "a.bz2", "bzip2", 0),
        ("a.7z", b"7z\xbc\xaf\x27\x1c\0\x04".to_vec(), "a.7z", "7z", 0),
        ("no.zip", b"PK\x03\x04 and no more".to_vec(), "no.zip", "", 0),
        ("cut.gz", cut, "cut.gz!cut", "", 1),
        (
            "cut.tar",
            made("a", &[text(), vec![b'x'; 9_000]].concat(), "tar -cf - a | head -c 4096 > OUT"),
            "cut.tar",
            "end of file",
            1,
        ),
        (
            "more",
            packed(DEPTH + 1),
            "more!contents!contents!contents!contents!contents",
            "5 times",
            0,
        ),
        ("enough", packed(DEPTH), "", "", 1),
    ];
    for (name, bytes, path, why, found) in rows {
        let looked = looked(name, &bytes);
        assert_eq!(looked.findings.len(), found, "{name}: {:?}", looked.findings);
        let told: Vec<_> = looked.not_looked_into.iter().map(|told| told.path.as_str()).collect();
        let expected: &[&str] = if path.is_empty() { &[] } else { &[path] };
        assert_eq!(told, expected, "{name}");
        let says = |told: &NotLookedInto| told.reason.contains(why) && !told.reason.is_empty();
        assert!(looked.not_looked_into.iter().all(says), "{:?}", looked.not_looked_into);
    }
}

#[test]
fn a_bomb_is_looked_through_up_to_its_bound_and_told() {
    let mebibyte = vec![b' '; 1 << 20];
    let bomb = deflated(&gzipped(&[text(), mebibyte.repeat(80), text()].concat()));
    let found = looked("bomb.zip", &bomb);
    assert_eq!(paths(&found), ["bomb.zip!in/a.txt!a"]);
    let told: Vec<_> = found.not_looked_into.iter().map(|told| told.reason.as_str()).collect();
    assert_eq!(told, ["it expands to more than is looked through"]);
    // All that is in one file counts together.
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for i in 0..4 {
        zip.start_file(i.to_string(), SimpleFileOptions::default()).unwrap();
        zip.write_all(&mebibyte).unwrap();
    }
    let zip = zip.finish().unwrap().into_inner();
    let within = |left| look_within("many.zip", left, &mut Cursor::new(&zip)).unwrap();
    assert_eq!(within(4 << 20).not_looked_into, []);
    let told = within((4 << 20) - 1).not_looked_into;
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].path, "many.zip");
}

fn found(scan: &Scan) -> Vec<(Place, &str, &str)> {
    scan.findings.iter().map(|f| (f.place, f.path.as_str(), f.rule.as_str())).collect()
}

#[test]
fn names_within_are_looked_at_and_masked() {
    let folder = Folder::empty();
    folder.write("a.zip", zipped("conf/.env", b"A=1", CompressionMethod::Deflated));
    folder.write("b.zip", zipped(&format!("x/{}", token()), b"", CompressionMethod::Deflated));
    let scanned = scan(folder.path()).unwrap();
    assert_eq!(
        found(&scanned),
        [
            (Place::Name, "a.zip!conf/.env", "kept-out-file"),
            (Place::Name, "b.zip", "aws-access-key-id")
        ]
    );
    assert!(!format!("{scanned:?}").contains(&token()), "{scanned:?}");
}

#[test]
fn a_bundle_with_a_secret_in_an_archive_is_not_built_until_it_is_allowed() {
    for format in BOTH {
        let folder = Folder::small();
        folder.write("site/a.tgz", made("notes.txt", &text(), "tar -czf OUT notes.txt"));
        folder.write("site/b.bz2", b"BZh91AY&SY\x01\x02\x03\x04");
        let fault = build(folder.path(), &folder.at("out"), format).unwrap_err();
        assert_eq!(fault.kind, Kind::Refused, "{fault}");
        assert_eq!(fault.details["entry"], "site/a.tgz!a!notes.txt");
        for path in ["site/a.tgz", "site/a.tgz!a!notes.txt", "site/*"] {
            folder.write(
                ".gtbundle-allow.yaml",
                format!("schema: greentic.bundle-allow.v1\nallow:\n  - {{path: '{path}', rule: aws-access-key-id, reason: an example}}\n"),
            );
            let (_out, file, built) = folder.build(format);
            assert_eq!(built.allowed[0].finding.path, "site/a.tgz!a!notes.txt", "{path}");
            let told: Vec<_> = built.not_looked_into.iter().map(|t| t.path.as_str()).collect();
            assert_eq!(told, ["site/b.bz2"]);
            assert_eq!(scan(&file).unwrap().not_looked_into, built.not_looked_into);
        }
    }
}

/// Whatever the bytes are, they are looked through to their end.
#[test]
fn damaged_archives_are_looked_through_and_break_nothing() {
    let bytes = [&text()[..], &pseudo_random(2_000, 7)].concat();
    let good = [
        deflated(&bytes),
        gzipped(&bytes),
        zstd::encode_all(&bytes[..], 3).unwrap(),
        made("a", &bytes, "tar -c --format=pax -f OUT a"),
        made("a", &bytes, "mksquashfs . OUT -quiet -no-progress -noI -noF -noD"),
    ];
    let mut random = Random(11);
    for round in 0..1_500 {
        let mut spoiled = good[round % good.len()].clone();
        damage(&mut spoiled, &mut random);
        assert_eq!(looked("a", &spoiled).bytes, spoiled.len() as u64, "{round}");
    }
    // A checksum of tar that is a binary number, and any other head.
    let mut head = pseudo_random(HEAD, 5);
    for byte in 0..=u8::MAX {
        head[148] = byte;
        assert_eq!(looked("a", &head).bytes, HEAD as u64);
    }
}

/// A finished bundle is an archive like any other when it is met in a folder.
#[test]
fn a_bundle_in_a_folder_is_looked_into() {
    let out = Folder::empty();
    let folder = Folder::small();
    folder.write("site/a.txt", text());
    let source = folder.path().to_str().unwrap();
    run("mksquashfs", &[source, "bundle", "-quiet", "-no-progress"], out.path());
    assert_eq!(
        found(&scan(out.path()).unwrap()),
        [(Place::Contents, "bundle!site/a.txt", "aws-access-key-id")]
    );
}
