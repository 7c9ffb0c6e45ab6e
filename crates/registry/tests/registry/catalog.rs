//! The provider catalog: where it is taken from, and what is kept of it.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use deploy_spec::{Digest, Fault, Kind};
use registry::{
    Artifact, Bases, Catalog, CatalogSource, Clean, Freshness, Reference, ResolvedCatalog,
    blocking, media,
};

use crate::server::{Server, files};
use crate::support::{Desk, client, oci, options, push};

use CatalogSource::{Cache, DigestCache, Fetched};
use Freshness::{Cached, Offline, Refresh};

/// A registry with a catalog, and a cache beside it.
struct Place {
    server: Server,
    desk: Desk,
    catalog: Catalog,
}

impl Place {
    fn new() -> Self {
        let (server, desk) = (Server::plain(), Desk::new());
        let catalog = Catalog::new(desk.path("cache"), options());
        let place = Self { server, desk, catalog };
        place.publish("catalog:v1", "one");
        place
    }

    fn publish(&self, at: &str, content: &str) -> Digest {
        let file = self.desk.path("catalog.json");
        std::fs::write(&file, content).unwrap();
        let artifact = Artifact {
            file,
            artifact_type: media::CATALOG.into(),
            layer_media_type: media::CATALOG.into(),
            ..Artifact::default()
        };
        push(&client(), &self.server.at(at), &artifact).unwrap().manifest_digest
    }

    fn resolve(&self, at: &str, freshness: Freshness) -> Result<ResolvedCatalog, Fault> {
        let reference = Reference::Oci(oci(&self.server.at(at)));
        blocking::run(self.catalog.resolve(&reference, freshness))
    }

    /// What is found: where, and its bytes, which are in the file as well.
    fn found(&self, at: &str, freshness: Freshness) -> (CatalogSource, String) {
        let found = self.resolve(at, freshness).unwrap();
        assert_eq!(std::fs::read(&found.path).unwrap(), found.bytes);
        assert_eq!(Digest::of(&found.bytes), found.digest);
        assert_eq!((found.stale, &found.warning), (false, &None));
        (found.source, String::from_utf8(found.bytes).unwrap())
    }

    fn kept(&self, folder: &str) -> Vec<PathBuf> {
        files(&self.desk.path("cache").join(folder))
    }

    /// Every file of the cache, and what would change if it were written.
    fn marks(&self) -> BTreeMap<PathBuf, (u64, i64, i64)> {
        let mark = |path: PathBuf| {
            let meta = path.metadata().unwrap();
            (path, (meta.ino(), meta.mtime(), meta.mtime_nsec()))
        };
        files(&self.desk.path("cache")).into_iter().map(mark).collect()
    }
}

fn spoil(path: &Path) {
    std::fs::write(path, "spoilt").unwrap();
}

#[test]
fn it_is_fetched_once_and_then_kept() {
    let mut place = Place::new();
    assert_eq!(place.found("catalog:v1", Cached), (Fetched, "one".into()));
    place.publish("catalog:v1", "two");
    assert_eq!(place.found("catalog:v1", Cached), (Cache, "one".into()));
    assert_eq!(place.found("catalog:v1", Refresh), (Fetched, "two".into()));
    assert_eq!(place.found("catalog:v1", Offline), (Cache, "two".into()));
    place.server.kill();
    assert_eq!(place.found("catalog:v1", Cached), (Cache, "two".into()));
}

#[test]
fn offline_takes_what_is_kept_or_says_how_to_go_on() {
    let place = Place::new();
    let fault = place.resolve("catalog:v1", Offline).unwrap_err();
    assert_eq!(fault.kind, Kind::Unavailable);
    assert!(fault.hint.unwrap().contains("gtc registry resolve oci://"));
    assert!(!place.desk.path("cache").exists());
    place.found("catalog:v1", Cached);
    std::fs::remove_file(&place.kept("references")[0]).unwrap();
    assert_eq!(place.found("catalog:v1", Offline), (DigestCache, "one".into()));
    // Which put back what was missing.
    assert_eq!(place.found("catalog:v1", Offline), (Cache, "one".into()));
}

