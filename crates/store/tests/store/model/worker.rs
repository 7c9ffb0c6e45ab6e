//! What a worker process does: one command after another, and dying in the middle of one.

use std::io;
use std::sync::Arc;

use control::{Context, Record, Reply, View};
use deploy_spec::{Digest, EventId, Fault, document};
use serde::{Deserialize, Serialize};
use store::{EnvironmentStore, Executed, RealDisk, backup_read};

use crate::at_step::AtStep;
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
    /// Die there, or else before the answer is given.
    pub(crate) dies_at: Option<Moment>,
}

/// A moment on the disk.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) enum Moment {
    /// After so many steps.
    Step(u64),
    /// In the middle of the line that is added to the audit log.
    Line,
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
pub(crate) fn store_of(store: &EnvironmentStore) -> (Arc<AtStep>, EnvironmentStore) {
    let folder = store.folder().to_owned();
    let disk = Arc::new(AtStep::new(RealDisk::new(folder.clone()), die));
    let store = EnvironmentStore::on(local(), folder, disk.clone());
    (disk, store.patient_for(PATIENCE).rotating_at(ROTATE_AT))
}

/// Does what it is told, line by line, until nobody tells it anything.
pub(crate) fn work(store: &EnvironmentStore) {
    let (disk, store) = store_of(store);
    for line in io::stdin().lines() {
        let request: Request = serde_json::from_str(&line.unwrap()).unwrap();
        match request.dies_at {
            Some(Moment::Step(n)) => disk.expect(n),
            Some(Moment::Line) => disk.expect_at_append(0),
            None => {}
        }
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

/// SIGKILL, from within.
fn die() {
    let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    loop {
        std::thread::park();
    }
}
