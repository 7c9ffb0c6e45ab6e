//! Several processes do random commands against one store on a real disk, are killed in the middle
//! of them, and replaced. What they were answered, and what they left, must be what a model in
//! memory says that one process would have done that did one command after another; and every law
//! that a store can show must hold after each.
//!
//! It runs a handful of seeds. `STORE_MODEL_SEEDS=17` runs that seed, and `STORE_MODEL_SEEDS=0..500`
//! those: a seed repeats what is asked, though not how the processes meet.

mod check;
#[path = "../../../../control/tests/control/laws.rs"]
mod laws;
mod pick;
mod worker;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use control::{Key, View as _};
use deploy_spec::AuditEvent;
use serde_json::Value;
use store::{CommitSeen, EnvironmentStore, Feed, backup_read};

use self::check::{Call, Checker};
use self::pick::{Picker, VERBS};
pub(crate) use self::worker::work;
use self::worker::{Answer, Moment, Request};
use crate::dice::Dice;
use crate::plan::Plan;
use crate::real::{Other, files, folder, store_in};
use crate::world::{assert_log_is_whole, events, holder, is_change};

const SEEDS: Range<u64> = 0..4;
const WORKERS: u64 = 4;
/// After each round everybody rests, and everything is checked.
const ROUNDS: usize = 4;
/// What each worker is asked in a round.
const CALLS: usize = 13;
/// How many steps on the disk a command takes, about: one that is refused, and one that is not.
const STEPS: [usize; 2] = [12, 45];

/// What these change is outside the records, or is the very log that the model is read from.
const OUTSIDE: [&str; 4] = ["audit prune", "backups prune", "env migrate-dev", "env migrate-state"];

#[test]
fn processes_that_are_killed_do_what_one_process_would() {
    let mut asked: BTreeSet<String> = BTreeSet::new();
    for seed in seeds() {
        let checker = run(seed);
        let Checker { changed, killed, .. } = &checker;
        assert!(changed.len() > 15, "{changed:?}");
        assert!(killed.0 > 3 && killed.1 > 3, "done and not done: {killed:?}");
        asked.extend(checker.asked.into_keys());
    }
    if seeds() == SEEDS {
        let all = control::VERBS
            .iter()
            .flat_map(|(noun, changing, _)| changing.iter().map(move |op| format!("{noun} {op}")));
        let all = all.filter(|verb| !OUTSIDE.contains(&verb.as_str()));
        let all: BTreeSet<String> = all.chain(VERBS.iter().map(|(v, _)| (*v).to_owned())).collect();
        assert_eq!(asked, all, "every verb was asked");
    }
}

#[expect(clippy::disallowed_methods, reason = "how a person asks this test for more")]
fn seeds() -> Range<u64> {
    let Ok(text) = std::env::var("STORE_MODEL_SEEDS") else { return SEEDS };
    let (from, to) = text.split_once("..").unwrap_or((&text, ""));
    let from = from.parse().unwrap();
    from..to.parse().unwrap_or(from + 1)
}

/// Says which seed it was that failed.
struct Seed(u64);

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("STORE_MODEL_SEEDS={} runs it again", self.0);
        }
    }
}

fn run(seed: u64) -> Checker {
    let seed = Seed(seed);
    let folder = folder();
    let store = worker::store_of(&store_in(folder.path())).1;
    let shared = Shared::new(&store);
    let mut checker = Checker::new();
    let hand = |number| Hand::new(seed.0, number, folder.path());
    let mut hands: Vec<Hand> = (0..WORKERS).map(hand).collect();
    for _ in 0..ROUNDS {
        let calls = std::thread::scope(|scope| {
            let asked: Vec<_> =
                hands.iter_mut().map(|hand| scope.spawn(|| hand.round(&shared))).collect();
            asked.into_iter().flat_map(|calls| calls.join().unwrap()).collect::<Vec<Call>>()
        });
        rest(&mut checker, &store, &calls);
        hands.iter_mut().for_each(|hand| hand.has_followed(&store, &checker));
    }
    let calls = hands[0].empty(&shared);
    rest(&mut checker, &store, &calls);
    let is_past = |key: &&Key| matches!(key, Key::Answered(_) | Key::Backup(_));
    let left: Vec<&Key> = checker.model.records().keys().filter(|key| !is_past(key)).collect();
    assert_eq!(left, Vec::<&Key>::new(), "everything can be taken away");
    checker
}

/// Nobody does anything: what is there must be what the calls so far come to.
fn rest(checker: &mut Checker, store: &EnvironmentStore, calls: &[Call]) {
    // A reader sees a commit in flight as it will be.
    let seen = store.exists().then(|| Answer::seen(&store.read().unwrap()));
    // A writer finishes it, and what else the dead have left.
    drop(store.write_new(&holder()).unwrap());
    let found = files(store.folder());
    let log = log_of(&found);
    checker.follow(calls, &log);
    checker.compare(store, &found);
    assert!(seen.is_none_or(|seen| seen == Answer::seen(&checker.model)), "a reader saw another");
    assert_log_is_whole(store, "at rest");
    commits_agree(&found, &log, checker.model.sequence());
    for backup in store.backups().unwrap() {
        backup_read(&store.folder().join(backup.file)).unwrap();
    }
}

