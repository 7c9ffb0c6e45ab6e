//! The audit log: what it answers, and what it proves.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use control::View as _;
use deploy_spec::{AuditEvent, Kind, Timestamp, document};
use store::{
    AuditFilter, AuditOrder, AuditOutcome, AuditPage, AuditReport, EnvironmentStore, Removal,
};

use crate::real::{folder, store_in};
use crate::sim_disk::{Reboot, SimDisk, Trouble};
use crate::world::{Scene, assert_log_is_whole, holder, newest_deployment, on};

/// A log of many small files on the disk of this machine.
fn scene(folder: &std::path::Path) -> Scene {
    let mut scene = Scene::serving(store_in(folder).rotating_at(2_500));
    for i in 0..12 {
        scene.turn(&format!("turn-{i}"));
        scene.ask(|w, _| w.add("other", "/", &format!("taken-{i}")));
    }
    scene
}

fn audit_files(store: &EnvironmentStore) -> Vec<PathBuf> {
    let entries = fs::read_dir(store.folder().join("audit")).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "jsonl"));
    paths.sort();
    paths
}

fn list(store: &EnvironmentStore, filter: &AuditFilter) -> Vec<AuditEvent> {
    let AuditPage { events, unreadable, .. } = store.audit_list(filter).unwrap();
    assert_eq!(unreadable, 0);
    events
}

#[test]
fn the_log_is_listed_from_either_end_across_its_files() {
    let folder = folder();
    let store = scene(folder.path()).store;
    assert!(audit_files(&store).len() > 7, "{:?}", audit_files(&store));
    let oldest =
        list(&store, &AuditFilter { order: AuditOrder::OldestFirst, ..Default::default() });
    let mut newest = list(&store, &AuditFilter::default());
    newest.reverse();
    assert_eq!(oldest, newest);
    assert_eq!(oldest.len(), 5 + 24);
    for pair in oldest.windows(2) {
        assert_eq!(pair[1].prev_hash, pair[0].hash);
    }
    let page = store.audit_list(&AuditFilter { limit: Some(3), ..Default::default() }).unwrap();
    assert!(page.is_cut);
    assert_eq!(page.events[..], newest.iter().rev().take(3).cloned().collect::<Vec<_>>());
    let all = AuditFilter { limit: Some(29), ..Default::default() };
    assert!(!store.audit_list(&all).unwrap().is_cut);
}

type Wanted = Box<dyn Fn(&AuditEvent) -> bool>;

#[test]
fn a_filter_lets_through_what_it_names() {
    let folder = folder();
    let store = scene(folder.path()).store;
    let all = list(&store, &AuditFilter::default());
    let middle = all[10].ts;
    let target = all[0].target.clone();
    let none = AuditFilter::default;
    let is_refused = |event: &AuditEvent| event.generation.after.is_none();
    let cases: Vec<(AuditFilter, Wanted)> = vec![
        (AuditFilter { noun: Some("traffic".into()), ..none() }, Box::new(|e| e.noun == "traffic")),
        (AuditFilter { verb: Some("add".into()), ..none() }, Box::new(|e| e.verb == "add")),
        (AuditFilter { since: Some(middle), ..none() }, Box::new(move |e| e.ts >= middle)),
        (AuditFilter { until: Some(middle), ..none() }, Box::new(move |e| e.ts < middle)),
        (AuditFilter { target: target.clone(), ..none() }, Box::new(move |e| e.target == target)),
        (AuditFilter { actor: Some("bob".into()), ..none() }, Box::new(|_| false)),
        (AuditFilter { actor: Some("ada".into()), ..none() }, Box::new(|_| true)),
        (
            AuditFilter { outcome: Some(AuditOutcome::Kind(Kind::Conflict)), ..none() },
            Box::new(is_refused),
        ),
        (AuditFilter { outcome: Some(AuditOutcome::Error), ..none() }, Box::new(is_refused)),
        (
            AuditFilter { outcome: Some(AuditOutcome::Ok), ..none() },
            Box::new(move |e| !is_refused(e)),
        ),
        (
            AuditFilter { outcome: Some(AuditOutcome::Kind(Kind::Refused)), ..none() },
            Box::new(|_| false),
        ),
    ];
    for (filter, wanted) in cases {
        let wanted: Vec<AuditEvent> = all.iter().filter(|e| wanted(e)).cloned().collect();
        assert_eq!(list(&store, &filter), wanted, "{filter:?}");
    }
    assert_eq!("refused".parse(), Ok(AuditOutcome::Kind(Kind::Refused)));
    assert_eq!(("ok".parse(), "error".parse()), (Ok(AuditOutcome::Ok), Ok(AuditOutcome::Error)));
    assert!("denied".parse::<AuditOutcome>().is_err());
}

