//! Every limit, in both formats: what keeps it opens, and what is one over it is refused by name.

use super::fixture::{BOTH, Folder, MANIFEST};
use crate::{Archive, Limits};

/// Sets a limit.
type Bound = fn(&mut Limits, u64);

/// A limit, what is refused at one less than the archive needs, and what the refusal says.
struct Row {
    set: Bound,
    needs: u64,
    entry: &'static str,
    why: &'static str,
}

const NAME: &str = "a-name-that-is-longer-than-all-the-others-in-this-bundle";
const DEEP: &str = "d/d/d/d/d/d/file";
const TARGET: &str = "./././././index.html";

/// The small bundle, and in it one thing of each kind that is bounded.
fn sample() -> Folder {
    let folder = Folder::small();
    folder.write(NAME, "");
    folder.write(DEEP, "");
    folder.write("site/zzzz", vec![b'z'; 300_000]);
    std::os::unix::fs::symlink(TARGET, folder.at("site/link")).unwrap();
    std::os::unix::fs::symlink("link", folder.at("site/link-to-link")).unwrap();
    folder
}

fn rows() -> Vec<Row> {
    // The manifest, a module of four bytes, a page of five, and the large file.
    let bytes = MANIFEST.len() as u64 + 4 + 5 + 300_000;
    let row = |set, needs, entry, why| Row { set, needs, entry, why };
    vec![
        row(|l, n| l.entries = n as usize, 16, "", "entries"),
        row(|l, n| l.expanded_bytes = n, bytes, "site/zzzz", "expanded bytes"),
        row(|l, n| l.part_bytes = n as usize, NAME.len() as u64, NAME, "part longer"),
        row(|l, n| l.path_bytes = n as usize, NAME.len() as u64, NAME, "is longer"),
        row(|l, n| l.depth = n as usize, 7, DEEP, "deeper"),
        row(|l, n| l.target_bytes = n as usize, TARGET.len() as u64, "site/link", "bytes"),
        row(|l, n| l.link_hops = n as usize, 1, "site/link-to-link", "never arrives"),
        row(|l, n| l.manifest_bytes = n, MANIFEST.len() as u64, "bundle.yaml", "is larger"),
    ]
}

#[test]
fn what_keeps_a_limit_opens_and_one_more_is_refused_by_name() {
    for format in BOTH {
        let (_out, path, built) = sample().build(format);
        assert_eq!(built.entries, 16, "the table counts on it");
        for Row { set, needs, entry, why } in rows() {
            let mut limits = Limits::default();
            set(&mut limits, needs);
            Archive::open_within(&path, &limits).unwrap_or_else(|f| panic!("{format} {why}: {f}"));
            set(&mut limits, needs - 1);
            let fault = Archive::open_within(&path, &limits).unwrap_err();
            assert_eq!(fault.kind, deploy_spec::Kind::Refused, "{format} {why}: {fault}");
            let named = fault.details.get("entry").map_or("", |entry| entry.as_str().unwrap());
            assert_eq!(named, entry, "{format} {why}: {fault}");
            assert!(fault.message.contains(why), "{format}: {fault}, expected {why}");
        }
    }
}

#[test]
fn what_expands_more_often_than_it_may_is_refused_by_name() {
    for format in BOTH {
        let (_out, path, _) = sample().build(format);
        let size = std::fs::metadata(&path).unwrap().len();
        let once = 300_000 / size;
        let within = |ratio, ratio_floor_bytes| {
            Archive::open_within(&path, &Limits { ratio, ratio_floor_bytes, ..Limits::default() })
        };
        assert!(within(once + 1, 1_000).is_ok(), "{format}");
        assert!(within(once - 1, 1_000_000).is_ok(), "{format}: below the floor");
        let fault = within(once - 1, 1_000).unwrap_err();
        assert_eq!(fault.details["entry"], "site/zzzz", "{format}: {fault}");
    }
}

#[test]
fn tables_larger_than_they_may_be_are_refused() {
    for format in BOTH {
        let (_out, path, _) = sample().build(format);
        let within =
            |table_bytes| Archive::open_within(&path, &Limits { table_bytes, ..Limits::default() });
        assert!(within(20_000).is_ok(), "{format}");
        assert_eq!(within(100).unwrap_err().kind, deploy_spec::Kind::Refused, "{format}");
    }
}
