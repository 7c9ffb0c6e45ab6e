//! A whole environment in one file.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use control::{Key, Record, View as _};
use deploy_spec::{Actor, ActorKind, Digest, EventId, Fault, Kind, Timestamp};
use store::{Backup, EnvironmentStore, RealDisk, backup_read};

use crate::at_step::AtStep;
use crate::real::{folder, store_in};
use crate::sim_disk::{Reboot, SimDisk, Trouble};
use crate::world::{Scene, assert_log_is_whole, holder, local, newest_deployment, on, same};

fn ada() -> Actor {
    Actor { kind: ActorKind::OsUser, user: "ada".into(), uid: 1000, host: "box".into() }
}

fn back_up(store: &EnvironmentStore, n: u64) -> Result<Backup, Fault> {
    let at = Timestamp::from_millisecond(1_767_225_600_000).unwrap();
    store.backup_write(EventId::from_parts(n, 7), &ada(), at)
}

/// What a backup must hold: every record but the answers.
fn wanted(scene: &Scene) -> Vec<Record> {
    let records = scene.memory.records().iter();
    let records = records.filter(|(key, _)| !matches!(key, Key::Answered(_)));
    records.map(|(_, record)| record.clone()).collect()
}

#[test]
fn a_backup_holds_every_record_of_one_moment() {
    let folder = folder();
    let mut scene = Scene::serving(store_in(folder.path()));
    scene.turn("again");
    scene.deploy("other", "/other");
    let before = wanted(&scene);
    let sequence = scene.memory.sequence();
    let made = back_up(&scene.store, 1).unwrap();
    scene.turn("later");
    let (header, records) = backup_read(&scene.store.folder().join(&made.file)).unwrap();
    assert_eq!(records, before);
    assert_eq!(Some(&header), made.header.as_ref());
    assert_eq!((header.content.sequence, header.content.records), (sequence, before.len() as u64));
    assert_eq!(header.content.by, ada());
    assert_eq!(scene.store.backups().unwrap(), std::slice::from_ref(&made));
    let taken = back_up(&scene.store, 1).unwrap_err();
    assert_eq!(taken.kind, Kind::Conflict);
    // Anywhere else it reads the same.
    let elsewhere = folder.path().join("elsewhere");
    fs::rename(scene.store.folder().join(&made.file), &elsewhere).unwrap();
    assert_eq!(backup_read(&elsewhere).unwrap().1, before);
}

#[test]
fn a_backup_that_is_being_written_is_not_pruned() {
    let folder = folder();
    let store = Scene::serving(store_in(folder.path())).store;
    for n in 0..6 {
        let pruning = store.clone().patient_for(Duration::ZERO);
        let later = Timestamp::from_second(4_000_000_000).unwrap();
        let prune = move || {
            let known: Vec<String> =
                pruning.backups().unwrap().into_iter().map(|backup| backup.file).collect();
            drop(pruning.backups_forget(later, &holder(), &known, &[]));
        };
        let disk = AtStep::new(RealDisk::new(store.folder().to_owned()), prune);
        disk.expect(n);
        let store = EnvironmentStore::on(local(), store.folder().to_owned(), Arc::new(disk));
        let made = back_up(&store, n).unwrap_or_else(|fault| panic!("step {n}: {fault}"));
        assert!(backup_read(&store.folder().join(&made.file)).is_ok(), "step {n}");
    }
    assert_eq!(store.backups().unwrap().len(), 6);
}

#[test]
fn a_commit_in_flight_is_in_the_backup() {
    let disk = SimDisk::new();
    let mut scene = Scene::serving(on(&disk));
    let command = scene.world.clear(newest_deployment(&scene.memory), "clear");
    let expected = crate::world::Expected::of(&*command, &scene.memory);
    let whole = disk.copy();
    whole.expect(Trouble::None, 0);
    command.run(&on(&whole)).unwrap();
    let decided = whole.steps().iter().position(|step| step == "sync-folder journal").unwrap();
    disk.expect(Trouble::PowerOff(decided + 1), 0);
    command.run(&scene.store).unwrap_err();
    disk.reboot(Reboot::Strict);
    scene.memory = expected.after;
    let file = folder();
    let records = read_on(&disk, &back_up(&scene.store, 1).unwrap().file, file.path());
    assert_eq!(records.unwrap(), wanted(&scene));
}

/// Reads a backup that is on a disk in memory.
fn read_on(disk: &SimDisk, path: &str, folder: &Path) -> Result<Vec<Record>, Fault> {
    let file = folder.join("backup");
    fs::write(&file, disk.peek(path).unwrap()).unwrap();
    backup_read(&file).map(|(_, records)| records)
}

