//! References: by table what each spelling means, by property that nothing else slips through.

use std::path::Path;

use deploy_spec::Kind;
use insta::assert_snapshot;
use proptest::prelude::*;

use super::*;

fn bases() -> Bases {
    Bases { repo: Some("oci://repo.test/greentic/".into()), store: Some("store.test:5000".into()) }
}

fn read(text: &str) -> String {
    match Reference::parse(text, &bases()) {
        Ok(Reference::File(path)) => format!("file {}", path.display()),
        Ok(Reference::Oci(oci)) => format!("{oci} → {}", oci.target()),
        Err(fault) => fault.to_string(),
    }
}

const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

#[test]
fn every_spelling_has_one_meaning() {
    for (text, meaning) in [
        ("a.gtbundle", "file a.gtbundle"),
        ("./c:/d", "file ./c:/d"),
        ("./x://y", "file ./x://y"),
        ("file:///tmp/a%20b", "file /tmp/a b"),
        ("FILE://localhost/tmp/a", "file /tmp/a"),
        ("file://relative/a", "file relative/a"),
        ("oci://h/r", "oci://h/r → latest"),
        ("OCI://Ghcr.IO/a/b:V1", "oci://ghcr.io/a/b:V1 → V1"),
        ("oci://[::1]:5000/a-b.c__d:x", "oci://[::1]:5000/a-b.c__d:x → x"),
        ("repo://x", "oci://repo.test/greentic/x → latest"),
        ("repo://a/x:1", "oci://repo.test/greentic/a/x:1 → 1"),
        ("store://x:1", "oci://store.test:5000/x:1 → 1"),
        ("repo://ghcr.io/a/x:1", "oci://ghcr.io/a/x:1 → 1"),
        ("store://localhost/x", "oci://localhost/x → latest"),
        ("store://h:5000/x", "oci://h:5000/x → latest"),
        ("repo://oci://h/x", "oci://h/x → latest"),
    ] {
        assert_eq!(read(text), meaning, "{text}");
    }
    let both = format!("oci://h:1/r:t@{DIGEST}");
    assert_eq!(read(&both), format!("{both} → {DIGEST}"));
    assert_eq!(read(&format!("repo://x@{DIGEST}")), {
        format!("oci://repo.test/greentic/x@{DIGEST} → {DIGEST}")
    });
}

