//! Every command, cut off at every step, in every way that a machine can stop.

use control::{Memory, Record, Reply};
use deploy_spec::{CheckStatus, Fault};
use serde_json::json;
use store::{EnvironmentStore, Executed};

use crate::dice::Dice;
use crate::sim_disk::{Reboot, SimDisk, Trouble};
use crate::world::{
    Command, Expected, World, assert_log_is_whole, events, holder, is_change, log_on,
    newest_deployment, newest_revision, on, which,
};

/// How many random restarts are tried at each step.
const SEEDS: u64 = 4;

/// A command about to be asked.
struct Case {
    name: String,
    command: Box<dyn Command>,
    next: Box<dyn Command>,
    disk: SimDisk,
    before: Memory,
    logged: Logged,
    expected: Expected,
}

/// What an audit log tells.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Logged {
    changes: usize,
    refusals: usize,
}

impl Logged {
    fn on(disk: &SimDisk, context: &str) -> Self {
        let events = events(log_on(disk), context);
        let changes = events.iter().filter(is_change).count();
        Self { changes, refusals: events.len() - changes }
    }

    /// After a command that is asked once more.
    fn and(self, expected: &Expected, changes: bool) -> Self {
        Self {
            changes: self.changes + usize::from(changes),
            refusals: self.refusals + usize::from(expected.is_logged && !changes),
        }
    }
}

type Make = fn(&mut World, &Memory) -> Box<dyn Command>;

/// Every command of a first rollout and what may follow it, each with the store it is asked of.
fn cases() -> Vec<Case> {
    let script: [Make; 18] = [
        |w, _| w.init("k-init"),
        |w, _| w.add("fast2flow", "/", "k-add"),
        |w, _| w.add("fast2flow", "/", "k-refused"),
        |w, m| w.stage(newest_deployment(m), "fast2flow", "k-stage-1"),
        |w, m| w.warm(newest_revision(m), CheckStatus::Pass, "k-green"),
        |w, m| w.set(newest_deployment(m), &[(newest_revision(m), 10_000)], "k-first"),
        |w, m| w.set(newest_deployment(m), &[(newest_revision(m), 10_000)], "k-again"),
        |w, m| w.rollback(newest_deployment(m), "k-rollback"),
        |w, m| w.clear(newest_deployment(m), "k-clear"),
        |w, m| w.clear(newest_deployment(m), "k-clear-nothing"),
        |w, m| w.stage(newest_deployment(m), "fast2flow", "k-stage-2"),
        |w, m| w.warm(newest_revision(m), CheckStatus::Fail, "k-red"),
        |w, _| w.init("k-init-again"),
        |w, _| w.put_secret("fast2flow/key", "one", "k-put"),
        |w, m| w.back_up(m, "k-back-up"),
        |w, m| w.restore(m, |record| matches!(record, Record::Secret(_)), "k-restore"),
        |w, _| w.put_secret("fast2flow/key", "two", "k-put-again"),
        |w, _| w.delete_secret("fast2flow/key", "k-delete"),
    ];
    cases_of(&script)
}

/// Every command that is not among those [`cases`], each changing something.
fn other_cases() -> Vec<Case> {
    let serving: [Make; 5] = [
        |w, _| w.init("k-init"),
        |w, _| w.add("fast2flow", "/", "k-add"),
        |w, m| w.stage(newest_deployment(m), "fast2flow", "k-stage"),
        |w, m| w.warm(newest_revision(m), CheckStatus::Pass, "k-green"),
        |w, m| w.set(newest_deployment(m), &[(newest_revision(m), 10_000)], "k-set"),
    ];
    let others = [of_the_environment(), of_deployments()].concat();
    let mut cases = cases_of(&[serving.to_vec(), others].concat());
    cases.drain(..serving.len());
    cases
}

