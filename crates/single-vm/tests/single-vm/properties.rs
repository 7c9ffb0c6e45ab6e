//! What holds for every machine, whatever was done to it and wherever a plan was cut.

use proptest::prelude::*;
use single_vm::resource::Mode;
use single_vm::to_observe;
use single_vm::{Action, Actual, Aim, Desired, Id, Plan, Recorded, drift, plan, plan_removal};

use crate::machine::Machine;
use crate::world::{Choice, choices};

/// Plans from what the machine is to `desired`.
pub(crate) fn planned(desired: &Desired, machine: &Machine, recorded: &Recorded) -> Plan {
    let observed = machine.observe(&to_observe(Some(desired), recorded));
    let plan = plan(desired, &observed, recorded).unwrap();
    plan.check(&observed, recorded).unwrap();
    plan
}

/// Does the first `most` steps, noting what is done.
pub(crate) fn run(
    plan: &Plan,
    most: usize,
    machine: &mut Machine,
    recorded: &mut Recorded,
) -> bool {
    for step in plan.steps.iter().take(most) {
        recorded.begin(step);
        machine.execute(step);
        recorded.end(step);
    }
    plan.steps.len() <= most
}

/// Gives the machine what `choice` describes, cut `cuts` times on the way.
pub(crate) fn apply(
    choice: &Choice,
    machine: &mut Machine,
    recorded: &mut Recorded,
    cuts: &[usize],
) -> Desired {
    machine.day = machine.day.max(choice.day);
    let choice = Choice { day: machine.day, ..*choice };
    for &cut in cuts {
        let plan = planned(&choice.desired(machine), machine, recorded);
        run(&plan, cut, machine, recorded);
        // A step that was begun and not done.
        if let Some(step) = plan.steps.get(cut) {
            recorded.begin(step);
        }
    }
    let desired = choice.desired(machine);
    let plan = planned(&desired, machine, recorded);
    assert!(run(&plan, usize::MAX, machine, recorded));
    recorded.finish(&plan, Some(&desired));
    desired
}

/// The machine has what is wanted, runs what is written, and has nothing else of ours.
fn is_so(desired: &Desired, machine: &Machine, recorded: &Recorded, fresh: &Machine) {
    let again = planned(desired, machine, recorded);
    assert!(again.is_empty(), "{:#?}", again.steps);
    let observed = machine.observe(&to_observe(Some(desired), recorded));
    assert_eq!(drift(desired, &observed, recorded), []);
    for (name, unit) in &machine.units {
        let text = machine.texts.get(&crate::machine::file_of(name));
        assert!(unit.started.as_ref() == text && unit.loaded.as_ref() == text, "{name}");
    }
    let wanted = desired.ids();
    let kept = |id: &Id| again.kept.iter().any(|kept| kept.id == *id);
    for id in machine.things.keys().filter(|id| !fresh.things.contains_key(id)) {
        assert!(wanted.contains(id) || kept(id), "{id} is left");
    }
}

/// What somebody does to a machine behind our back, to the `n`th thing that can have it.
#[derive(Debug, Clone, Copy)]
enum Harm {
    Mode(usize),
    Content(usize),
    Gone(usize),
    Stopped(usize),
    Disabled(usize),
    /// A unit's text is changed and read.
    Edited(usize),
    /// As well as that, and started with it.
    Restarted(usize),
}

fn harms() -> impl Strategy<Value = Harm> {
    (0..7_u8, 0..40_usize).prop_map(|(kind, n)| match kind {
        0 => Harm::Mode(n),
        1 => Harm::Content(n),
        2 => Harm::Gone(n),
        3 => Harm::Stopped(n),
        4 => Harm::Disabled(n),
        5 => Harm::Edited(n),
        _ => Harm::Restarted(n),
    })
}

fn nth<T: Clone>(items: &[T], n: usize) -> Option<T> {
    (!items.is_empty()).then(|| items[n % items.len()].clone())
}

fn harm(machine: &mut Machine, recorded: &Recorded, harm: Harm) {
    let ours: Vec<Id> =
        recorded.entries.keys().filter(|id| machine.things.contains_key(id)).cloned().collect();
    let files = || ours.iter().filter(|id| matches!(id, Id::File(_))).cloned().collect::<Vec<_>>();
    let units: Vec<String> = machine.units.keys().cloned().collect();
    match harm {
        Harm::Mode(n) => {
            if let Some(id) = nth(&ours, n) {
                match machine.things.get_mut(&id).unwrap() {
                    Actual::Directory { mode, .. }
                    | Actual::File { mode, .. }
                    | Actual::Certificate { mode, .. } => *mode = Mode::new(0o777),
                    _ => {}
                }
            }
        }
        Harm::Content(n) => {
            if let Some(id) = nth(&files(), n) {
                tamper(machine, &id);
            }
        }
        Harm::Gone(n) => {
            let deletable = ours
                .iter()
                .filter(|id| matches!(id, Id::File(_) | Id::Certificate(_) | Id::Image(_)));
            if let Some(id) = nth(&deletable.collect::<Vec<_>>(), n) {
                machine.things.remove(id);
                if let Id::File(path) = id {
                    machine.texts.remove(path);
                }
            }
        }
        Harm::Stopped(n) => nth(&units, n).iter().for_each(|unit| machine.stop(unit)),
        Harm::Disabled(n) => {
            nth(&units, n).iter().for_each(|it| machine.units.get_mut(it).unwrap().enabled = false);
        }
        Harm::Edited(n) | Harm::Restarted(n) => {
            if let Some(unit) = nth(&units, n) {
                tamper(machine, &Id::File(crate::machine::file_of(&unit)));
                machine.reload();
                if matches!(harm, Harm::Restarted(_)) && unit.ends_with(".service") {
                    machine.restart(&unit);
                }
            }
        }
    }
}

