//! A plan that is cut at any point, on the machine that is a map.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use ::machine::{Applied, Machine, Sources, State, With, apply, plan_apply, plan_destroy, status};
use deploy_spec::{Fault, Kind};
use single_vm::spec::DeploymentName;
use single_vm::{Action, Aim, Desired, Observed, Recorded, Step};

use crate::machine::Machine as Map;
use crate::world::{Choice, Runs, at};

/// The map, what is kept of it across crashes, and when it crashes.
struct Fake {
    map: RefCell<Map>,
    recorded: RefCell<Recorded>,
    /// How many more moments it lives: two for each step, before and after it is done.
    moments: Cell<usize>,
    /// What is never healthy.
    sick: RefCell<Option<Desired>>,
}

struct Crash;

impl Fake {
    fn new() -> Self {
        Self {
            map: RefCell::new(Map::fresh()),
            recorded: RefCell::default(),
            moments: Cell::new(usize::MAX),
            sick: RefCell::default(),
        }
    }

    fn moment(&self) {
        match self.moments.get() {
            0 => resume_unwind(Box::new(Crash)),
            left => self.moments.set(left - 1),
        }
    }

    /// Plans and applies, dying after `moments`; whether it lived.
    fn apply(&self, choice: &Choice, moments: usize) -> Option<Result<Applied, Fault>> {
        let desired = choice.desired(&self.map.borrow());
        let document = plan_apply(self, &desired, &Sources::default()).unwrap();
        self.moments.set(moments);
        let done = catch_unwind(AssertUnwindSafe(|| apply(self, &document, &mut |_| ())));
        self.moments.set(usize::MAX);
        done.ok()
    }

    fn is_as(&self, choice: &Choice) {
        let desired = choice.desired(&self.map.borrow());
        let again = plan_apply(self, &desired, &Sources::default()).unwrap();
        assert!(again.is_empty(), "{}", again.text());
        let status = status(self, &desired.name, Some(&desired), at(0)).unwrap();
        assert_eq!((status.state, status.healthy, status.steps), (State::Applied, true, Some(0)));
    }
}

impl Machine for Fake {
    fn observe(&self, ids: &BTreeSet<single_vm::Id>) -> Result<Observed, Fault> {
        Ok(self.map.borrow().observe(ids))
    }

    fn carry_out(&self, step: &Step, with: &With<'_>) -> Result<(), Fault> {
        self.moment();
        let is_sick = self.sick.borrow().as_ref() == with.desired;
        if matches!(step.action, Action::Await(_)) && is_sick && with.desired.is_some() {
            return Err(Fault::unhealthy("it answers 503"));
        }
        self.map.borrow_mut().execute(step);
        self.moment();
        Ok(())
    }

    fn store_secrets(&self, _: &Desired, _: &Sources) -> Result<(), Fault> {
        Ok(())
    }

    fn probe(&self, _: &Desired) -> Result<(), Fault> {
        Ok(())
    }

    fn log_lines(&self, unit: &str) -> Vec<String> {
        vec![format!("{unit}: no database")]
    }

    fn recorded(&self, _: &DeploymentName) -> Result<Recorded, Fault> {
        Ok(self.recorded.borrow().clone())
    }

    fn record(&self, _: &DeploymentName, recorded: &Recorded) -> Result<(), Fault> {
        *self.recorded.borrow_mut() = recorded.clone();
        Ok(())
    }

    fn claim(&self, _: &DeploymentName) -> Result<Box<dyn Any>, Fault> {
        Ok(Box::new(()))
    }
}

const FIRST: Choice = Choice::USUAL;
const NEXT: Choice =
    Choice { bundle: 2, runs: Runs::Binary(2), port: 9090, user: Some("web"), ..FIRST };