/// How many bytes of the log `--limit 20` reads.
fn read_for_twenty(commands: usize) -> Vec<String> {
    let disk = SimDisk::new();
    let mut scene = Scene::serving(on(&disk).rotating_at(u64::MAX));
    for i in 0..commands {
        scene.turn(&format!("turn-{i}"));
    }
    disk.expect(Trouble::None, 0);
    let filter = AuditFilter { limit: Some(20), ..Default::default() };
    assert_eq!(scene.store.audit_list(&filter).unwrap().events.len(), 20);
    disk.steps()
}

#[test]
fn the_newest_lines_cost_the_same_in_a_long_log() {
    assert_eq!(read_for_twenty(200), read_for_twenty(800));
}

#[test]
fn a_whole_log_is_proven_whole() {
    let folder = folder();
    let store = scene(folder.path()).store;
    let report = store.audit_verify().unwrap();
    assert_eq!(report.problems, []);
    let all = list(&store, &AuditFilter::default());
    assert_eq!(
        report,
        AuditReport {
            lines: 29,
            files: audit_files(&store).len() as u64,
            first: Some(all[28].ts),
            last: Some(all[0].ts),
            ..Default::default()
        }
    );
}

type Lines = Vec<Vec<u8>>;

/// Every way to spoil one line, tried on every line.
fn spoil(how: &str, lines: &mut Lines, i: usize) -> bool {
    let text = String::from_utf8(lines[i].clone()).unwrap();
    match how {
        "changed" => lines[i] = text.replacen("\"ada\"", "\"eve\"", 1).into_bytes(),
        "rehashed" => {
            let event: AuditEvent = document::from_json(&lines[i]).unwrap();
            let prev = event.prev_hash.clone();
            let event = AuditEvent { ts: Timestamp::UNIX_EPOCH, ..event }.chained(prev);
            lines[i] = [document::to_line(&event), b"\n".to_vec()].concat();
        }
        "respelled" => lines[i] = text.replacen("\":", "\" :", 1).into_bytes(),
        "removed" => drop(lines.remove(i)),
        "twice" => lines.insert(i, lines[i].clone()),
        "moved" if i + 1 < lines.len() => lines.swap(i, i + 1),
        "moved" => return false,
        "garbage" => lines[i] = b"garbage\n".to_vec(),
        "cut" => lines.truncate(i),
        "torn" => {
            lines.truncate(i + 1);
            let half = lines[i].len() / 2;
            lines[i].truncate(half);
        }
        _ => panic!("{how}"),
    }
    true
}

#[test]
fn every_spoiled_line_is_found() {
    let folder = folder();
    let store = scene(folder.path()).store;
    let good: BTreeMap<PathBuf, Vec<u8>> = audit_files(&store)
        .into_iter()
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect();
    let ways =
        ["changed", "rehashed", "respelled", "removed", "twice", "moved", "garbage", "cut", "torn"];
    for (path, text) in &good {
        let lines: Lines = text.split_inclusive(|&b| b == b'\n').map(<[u8]>::to_vec).collect();
        for i in 0..lines.len() {
            for how in ways {
                let mut spoiled = lines.clone();
                if !spoil(how, &mut spoiled, i) {
                    continue;
                }
                fs::write(path, spoiled.concat()).unwrap();
                let context = format!("line {i} of {} {how}", path.display());
                assert_ne!(store.audit_verify().unwrap().problems, [], "{context}");
            }
        }
        fs::remove_file(path).unwrap();
        assert_ne!(store.audit_verify().unwrap().problems, [], "{} gone", path.display());
        fs::write(path, text).unwrap();
    }
    assert_log_is_whole(&store, "mended");
}