#[test]
fn a_spoiled_backup_is_refused_and_says_why() {
    let folder = folder();
    let scene = Scene::serving(store_in(folder.path()));
    let made = back_up(&scene.store, 1).unwrap();
    let file: PathBuf = scene.store.folder().join(&made.file);
    let good = fs::read(&file).unwrap();
    let line = good.iter().position(|&b| b == b'\n').unwrap();
    let header = String::from_utf8(good[..line].to_vec()).unwrap();
    let with_header = |header: String| [header.as_bytes(), &good[line..]].concat();
    let other = Digest::of(b"other").to_string();
    let digest = made.header.unwrap().digest.to_string();
    let flipped = |at: usize| {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        bytes
    };
    for (bytes, kind, why) in [
        (Vec::new(), Kind::InvalidInput, "its first line is no header"),
        (good[..line].to_vec(), Kind::InvalidInput, "0 bytes follow the header"),
        (good[..good.len() - 1].to_vec(), Kind::InvalidInput, "bytes follow the header"),
        ([&good[..], b"x"].concat(), Kind::InvalidInput, "bytes follow the header"),
        (flipped(line + 40), Kind::InvalidInput, "not that of the digest"),
        (
            with_header(header.replace(&digest, &other)),
            Kind::InvalidInput,
            "not that of the digest",
        ),
        (
            with_header(header.replace("local", "lokal")),
            Kind::InvalidInput,
            "its header was changed",
        ),
        (with_header(header.replace("file.v1", "file.v2")), Kind::Refused, "a newer gtc wrote it"),
        (with_header(header.replace("file.v1", "tile.v1")), Kind::InvalidInput, "no header"),
    ] {
        fs::write(&file, bytes).unwrap();
        let fault = backup_read(&file).unwrap_err();
        assert_eq!(fault.kind, kind, "{fault}");
        assert!(fault.message.contains(why), "{fault} for {why}");
        assert!(fault.message.contains(file.to_str().unwrap()), "{fault}");
    }
    for path in [folder.path().join("absent"), folder.path().to_owned(), "/dev/null".into()] {
        assert!(backup_read(&path).is_err(), "{}", path.display());
    }
}

#[test]
fn a_file_that_nobody_tells_of_goes_when_it_is_old_and_one_that_was_pruned_at_once() {
    let folder = folder();
    let scene = Scene::serving(store_in(folder.path()));
    let files: Vec<String> = [20, 30, 40].map(|id| back_up(&scene.store, id).unwrap().file).into();
    let draft = format!("backups/files/{}.gtbackup.draft", EventId::from_parts(10, 7));
    fs::write(scene.store.folder().join(&draft), "half").unwrap();
    let there = || scene.store.backups().unwrap().len();
    let known = [files[2].clone()];
    let now = Timestamp::UNIX_EPOCH;
    scene.store.backups_forget(now, &holder(), &known, &[]).unwrap();
    assert_eq!(there(), 3, "they are young");
    scene.store.backups_forget(now, &holder(), &known, &files[..1]).unwrap();
    assert_eq!(there(), 2);
    let later = Timestamp::from_second(4_000_000_000).unwrap();
    scene.store.backups_forget(later, &holder(), &known, &[]).unwrap();
    assert_eq!(scene.store.backups().unwrap()[0].file, known[0]);
    assert_eq!(there(), 1);
    assert!(!scene.store.folder().join(&draft).exists());
}

#[test]
fn a_backup_cut_off_at_any_step_is_whole_or_absent() {
    let disk = SimDisk::new();
    let scene = Scene::serving(on(&disk));
    let file = folder();
    let whole = disk.copy();
    whole.expect(Trouble::None, 0);
    back_up(&on(&whole), 1).unwrap();
    for n in 0..=whole.steps().len() {
        for trouble in [Trouble::PowerOff(n), Trouble::FailOnce(n), Trouble::FullFrom(n)] {
            let off = disk.copy();
            off.expect(trouble, n as u64);
            let made = back_up(&on(&off), 1);
            off.expect(Trouble::None, 0);
            for reboot in Reboot::all(8) {
                let context = format!("{trouble:?}, {reboot:?}");
                let disk = off.copy();
                disk.reboot(reboot);
                let store = on(&disk);
                let found = store.backups().unwrap();
                assert!(made.is_err() || found.len() == 1, "{context}: it is lost");
                for backup in found {
                    let records = read_on(&disk, &backup.file, file.path());
                    let records = records.unwrap_or_else(|f| panic!("{context}: {f}"));
                    assert_eq!(records, wanted(&scene), "{context}");
                }
                same(&store.read().unwrap(), &scene.memory, &scene.memory).unwrap();
                assert_log_is_whole(&store, &context);
                back_up(&store, 2).unwrap_or_else(|f| panic!("{context}: {f}"));
            }
        }
    }
}