/// From nothing to the first, and from the first to the next, each cut at every moment.
#[test]
fn a_plan_that_is_cut_anywhere_is_gone_on_with() {
    for before in [None, Some(FIRST)] {
        let (mut moments, wanted) = (0, before.map_or(FIRST, |_| NEXT));
        loop {
            let fake = Fake::new();
            if let Some(before) = &before {
                fake.apply(before, usize::MAX).unwrap().unwrap();
            }
            let lived = fake.apply(&wanted, moments).is_some();
            let applied = fake.apply(&wanted, usize::MAX).unwrap().unwrap();
            fake.is_as(&wanted);
            if lived {
                assert!(moments > 20 && !applied.changed, "it was cut at {moments} moments");
                break;
            }
            moments += 1;
        }
    }
}

#[test]
fn a_removal_that_is_cut_anywhere_is_gone_on_with() {
    let name = FIRST.deployment().metadata.name;
    for moments in 0.. {
        let fake = Fake::new();
        fake.apply(&FIRST, usize::MAX).unwrap().unwrap();
        let mut lived = false;
        for moments in [moments, usize::MAX] {
            let document = plan_destroy(&fake, &name, Aim::Purge).unwrap();
            fake.moments.set(moments);
            let done = catch_unwind(AssertUnwindSafe(|| apply(&fake, &document, &mut |_| ())));
            fake.moments.set(usize::MAX);
            lived |= moments != usize::MAX && done.is_ok();
        }
        assert_eq!(fake.map.borrow().things, Map::fresh().things);
        assert!(fake.recorded.borrow().is_empty());
        if lived {
            assert!(moments > 20, "{moments}");
            return;
        }
    }
}

#[test]
fn what_does_not_become_healthy_gives_way_to_what_ran_before() {
    let fake = Fake::new();
    fake.apply(&FIRST, usize::MAX).unwrap().unwrap();
    *fake.sick.borrow_mut() = Some(NEXT.desired(&fake.map.borrow()));
    let fault = fake.apply(&NEXT, usize::MAX).unwrap().unwrap_err();
    assert_eq!(fault.kind, Kind::Unhealthy);
    assert_eq!(fault.details["restored"], true);
    assert_eq!(fault.details["log"][0], "greentic-hello.service: no database");
    fake.is_as(&FIRST);
}

#[test]
fn a_first_deployment_that_is_not_healthy_has_nothing_to_give_way_to() {
    let fake = Fake::new();
    *fake.sick.borrow_mut() = Some(FIRST.desired(&fake.map.borrow()));
    let fault = fake.apply(&FIRST, usize::MAX).unwrap().unwrap_err();
    assert_eq!((fault.kind, &fault.details["restored"]), (Kind::Unhealthy, &false.into()));
    let name = FIRST.deployment().metadata.name;
    assert_eq!(status(&fake, &name, None, at(0)).unwrap().state, State::Unfinished);
    *fake.sick.borrow_mut() = None;
    fake.apply(&FIRST, usize::MAX).unwrap().unwrap();
    fake.is_as(&FIRST);
}

#[test]
fn a_saved_plan_is_carried_out_only_on_the_state_that_it_was_made_from() {
    let fake = Fake::new();
    let desired = FIRST.desired(&fake.map.borrow());
    let saved = plan_apply(&fake, &desired, &Sources::default()).unwrap();
    let text = serde_json::to_vec(&saved).unwrap();
    let read = ::machine::PlanDocument::from_json(&text).unwrap();
    assert_eq!(read, saved);
    let mut forged = saved.clone();
    forged.plan.steps.pop();
    let refused = |document| apply(&fake, document, &mut |_| ()).unwrap_err().kind;
    assert_eq!(refused(&forged), Kind::Conflict);
    apply(&fake, &saved, &mut |_| ()).unwrap();
    assert_eq!(refused(&saved), Kind::Conflict);
    let mut other = saved;
    other.schema = "greentic.single-vm-plan.v2".into();
    let text = serde_json::to_vec(&other).unwrap();
    assert_eq!(
        ::machine::PlanDocument::from_json(&text).unwrap_err().details["pointer"],
        "/schema"
    );
}
