//! What a worker process does: one command after another, and dying in the middle of one.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use control::{Context, Record, Reply, View};
use deploy_spec::{Digest, EventId, Fault, document};
use serde::{Deserialize, Serialize};
use store::{Disk, EnvironmentStore, Executed, Guard, LockMode, RealDisk, backup_read};

use crate::dice::Dice;
use crate::plan::Plan;
use crate::real::PATIENCE;
use crate::world::{context, local};

/// How large a file of the audit log grows, in bytes: small, so that it is put aside often.
const ROTATE_AT: u64 = 3_000;

/// One thing to do.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Request {
    /// None: only look.
    pub(crate) plan: Option<Plan>,
    /// Whether who looks does so by a backup, and the random bits of its id.
    pub(crate) backup: Option<u64>,
    /// Die at this step on the disk, or else before the answer is given.
    pub(crate) dies_at: Option<u64>,
}

/// What a worker answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Answer {
    Done {
        reply: Reply,
        sequence: Option<u64>,
    },
    Failed(Fault),
    /// Who looks sees all records of one moment.
    Seen {
        sequence: u64,
        digest: Digest,
    },
}

impl Answer {
    pub(crate) fn of(result: Result<Executed, Fault>) -> Self {
        match result {
            Ok(Executed { reply, sequence }) => Self::Done { reply, sequence },
            Err(fault) => Self::Failed(fault),
        }
    }

    pub(crate) fn seen(view: &dyn View) -> Self {
        let record = |key| view.get(&key).unwrap().unwrap();
        Self::read(view.sequence(), view.all().unwrap().into_iter().map(record))
    }

    fn read(sequence: u64, records: impl Iterator<Item = Record>) -> Self {
        let lines = records.flat_map(|record| {
            let key = document::to_line(&record.key());
            [key, document::to_line(&record)].concat()
        });
        Self::Seen { sequence, digest: Digest::of(&lines.collect::<Vec<u8>>()) }
    }
}

/// The same store on a disk that can be told to die.
pub(crate) fn store_of(store: &EnvironmentStore) -> (Arc<Mortal>, EnvironmentStore) {
    let folder = store.folder().to_owned();
    let disk = Arc::new(Mortal::new(RealDisk::new(folder.clone())));
    let store = EnvironmentStore::on(local(), folder, disk.clone());
    (disk, store.patient_for(PATIENCE).rotating_at(ROTATE_AT))
}

/// Does what it is told, line by line, until nobody tells it anything.
pub(crate) fn work(store: &EnvironmentStore) {
    let (disk, store) = store_of(store);
    for line in io::stdin().lines() {
        let request: Request = serde_json::from_str(&line.unwrap()).unwrap();
        disk.steps_left.store(request.dies_at.unwrap_or(u64::MAX), Ordering::Relaxed);
        let answer = match &request {
            Request { plan: Some(plan), .. } => Answer::of(plan.command().run(&store)),
            Request { backup: Some(id), .. } => back_up(&store, *id),
            _ => Answer::seen(&store.read().unwrap()),
        };
        if request.dies_at.is_some() {
            die();
        }
        println!("answered {}", serde_json::to_string(&answer).unwrap());
    }
}

/// What a backup that is made now holds.
fn back_up(store: &EnvironmentStore, id: u64) -> Answer {
    let Context { actor, now, .. } = context(0, &mut Dice::new(id));
    let made = store.backup_write(EventId::from_parts(1, id.into()), &actor, now).unwrap();
    let (header, records) = backup_read(&store.folder().join(made.file)).unwrap();
    Answer::read(header.content.sequence, records.into_iter())
}

/// A disk that kills its process at some step, which is then half done.
pub(crate) struct Mortal {
    disk: RealDisk,
    steps_left: AtomicU64,
}

impl Mortal {
    pub(crate) const fn new(disk: RealDisk) -> Self {
        Self { disk, steps_left: AtomicU64::new(u64::MAX) }
    }

    fn is_last_step(&self) -> bool {
        self.steps_left.fetch_sub(1, Ordering::Relaxed) == 0
    }

    fn step(&self) {
        if self.is_last_step() {
            die();
        }
    }
}

/// SIGKILL, from within.
fn die() {
    let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    loop {
        std::thread::park();
    }
}

fn half(bytes: &[u8]) -> &[u8] {
    &bytes[..bytes.len() / 2]
}

impl Disk for Mortal {
    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        self.disk.read(path)
    }

    fn read_tail(&self, path: &str, most: u64) -> io::Result<(Vec<u8>, u64)> {
        self.disk.read_tail(path, most)
    }

    fn read_part(&self, path: &str, from: u64, most: u64) -> io::Result<Vec<u8>> {
        self.disk.read_part(path, from, most)
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        self.disk.list(folder)
    }

    fn make_folder(&self, folder: &str) -> io::Result<bool> {
        self.step();
        self.disk.make_folder(folder)
    }

    fn write(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        if self.is_last_step() {
            let _ = self.disk.write(path, half(bytes));
            die();
        }
        self.disk.write(path, bytes)
    }

    fn append(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        if self.is_last_step() {
            let _ = self.disk.append(path, half(bytes));
            die();
        }
        self.disk.append(path, bytes)
    }

    fn truncate(&self, path: &str, length: u64) -> io::Result<()> {
        self.step();
        self.disk.truncate(path, length)
    }

    /// What a killed process wrote stays without this, and a machine that loses its power is
    /// simulated elsewhere: so nobody waits here.
    fn sync(&self, _: &str) -> io::Result<()> {
        self.step();
        Ok(())
    }

    fn sync_folder(&self, _: &str) -> io::Result<()> {
        self.step();
        Ok(())
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.step();
        self.disk.rename(from, to)
    }

    fn link(&self, from: &str, to: &str) -> io::Result<()> {
        self.step();
        self.disk.link(from, to)
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.step();
        self.disk.remove(path)
    }

    fn lock(&self, mode: LockMode, patience: Duration) -> io::Result<Guard> {
        self.disk.lock(mode, patience)
    }
}