fn of_the_environment() -> Vec<Make> {
    vec![
        |w, _| w.verb("env update", json!({"name": "Home", "idempotency_key": "k-1"}), json!({})),
        |w, _| {
            let kind = "greentic.revocation.list@0.1.0";
            let document = json!({"slot": "revocation", "kind": kind, "idempotency_key": "k-2"});
            w.verb("env-packs add", document, json!({}))
        },
        |w, _| {
            let kind = "greentic.telemetry.other@0.1.0";
            let document = json!({"slot": "telemetry", "kind": kind, "idempotency_key": "k-3"});
            w.verb("env-packs update", document, json!({"generation": 0}))
        },
        |w, _| {
            let document = json!({"slot": "telemetry", "idempotency_key": "k-4"});
            w.verb("env-packs rollback", document, json!({"generation": 1}))
        },
        |w, _| {
            let document = json!({"slot": "telemetry", "idempotency_key": "k-5"});
            w.verb("env-packs remove", document, json!({}))
        },
        |w, _| {
            let document = json!({"values": {"colour": "red"}, "idempotency_key": "k-6"});
            w.verb("config set", document, json!({}))
        },
        |w, _| {
            let document = json!({"names": ["colour"], "idempotency_key": "k-7"});
            w.verb("config unset", document, json!({}))
        },
        |w, _| w.put_secret("fast2flow/key", "one", "k-8"),
        |w, _| {
            let document = json!({"path": "fast2flow/key", "idempotency_key": "k-9"});
            w.verb("secrets rotate", document, json!({"value": "two"}))
        },
        |w, _| {
            let document = json!({"idempotency_key": "k-10"});
            w.verb("credentials import", document, json!({"value": "one"}))
        },
    ]
}

fn of_deployments() -> Vec<Make> {
    fn of_revision(w: &mut World, m: &Memory, verb: &str, key: &str) -> Box<dyn Command> {
        let document = json!({"revision_id": newest_revision(m), "idempotency_key": key});
        w.verb(verb, document, json!({"is_so": true}))
    }
    fn of_deployment(w: &mut World, verb: &str, key: &str) -> Box<dyn Command> {
        w.verb(verb, json!({"deployment_id": "fast2flow", "idempotency_key": key}), json!({}))
    }
    vec![
        |w, _| {
            let path = json!({"path_prefix": "/new"});
            let document = json!({"deployment_id": "fast2flow", "route_binding": path,
                                  "idempotency_key": "k-11"});
            w.verb("bundles update", document, json!({}))
        },
        |w, _| of_deployment(w, "bundles pause", "k-12"),
        |w, _| of_deployment(w, "bundles resume", "k-13"),
        |w, m| w.clear(newest_deployment(m), "k-14"),
        |w, m| of_revision(w, m, "revisions drain", "k-15"),
        |w, m| of_revision(w, m, "revisions complete-drain", "k-16"),
        |w, m| of_revision(w, m, "revisions retry", "k-17"),
        |w, m| of_revision(w, m, "revisions archive", "k-18"),
        |w, _| of_deployment(w, "bundles remove", "k-19"),
        |w, _| {
            let document = json!({"keep": 0, "older_than_days": 0, "idempotency_key": "k-20"});
            w.verb("revisions prune", document, json!({}))
        },
        |w, _| {
            let document = json!({"confirm": "local", "idempotency_key": "k-21"});
            w.verb("env destroy", document, json!({}))
        },
    ]
}

/// Each command of a script, with the store that those before it leave.
fn cases_of(script: &[Make]) -> Vec<Case> {
    let mut world = World::new(1);
    let mut memory = Memory::new(crate::world::local());
    let disk = SimDisk::new();
    let mut logged = Logged::default();
    let mut cases = Vec::new();
    for (i, make) in script.iter().enumerate() {
        let command = make(&mut world, &memory);
        let expected = Expected::of(&*command, &memory);
        let name = format!("{i} {}", command.name());
        let next =
            if i == 0 { world.init("k-next") } else { world.add("other", "/other", "k-next") };
        let before = std::mem::replace(&mut memory, expected.after.clone());
        let case = Case { name, command, next, disk: disk.copy(), before, logged, expected };
        assert_answer(case.command.run(&on(&disk)), &case.expected.answer, &case.name);
        logged = logged.and(&case.expected, case.changes());
        cases.push(case);
    }
    cases
}