#[test]
fn what_is_refused_says_why() {
    let texts = [
        "",
        "https://h/x",
        "docker://h/x",
        "file://",
        "file:///a%2",
        "oci://h",
        "oci://me:secret@h/x",
        "oci://h:0/x",
        "oci://h/X",
        "oci://h/x:",
        "oci://h/x@sha512:00",
        "repo://X",
    ];
    let told: Vec<String> = texts.map(read).into();
    assert_snapshot!(told.join("\n"), @r"
    invalid-input: `` names nothing: give a path, `file://`, `oci://`, `repo://` or `store://`
    invalid-input: `https://h/x` cannot be taken from: `https://` is not accepted, only a path, `file://`, `oci://`, `repo://` or `store://`
    invalid-input: `docker://h/x` cannot be taken from: `docker://` is not accepted, only a path, `file://`, `oci://`, `repo://` or `store://`
    invalid-input: `file://` names no file: the path is empty or holds a zero byte
    invalid-input: `file:///a%2` names no file: `%` stands before two hex digits, and is itself written `%25`
    invalid-input: `oci://h` is not like `oci://host[:port]/repository[:tag][@sha256:…]`: it has no `/` between registry and repository
    invalid-input: `oci://…@h/x` is not like `oci://host[:port]/repository[:tag][@sha256:…]`: a name or password does not belong in it: use `docker login`
    invalid-input: `oci://h:0/x` is not like `oci://host[:port]/repository[:tag][@sha256:…]`: `0` is no port
    invalid-input: `oci://h/X` is not like `oci://host[:port]/repository[:tag][@sha256:…]`: `X` is no repository: at most 255 of a-z, 0-9, and `.`, `_`, `-` between them, in parts separated by `/`
    invalid-input: `oci://h/x:` is not like `oci://host[:port]/repository[:tag][@sha256:…]`: `` is no tag: at most 128 of A-Z, a-z, 0-9, `_`, `.` and `-`
    invalid-input: `oci://h/x@sha512:00` is not like `oci://host[:port]/repository[:tag][@sha256:…]`: `sha512:00` is not a digest: `sha256:` and 64 lower-case hex digits
    invalid-input: `repo://X` is not like `oci://host[:port]/repository[:tag][@sha256:…]`: `greentic/X` is no repository: at most 255 of a-z, 0-9, and `.`, `_`, `-` between them, in parts separated by `/`
    ");
}

#[test]
fn a_base_that_is_missing_or_none_is_named() {
    let parse = |base: Option<&str>| {
        let bases = Bases { repo: base.map(Into::into), store: None };
        Reference::parse("repo://x", &bases).unwrap_err().to_string()
    };
    assert_snapshot!([parse(None), parse(Some("https://h/x"))].join("\n"), @r"
    invalid-input: `repo://x` is below a registry that is not known: GREENTIC_REPO_REGISTRY_BASE is not set (export GREENTIC_REPO_REGISTRY_BASE=oci://host/path, or name it whole: oci://host/path/…)
    invalid-input: GREENTIC_REPO_REGISTRY_BASE is `https://h/x`, which is not like `oci://host[:port][/path]`: `` is no port
    ");
}

#[test]
fn an_explicit_file_wins() {
    let choose = |file: Option<&str>, reference| {
        Reference::choose(file.map(Path::new), reference, &bases()).map(|found| found.to_string())
    };
    assert_eq!(choose(Some("a://b"), Some("gopher://x")), Ok("a://b".into()));
    assert_eq!(choose(None, Some("repo://x")), Ok("oci://repo.test/greentic/x".into()));
    assert_eq!(choose(None, None).unwrap_err().kind, Kind::InvalidInput);
}

fn oci_text() -> impl Strategy<Value = String> {
    let host = "([a-z0-9]{1,5}\\.)?[a-z0-9]{1,5}(:[1-9][0-9]{0,3})?";
    let repository = "[a-z0-9]{1,4}((\\.|_|__|-{1,3}|/)[a-z0-9]{1,4}){0,4}";
    let digest = prop::option::of(prop::array::uniform32(any::<u8>()));
    (host, repository, prop::option::of("[A-Za-z0-9_][A-Za-z0-9._-]{0,20}"), digest).prop_map(
        |(host, repository, tag, digest)| {
            let tag = tag.map(|tag| format!(":{tag}")).unwrap_or_default();
            let digest = digest.map(|hash| format!("@{}", deploy_spec::Digest::from_hash(hash)));
            format!("oci://{host}/{repository}{tag}{}", digest.unwrap_or_default())
        },
    )
}

proptest! {
    #[test]
    fn a_well_formed_reference_prints_as_it_was_written(text in oci_text()) {
        let reference = Reference::parse(&text, &Bases::default()).unwrap();
        prop_assert_eq!(reference.to_string(), text);
    }

    #[test]
    fn what_was_read_reads_the_same_again(text in "(oci|repo|store|file|x)?(://)?[ -~é]{0,30}") {
        if let Ok(reference) = Reference::parse(&text, &bases()) {
            let is_file = matches!(reference, Reference::File(_));
            if !is_file {
                let again = Reference::parse(&reference.to_string(), &Bases::default());
                prop_assert_eq!(again.unwrap(), reference);
            }
        }
    }

    #[test]
    fn a_repository_is_safe_within_a_url(text in "oci://[ -~]{0,40}") {
        if let Ok(Reference::Oci(oci)) = Reference::parse(&text, &bases()) {
            let path = format!("{}/{}", oci.repository(), oci.target());
            let plain = |c: char| c.is_ascii_alphanumeric() || "._-/:".contains(c);
            prop_assert!(path.chars().all(plain), "{}", path);
            prop_assert!(!path.split('/').any(|part| matches!(part, "" | "." | "..")), "{}", path);
        }
    }

    #[test]
    fn any_other_scheme_is_refused(scheme in "[a-z][a-z0-9+.-]{0,8}", rest in "[ -~]{0,20}") {
        prop_assume!(!["file", "oci", "repo", "store"].contains(&scheme.as_str()));
        let fault = Reference::parse(&format!("{scheme}://{rest}"), &bases()).unwrap_err();
        prop_assert_eq!(fault.kind, Kind::InvalidInput);
        prop_assert!(fault.message.contains("`oci://`, `repo://` or `store://`"));
    }
}
