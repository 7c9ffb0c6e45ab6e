//! One row per rule of the whole listing.

use super::*;

fn no(entries: &[Entry], archive_bytes: u64, limits: &Limits) -> (String, String) {
    let Err(fault) = check(entries, Some(archive_bytes), limits) else { panic!("accepted") };
    assert_eq!(fault.kind, deploy_spec::Kind::Refused);
    let entry = fault.details.get("entry").map_or("", |e| e.as_str().unwrap()).to_owned();
    (entry, fault.message)
}

fn file(path: &str) -> Entry {
    Entry::file(path.into(), 1, false)
}

fn folder(path: &str) -> Entry {
    Entry::directory(path.into())
}

fn link(path: &str, to: &str) -> Entry {
    Entry::symlink(path.into(), to.into())
}

#[test]
fn a_listing_that_could_confuse_or_escape_is_refused_by_name() {
    let rows: &[(&[Entry], &str, &str)] = &[
        (&[file("a"), file("a")], "a", "twice"),
        (&[file("README"), file("Readme")], "Readme", "case"),
        (&[file("é"), file("e\u{301}")], "e\u{301}", "Unicode"),
        (&[folder("a"), folder("A")], "A", "case"),
        (&[file("a"), file("a/b")], "a/b", "not a folder"),
        (&[file("x/y")], "x/y", "not a folder"),
        (&[folder("d"), link("l", "d"), file("l/x")], "l/x", "not a folder"),
        (&[link("l", "../x")], "l", "leaves"),
        (&[link("l", "/etc/passwd")], "l", "leaves"),
        (&[link("l", "gone")], "l", "not in the bundle"),
        (&[link("l", "l")], "l", "never arrives"),
        (&[link("l", "")], "l", "empty"),
        (&[file("a"), link("l", "a\u{1b}")], "l", "control"),
    ];
    for (entries, entry, why) in rows {
        let (named, message) = no(entries, 1_000, &Limits::default());
        assert_eq!(&named, &crate::names::shown(entry), "{message}");
        assert!(message.contains(why), "{message}");
    }
}

#[test]
fn totals_are_bounded() {
    let limits = Limits { entries: 2, ..Limits::default() };
    assert!(check(&[file("a"), file("b")], Some(1), &limits).is_ok());
    assert!(no(&[file("a"), file("b"), file("c")], 1, &limits).1.contains("more than 2 entries"));

    let big = |path: &str, size| Entry::file(path.into(), size, false);
    let gib = 1 << 30;
    let four = [big("a", gib), big("b", gib), big("c", gib), big("d", gib)];
    assert!(check(&four, Some(4 * gib), &Limits::default()).is_ok());
    let (entry, _) = no(&[&four[..], &[big("e", 1)]].concat(), 4 * gib, &Limits::default());
    assert_eq!(entry, "e");
    let (entry, _) = no(&[big("a", u64::MAX), big("b", 2)], u64::MAX, &Limits::default());
    assert_eq!(entry, "a");

    let mib = 1 << 20;
    assert!(check(&[big("a", 64 * mib)], Some(1), &Limits::default()).is_ok());
    assert!(check(&[big("a", 100 * mib)], Some(mib), &Limits::default()).is_ok());
    assert!(check(&[big("a", 200 * mib)], Some(mib), &Limits::default()).is_ok());
    let (entry, message) = no(&[big("a", 201 * mib)], mib, &Limits::default());
    assert_eq!(entry, "a");
    assert!(message.contains("200 times"), "{message}");
}