/// All of the audit log; a file that was about to be put aside counts once.
fn log_of(files: &BTreeMap<String, Vec<u8>>) -> Vec<AuditEvent> {
    let full = files.iter().filter(|(name, _)| name.starts_with("audit/events-"));
    let mut parts: Vec<&Vec<u8>> = full.map(|(_, bytes)| bytes).collect();
    let newest = files.get("audit/events.jsonl");
    parts.extend(newest.filter(|newest| parts.last() != Some(newest)));
    events(Some(parts.into_iter().flatten().copied().collect()), "the log")
}

/// What the data plane follows tells of the same commits as the log.
fn commits_agree(files: &BTreeMap<String, Vec<u8>>, log: &[AuditEvent], newest: u64) {
    let changes: Vec<&AuditEvent> = log.iter().filter(is_change).collect();
    assert_eq!(changes.len() as u64, newest, "the log tells of every commit");
    let commits: Vec<&Vec<u8>> = files
        .iter()
        .filter(|(name, _)| name.starts_with("commits/"))
        .map(|(_, bytes)| bytes)
        .collect();
    assert!(commits.len() <= changes.len());
    for (commit, change) in commits.iter().rev().zip(changes.iter().rev()) {
        let commit: Value = serde_json::from_slice(commit).unwrap();
        assert_eq!(commit["audit"], serde_json::to_value(change).unwrap());
    }
}

/// What the hands have in common.
struct Shared<'a> {
    store: &'a EnvironmentStore,
    /// Counts what happens.
    ticks: AtomicU64,
    now_ms: AtomicI64,
    /// What was asked so far, for those who ask again.
    past: Mutex<Vec<Plan>>,
    /// The verbs that are still to come, before all come again.
    deck: Mutex<Vec<&'static str>>,
}

impl<'a> Shared<'a> {
    const fn new(store: &'a EnvironmentStore) -> Self {
        Self {
            store,
            ticks: AtomicU64::new(1),
            now_ms: AtomicI64::new(1_767_225_600_000), // 2026-01-01T00:00:00Z
            past: Mutex::new(Vec::new()),
            deck: Mutex::new(Vec::new()),
        }
    }

    fn tick(&self) -> u64 {
        self.ticks.fetch_add(1, Ordering::SeqCst)
    }
}

/// Who tells one worker what to do, kills it, and starts the next one.
struct Hand<'a> {
    dice: Dice,
    picker: Picker,
    folder: &'a Path,
    other: Option<Other>,
    /// What it saw of the commits as they came.
    followed: Vec<CommitSeen>,
}

impl<'a> Hand<'a> {
    fn new(seed: u64, number: u64, folder: &'a Path) -> Self {
        let mut dice = Dice::new(seed * WORKERS + number);
        let picker = Picker::new(number, Dice::new(dice.next()));
        Self { dice, picker, folder, other: None, followed: Vec::new() }
    }

    fn round(&mut self, shared: &Shared<'_>) -> Vec<Call> {
        (0..CALLS).map(|_| self.any(shared)).collect()
    }

    /// Takes everything away that is there.
    fn empty(&mut self, shared: &Shared<'_>) -> Vec<Call> {
        let plans = self.picker.emptying(shared);
        let asked = |plan| {
            let call =
                self.ask(shared, Request { plan: Some(plan), backup: None, dies_at: None }, false);
            assert!(matches!(call.answer, Some(Answer::Done { .. })), "{call:#?}");
            call
        };
        plans.into_iter().map(asked).collect()
    }

    /// Follows the commits, as the data plane does.
    fn follow(&mut self, store: &EnvironmentStore) {
        match store.commits_after(self.followed.len() as u64).unwrap() {
            Feed::Commits(commits) => self.followed.extend(commits),
            Feed::Gap => panic!("there is a gap after {}", self.followed.len()),
        }
    }

    /// It has seen every commit once, in order.
    fn has_followed(&mut self, store: &EnvironmentStore, checker: &Checker) {
        self.follow(store);
        let seen = (1..).zip(&checker.keys);
        let seen = seen.map(|(sequence, keys)| CommitSeen { sequence, keys: keys.clone() });
        assert_eq!(self.followed, seen.collect::<Vec<_>>());
    }

    fn any(&mut self, shared: &Shared<'_>) -> Call {
        if self.dice.below(4) == 0 {
            self.follow(shared.store);
        }
        let plan = match self.dice.below(8) {
            0 if shared.store.exists() => None,
            _ => Some(self.picker.plan(shared)),
        };
        let backup = self.dice.coin().then(|| self.dice.next());
        let steps = STEPS[self.dice.below(2)];
        let dies_at = match self.dice.below(16) {
            0..4 => Some(Moment::Step(self.dice.below(steps) as u64)),
            4 => Some(Moment::Line),
            _ => None,
        };
        let is_killed = self.dice.below(12) == 0;
        self.ask(shared, Request { plan, backup, dies_at }, is_killed)
    }

    fn ask(&mut self, shared: &Shared<'_>, request: Request, is_killed: bool) -> Call {
        let line = serde_json::to_string(&request).unwrap();
        let other = self.other.get_or_insert_with(|| Other::start("model", 0, self.folder));
        let asked_at = shared.tick();
        // A worker that is dead already hears nothing, and says nothing.
        let _ = other.say(&line);
        if is_killed {
            std::thread::park_timeout(Duration::from_micros(self.dice.next() % 8_000));
            other.kill();
        }
        let answer = other.hear("answered ").and_then(|text| serde_json::from_str(&text).ok());
        if is_killed || answer.is_none() {
            assert!(is_killed || request.dies_at.is_some(), "a worker gave up: {request:?}");
            self.other = None;
        }
        Call { plan: request.plan, asked_at, ended_at: shared.tick(), answer }
    }
}