fn assert_answer(got: Result<Executed, Fault>, wanted: &Result<Reply, Fault>, context: &str) {
    let got = got.map(|executed| executed.reply);
    assert_eq!(&got, wanted, "{context}");
}

impl Case {
    fn steps(&self) -> usize {
        let disk = self.disk.copy();
        disk.expect(Trouble::None, 0);
        let _ = self.command.run(&on(&disk));
        disk.steps().len()
    }

    /// Runs the command on a copy of the disk, with trouble at step `n`.
    fn run(&self, trouble: Trouble) -> (SimDisk, Result<Executed, Fault>) {
        let disk = self.disk.copy();
        disk.expect(trouble, 0);
        let result = self.command.run(&on(&disk));
        (disk, result)
    }

    fn which(&self, store: &EnvironmentStore, context: &str) -> &Memory {
        which(store, &self.before, &self.expected.after, context)
    }

    fn changes(&self) -> bool {
        self.before != self.expected.after
    }

    fn is_new(&self, state: &Memory) -> bool {
        *state == self.expected.after && *state != self.before
    }

    /// Readers and writers find the same one of the two states, and the audit log agrees; gives
    /// what that log tells.
    fn assert_whole(&self, disk: &SimDisk, context: &str) -> Logged {
        let store = on(disk);
        let read = self.is_new(self.which(&store, context));
        if store.exists() {
            assert_log_is_whole(&store, context);
            let writer = store.write(&holder()).unwrap_or_else(|f| panic!("{context}: {f}"));
            drop(writer);
            assert_log_is_whole(&store, context);
            let written = self.is_new(self.which(&store, context));
            assert_eq!(read, written, "{context}: a writer finds another state than a reader");
        }
        let logged = Logged::on(disk, context);
        let changes = self.logged.changes + usize::from(read);
        assert_eq!(logged.changes, changes, "{context}: the log disagrees with the state");
        logged
    }

    /// Asked again the command is answered the same, another one works, and both stay.
    fn assert_goes_on(&self, disk: &SimDisk, mut logged: Logged, context: &str) {
        let store = on(disk);
        assert_answer(self.command.run(&store), &self.expected.answer, context);
        if self.changes() {
            logged.changes = self.logged.changes + 1;
        } else {
            logged = logged.and(&self.expected, false);
        }
        let again = format!("{context}, again");
        for reboot in [Reboot::Strict, Reboot::Random(1)] {
            let disk = disk.copy();
            disk.reboot(reboot);
            let again = format!("{again}, then {reboot:?}");
            let found = self.which(&on(&disk), &again);
            assert!(*found == self.expected.after, "{again}: what was acknowledged is lost");
            // Whoever writes next mends what is torn.
            drop(on(&disk).write(&holder()).unwrap_or_else(|f| panic!("{again}: {f}")));
            assert_eq!(Logged::on(&disk, &again), logged, "{again}");
        }
        let next = Expected::of(&*self.next, &self.expected.after);
        assert_answer(self.next.run(&store), &next.answer, &again);
        let found = which(&store, &self.expected.after, &next.after, &again);
        assert!(*found == next.after, "{again}: the next command did nothing");
        let logged = logged.and(&next, next.after != self.expected.after);
        assert_eq!(Logged::on(disk, &again), logged, "{again}");
        assert_log_is_whole(&store, &again);
        assert!(log_on(disk).unwrap().ends_with(b"\n"), "{again}: a torn end stays");
    }
}

#[test]
fn a_command_cut_off_at_any_step_is_done_or_not_done() {
    for case in cases() {
        for n in 0..case.steps() {
            let (off, _) = case.run(Trouble::PowerOff(n));
            for reboot in Reboot::all(SEEDS) {
                let step = off.steps().get(n).cloned().unwrap_or_default();
                let context = format!("{}, off at {n} ({step}), {reboot:?}", case.name);
                let disk = off.copy();
                disk.reboot(reboot);
                let logged = case.assert_whole(&disk.copy(), &context);
                case.assert_goes_on(&disk, logged, &context);
            }
        }
    }
}