#[test]
fn a_refresh_that_fails_falls_back_and_says_so() {
    let mut place = Place::new();
    place.found("catalog:v1", Cached);
    place.server.kill();
    let fallen = |place: &Place| {
        let found = place.resolve("catalog:v1", Refresh).unwrap();
        assert!(found.stale && found.warning.is_some_and(|why| why.contains("connecting")));
        (found.source, found.bytes)
    };
    assert_eq!(fallen(&place), (Cache, b"one".to_vec()));
    spoil(&place.kept("references")[0]);
    assert_eq!(fallen(&place), (DigestCache, b"one".to_vec()));
    let fault = place.resolve("catalog:other", Refresh).unwrap_err();
    assert_eq!(fault.kind, Kind::Unavailable);
}

#[test]
fn an_unchanged_digest_rewrites_nothing() {
    let place = Place::new();
    place.found("catalog:v1", Cached);
    let before = place.marks();
    assert_eq!(before.len(), 3);
    assert_eq!(place.found("catalog:v1", Refresh), (Fetched, "one".into()));
    assert_eq!(place.found("catalog:v1", Offline), (Cache, "one".into()));
    assert_eq!(place.marks(), before);
    let gets = place.server.requests(1, |line| line.starts_with("GET /v2/catalog/blobs/"));
    assert_eq!(gets.len(), 1, "{gets:?}");
}

#[test]
fn whoever_reads_a_file_meanwhile_reads_one_catalog_to_its_end() {
    let place = Place::new();
    let kept = place.resolve("catalog:v1", Cached).unwrap().path;
    let mut open = std::fs::File::open(&kept).unwrap();
    place.publish("catalog:v1", "two");
    assert_eq!(place.resolve("catalog:v1", Refresh).unwrap().path, kept);
    let mut read = String::new();
    std::io::Read::read_to_string(&mut open, &mut read).unwrap();
    assert_eq!((read.as_str(), std::fs::read(&kept).unwrap()), ("one", b"two".to_vec()));
}

#[test]
fn two_references_share_no_file() {
    let place = Place::new();
    let digest = place.publish("catalog:v1", "one");
    place.publish("catalog", "one");
    let pinned = format!("catalog@{digest}");
    for at in ["catalog:v1", "catalog", "catalog:latest", &pinned] {
        assert_eq!(place.found(at, Cached), (Fetched, "one".into()));
    }
    let paths = ["catalog:v1", "catalog", "catalog:latest", &pinned]
        .map(|at| place.resolve(at, Offline).unwrap().path);
    let different: std::collections::BTreeSet<_> = paths.iter().collect();
    assert_eq!(different.len(), 4);
    assert_eq!((place.kept("references").len(), place.kept("digests").len()), (4, 1));
    // One that moves on leaves the others as they are.
    place.publish("catalog:v1", "two");
    assert_eq!(place.found("catalog:v1", Refresh), (Fetched, "two".into()));
    assert_eq!(place.found("catalog", Offline), (Cache, "one".into()));
}

#[test]
fn whatever_is_spoilt_heals() {
    let place = Place::new();
    place.found("catalog:v1", Cached);
    let whole = place.marks();
    for (folder, found) in [("references", DigestCache), ("digests", Cache), ("index", Fetched)] {
        spoil(&place.kept(folder)[0]);
        assert_eq!(place.found("catalog:v1", Cached), (found, "one".into()), "{folder}");
        place.found("catalog:v1", Refresh);
        assert_eq!(place.found("catalog:v1", Offline), (Cache, "one".into()), "{folder}");
    }
    let contents = |folder: &str| std::fs::read(&place.kept(folder)[0]).unwrap();
    assert_eq!((contents("references"), contents("digests")), (b"one".to_vec(), b"one".to_vec()));
    assert!(place.marks().keys().eq(whole.keys()));
    // Both copies at once: nothing to use offline, and fetched otherwise.
    spoil(&place.kept("references")[0]);
    spoil(&place.kept("digests")[0]);
    assert_eq!(place.resolve("catalog:v1", Offline).unwrap_err().kind, Kind::Unavailable);
    assert_eq!(place.found("catalog:v1", Cached), (Fetched, "one".into()));
}