pub(crate) fn tamper(machine: &mut Machine, id: &Id) {
    let Id::File(path) = id else { return };
    let Some(Actual::File { digest, text: found, .. }) = machine.things.get_mut(id) else { return };
    *digest = deploy_spec::Digest::of(b"tampered");
    if let Some(text) = machine.texts.get_mut(path) {
        text.push_str("# tampered\n");
        *digest = deploy_spec::Digest::of(text.as_bytes());
        *found = Some(text.clone());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..Default::default() })]

    #[test]
    fn a_plan_leads_to_what_is_wanted_and_a_second_one_is_empty(
        steps in proptest::collection::vec(
            (choices(), proptest::collection::vec(0..40_usize, 0..3)), 1..5),
    ) {
        let fresh = Machine::fresh();
        let (mut machine, mut recorded) = (fresh.clone(), Recorded::default());
        for (choice, cuts) in steps {
            let desired = apply(&choice, &mut machine, &mut recorded, &cuts);
            is_so(&desired, &machine, &recorded, &fresh);
        }
    }

    #[test]
    fn what_was_changed_behind_our_back_is_mended(
        choice in choices(),
        done in proptest::collection::vec(harms(), 1..4),
        cuts in proptest::collection::vec(0..20_usize, 0..3),
    ) {
        let fresh = Machine::fresh();
        let (mut machine, mut recorded) = (fresh.clone(), Recorded::default());
        apply(&choice, &mut machine, &mut recorded, &[]);
        for it in done {
            harm(&mut machine, &recorded, it);
        }
        let desired = apply(&choice, &mut machine, &mut recorded, &cuts);
        is_so(&desired, &machine, &recorded, &fresh);
    }

    #[test]
    fn purging_leaves_the_machine_as_it_was(
        steps in proptest::collection::vec(
            (choices(), proptest::collection::vec(0..40_usize, 0..2)), 1..4),
        cuts in proptest::collection::vec(0..40_usize, 0..3),
        keeps_first in any::<bool>(),
    ) {
        let fresh = Machine::fresh();
        let (mut machine, mut recorded) = (fresh.clone(), Recorded::default());
        for (choice, cuts) in &steps {
            apply(choice, &mut machine, &mut recorded, cuts);
        }
        let name = steps[0].0.deployment().metadata.name;
        if keeps_first {
            let kept = destroy(&name, &mut machine, &mut recorded, Aim::Destroy, &cuts);
            for id in machine.things.keys().filter(|id| !fresh.things.contains_key(id)) {
                prop_assert!(kept.contains(id), "{} is left", id);
            }
        }
        let kept = destroy(&name, &mut machine, &mut recorded, Aim::Purge, &cuts);
        prop_assert!(kept.is_empty() && recorded.is_empty());
        prop_assert_eq!(&machine.things, &fresh.things);
        prop_assert!(machine.units.is_empty() && machine.texts.is_empty());
    }

    #[test]
    fn from_a_failed_health_check_there_is_a_way_back_without_any_source(
        before in choices(),
        after in choices(),
    ) {
        let fresh = Machine::fresh();
        let (mut machine, mut recorded) = (fresh.clone(), Recorded::default());
        let old = apply(&before, &mut machine, &mut recorded, &[]);
        let after = Choice { day: machine.day, ..after };
        let forth = planned(&after.desired(&machine), &machine, &recorded);
        let until = forth.steps.iter().position(|step| matches!(step.action, Action::Await(_)));
        run(&forth, until.unwrap_or(0), &mut machine, &mut recorded);
        let back = planned(&old, &machine, &recorded);
        for step in &back.steps {
            if let Action::Create(resource) | Action::Change(resource) = &step.action {
                prop_assert!(!needs_source(resource, step.before.as_ref()), "{:?}", step);
            }
        }
        prop_assert!(run(&back, usize::MAX, &mut machine, &mut recorded));
        recorded.finish(&back, Some(&old));
        is_so(&old, &machine, &recorded, &fresh);
    }
}

/// Whether more than the plan itself is needed to make it.
fn needs_source(resource: &single_vm::Resource, before: Option<&Actual>) -> bool {
    use single_vm::Resource;
    use single_vm::resource::Content;
    match resource {
        Resource::File { content: Content::Copy { digest, .. }, .. } => {
            !matches!(before, Some(Actual::File { digest: found, .. }) if found == digest)
        }
        Resource::Certificate { .. } | Resource::Image { .. } => before.is_none(),
        _ => false,
    }
}

pub(crate) fn destroy(
    name: &single_vm::spec::DeploymentName,
    machine: &mut Machine,
    recorded: &mut Recorded,
    aim: Aim,
    cuts: &[usize],
) -> Vec<Id> {
    for cut in cuts.iter().copied().chain([usize::MAX]) {
        let observed = machine.observe(&to_observe(None, recorded));
        let plan = plan_removal(name, &observed, recorded, aim);
        if run(&plan, cut, machine, recorded) {
            recorded.finish(&plan, None);
            return plan.kept.into_iter().map(|kept| kept.id).collect();
        }
    }
    unreachable!("the last one is not cut")
}