#[test]
fn every_other_command_cut_off_at_any_step_is_done_or_not_done() {
    for case in other_cases() {
        assert!(case.changes(), "{}", case.name);
        for n in 0..case.steps() {
            let (off, _) = case.run(Trouble::PowerOff(n));
            for (i, reboot) in [Reboot::Strict, Reboot::Random(n as u64)].into_iter().enumerate() {
                let context = format!("{}, off at {n}, {reboot:?}", case.name);
                let disk = off.copy();
                disk.reboot(reboot);
                let logged = case.assert_whole(&disk.copy(), &context);
                if n % 2 == i {
                    case.assert_goes_on(&disk, logged, &context);
                }
            }
        }
    }
}

#[test]
fn a_command_cut_off_twice_is_done_or_not_done() {
    for case in cases() {
        for n in 0..case.steps() {
            let (off, _) = case.run(Trouble::PowerOff(n));
            let mut dice = Dice::new(n as u64);
            for reboot in [Reboot::Process, Reboot::Process, Reboot::Process, Reboot::Random(7)] {
                let disk = off.copy();
                disk.reboot(reboot);
                let m = dice.below(case.steps() + 12);
                disk.expect(Trouble::PowerOff(m), dice.next());
                let _ = case.command.run(&on(&disk));
                let again =
                    if dice.below(4) == 0 { Reboot::Strict } else { Reboot::Random(dice.next()) };
                disk.reboot(again);
                let name = &case.name;
                let context = format!("{name}, off at {n}, {reboot:?}, off at {m}, {again:?}");
                let logged = case.assert_whole(&disk.copy(), &context);
                case.assert_goes_on(&disk, logged, &context);
            }
        }
    }
}

#[test]
fn a_command_that_meets_a_failing_disk_is_done_or_not_done_and_says_which() {
    for case in cases() {
        for n in 0..case.steps() {
            for trouble in [Trouble::FailOnce(n), Trouble::FullFrom(n)] {
                let (disk, result) = case.run(trouble);
                let step = disk.steps().get(n).cloned().unwrap_or_default();
                let context = format!("{}, {trouble:?} ({step})", case.name);
                let is_committed = |fault: &Fault| fault.details.contains_key("committed");
                let is_new = match &result {
                    Ok(executed) => executed.sequence.is_some(),
                    Err(fault) => is_committed(fault),
                };
                if let Ok(executed) = &result {
                    assert_eq!(case.expected.answer.as_ref(), Ok(&executed.reply), "{context}");
                }
                disk.expect(Trouble::None, 0);
                for (i, reboot) in Reboot::all(10).enumerate() {
                    let disk = disk.copy();
                    disk.reboot(reboot);
                    let context = format!("{context}, then {reboot:?}, answered {result:?}");
                    let found = case.is_new(case.which(&on(&disk), &context));
                    assert_eq!(found, is_new, "{context}: the answer is wrong");
                    if i < 3 {
                        let logged = case.assert_whole(&disk.copy(), &context);
                        case.assert_goes_on(&disk, logged, &context);
                    }
                }
            }
        }
    }
}

#[test]
fn what_was_acknowledged_survives_every_restart() {
    for case in cases() {
        let (done, result) = case.run(Trouble::None);
        assert_answer(result, &case.expected.answer, &case.name);
        for reboot in Reboot::all(200) {
            let disk = done.copy();
            disk.reboot(reboot);
            let context = format!("{}, done, {reboot:?}", case.name);
            let found = case.which(&on(&disk), &context);
            assert!(*found == case.expected.after, "{context}: it is lost");
            let logged = case.assert_whole(&disk.copy(), &context);
            assert_eq!(logged, case.logged.and(&case.expected, case.changes()), "{context}");
        }
    }
}