#[test]
fn a_changed_line_is_named() {
    let folder = folder();
    let store = scene(folder.path()).store;
    let path = audit_files(&store).remove(2);
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replacen("\"ada\"", "\"eve\"", 1)).unwrap();
    let problems = store.audit_verify().unwrap().problems;
    let [problem] = &problems[..] else { panic!("{problems:?}") };
    assert_eq!(
        (problem.file.as_str(), problem.line),
        ("audit/events-00000000000000000009.jsonl", Some(1))
    );
    assert_eq!(problem.why, "it was changed: its hash is that of another line");
}

#[test]
fn a_cut_end_shows_for_good_though_the_log_goes_on() {
    let folder = folder();
    let mut scene = scene(folder.path());
    let log = scene.store.folder().join("audit/events.jsonl");
    let text = fs::read_to_string(&log).unwrap();
    let last = text.trim_end().rfind('\n').map_or(0, |at| at + 1);
    fs::write(&log, &text[..last]).unwrap();
    for i in 0..6 {
        assert_ne!(scene.store.audit_verify().unwrap().problems, [], "{i}");
        scene.turn(&format!("after-{i}"));
    }
}

#[test]
fn a_log_without_an_anchor_is_counted_again() {
    let folder = folder();
    let mut scene = scene(folder.path());
    let head = scene.store.folder().join("audit/head.json");
    let good = fs::read_to_string(&head).unwrap();
    for spoiled in [None, Some(""), Some("{\"schema\":\"greentic.audit-head.v2\"}")] {
        match spoiled {
            None => fs::remove_file(&head).unwrap(),
            Some(text) => fs::write(&head, text).unwrap(),
        }
        assert_eq!(scene.store.audit_verify().unwrap().problems.len(), 1);
        scene.turn(&format!("after-{spoiled:?}").replace(['"', '(', ')', '{', '}', ':'], ""));
        assert_log_is_whole(&scene.store, "counted again");
    }
    assert_ne!(fs::read_to_string(&head).unwrap(), good);
    assert_eq!(scene.store.audit_verify().unwrap().lines, 32);
}

#[test]
fn what_was_pruned_is_told_from_what_was_removed() {
    let folder = folder();
    let mut scene = scene(folder.path());
    let store = scene.store.clone();
    let before = audit_files(&store);
    let would = store.audit_prune(2, Removal::LookOnly, &holder()).unwrap();
    assert_eq!(audit_files(&store), before);
    let did = store.audit_prune(2, Removal::Remove, &holder()).unwrap();
    assert_eq!(would, did);
    assert_eq!((did.kept, did.removed.len()), (2, before.len() - 3));
    let report = store.audit_verify().unwrap();
    assert_eq!((report.problems.as_slice(), report.lines + report.pruned_lines), (&[][..], 29));
    assert!(report.pruned_lines > 0);
    scene.turn("after");
    assert_log_is_whole(&store, "after a prune");
    fs::remove_file(&audit_files(&store)[0]).unwrap();
    assert_ne!(store.audit_verify().unwrap().problems, []);
}

#[test]
fn a_prune_cut_off_at_any_step_leaves_a_whole_log() {
    let disk = SimDisk::new();
    let mut scene = Scene::serving(on(&disk));
    (0..6).for_each(|i| scene.turn(&format!("turn-{i}")));
    for n in 0..40 {
        for reboot in Reboot::all(8) {
            let disk = disk.copy();
            disk.expect(Trouble::PowerOff(n), 0);
            let _ = on(&disk).audit_prune(1, Removal::Remove, &holder());
            disk.reboot(reboot);
            let context = format!("off at {n}, {reboot:?}");
            let store = on(&disk);
            assert_log_is_whole(&store, &context);
            let of = newest_deployment(&scene.memory);
            crate::world::World::new(n as u64 + 100).clear(of, "clear").run(&store).unwrap();
            assert_log_is_whole(&store, &context);
            assert_eq!(store.read().unwrap().sequence(), scene.memory.sequence() + 1);
            store.audit_prune(0, Removal::Remove, &holder()).unwrap();
            assert_log_is_whole(&store, &context);
        }
    }
}