#[test]
fn an_index_entry_of_another_reference_is_not_believed() {
    let place = Place::new();
    place.publish("other:v1", "other");
    place.found("catalog:v1", Cached);
    let mine = place.kept("index");
    place.found("other:v1", Cached);
    let theirs = place.kept("index").into_iter().find(|path| !mine.contains(path)).unwrap();
    std::fs::copy(&theirs, &mine[0]).unwrap();
    assert_eq!(place.found("catalog:v1", Cached), (Fetched, "one".into()));
}

#[test]
fn a_file_must_exist_and_is_never_kept() {
    let desk = Desk::new();
    let catalog = Catalog::new(desk.path("cache"), options());
    std::fs::write(desk.path("c.json"), "mine").unwrap();
    let resolve = |text: &str| {
        let reference = Reference::parse(text, &Bases::default()).unwrap();
        blocking::run(catalog.resolve(&reference, Offline))
    };
    let path = desk.path("c.json").display().to_string();
    for text in [path.clone(), format!("file://{path}")] {
        let found = resolve(&text).unwrap();
        let json = serde_json::to_value(&found).unwrap();
        let digest = Digest::of(b"mine");
        let expected = serde_json::json!(
            {"path": path, "digest": digest, "source": "file", "stale": false});
        assert_eq!(json, expected);
    }
    assert_eq!(resolve(&format!("{path}x")).unwrap_err().kind, Kind::NotFound);
    assert!(!desk.path("cache").exists());
}

#[test]
fn what_is_kept_is_listed_and_removed() {
    let place = Place::new();
    place.publish("other:v1", "other!");
    place.found("catalog:v1", Cached);
    place.found("other:v1", Cached);
    place.publish("other:v1", "changed");
    place.found("other:v1", Refresh);
    spoil(&place.resolve("catalog:v1", Offline).unwrap().path);
    let listed = |place: &Place| -> Vec<(String, Option<u64>)> {
        let all = place.catalog.list().unwrap();
        all.into_iter().map(|kept| (kept.reference, kept.size_bytes)).collect()
    };
    let (one, other) = (place.server.at("catalog:v1"), place.server.at("other:v1"));
    assert_eq!(listed(&place), [(one.clone(), Some(3)), (other.clone(), Some(7))]);
    // The spoilt one, and the bytes that `other` stood for before.
    let cleaned = place.catalog.clean(&Clean::Unused).unwrap();
    assert_eq!((cleaned.removed.len(), cleaned.freed_bytes), (2, 6 + 6));
    assert_eq!(place.found("catalog:v1", Offline), (DigestCache, "one".into()));
    let cleaned = place.catalog.clean(&Clean::One(oci(&one))).unwrap();
    assert_eq!(cleaned.removed.len(), 3);
    assert_eq!(listed(&place), [(other, Some(7))]);
    assert_eq!(place.catalog.clean(&Clean::One(oci(&one))).unwrap_err().kind, Kind::NotFound);
    assert_eq!(place.catalog.clean(&Clean::All).unwrap().removed.len(), 3);
    assert_eq!(files(&place.desk.path("cache")), Vec::<PathBuf>::new());
    assert_eq!(place.catalog.clean(&Clean::All).unwrap().removed.len(), 0);
}

#[test]
fn a_layer_of_another_kind_is_no_catalog() {
    let place = Place::new();
    push(&client(), &place.server.at("bundle"), &place.desk.file("a", 10)).unwrap();
    let fault = place.resolve("bundle", Cached).unwrap_err();
    assert_eq!(fault.kind, Kind::Refused);
    assert!(fault.message.contains(media::BUNDLE_ZIP) && fault.message.contains(media::CATALOG));
}
