//! Any sequence of set, rollback and clear, against a model that is a stack.

use control::{Lookup as _, traffic};
use deploy_spec::{Allocation, Kind, Lifecycle};
use proptest::prelude::*;
use serde_json::json;

use crate::world::{World, cases};

const REVISIONS: usize = 3;

#[derive(Debug, Clone)]
enum Op {
    Set(Vec<u16>),
    Rollback,
    Clear,
    /// A revision without traffic fails.
    Fail(usize),
    /// A failed revision is ready again.
    Mend(usize),
}

pub(crate) fn shares(revisions: usize) -> impl Strategy<Value = Vec<u16>> {
    let cut = prop_oneof![Just(0), Just(10_000), Just(9_900), 0..=10_000_u16];
    prop::collection::vec(cut, revisions - 1).prop_map(|mut cuts| {
        cuts.sort_unstable();
        cuts.push(10_000);
        let mut from = 0;
        cuts.iter().map(|&cut| cut - std::mem::replace(&mut from, cut)).collect()
    })
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => shares(REVISIONS).prop_map(Op::Set),
        4 => Just(Op::Rollback),
        1 => Just(Op::Clear),
        1 => (0..REVISIONS).prop_map(Op::Fail),
        1 => (0..REVISIONS).prop_map(Op::Mend),
    ]
}

/// What may be rolled back to, what is now, and how many generations there were.
#[derive(Default)]
struct Model {
    past: Vec<Allocation>,
    now: Option<Allocation>,
    generations: u64,
    failed: [bool; REVISIONS],
}

fn name(i: usize) -> String {
    format!("r{}", i + 1)
}

fn index(world: &World, id: deploy_spec::RevisionId) -> usize {
    (0..REVISIONS).find(|&i| world.revision(&name(i)).revision_id == id).unwrap()
}

impl Model {
    /// The failed ones among those that `allocation` needs.
    fn lacks(&self, world: &World, allocation: &Allocation) -> Vec<String> {
        let live = allocation.entries.live().map(|id| index(world, id));
        live.filter(|&i| self.failed[i]).map(name).collect()
    }

    fn weight(&self, world: &World, i: usize) -> u16 {
        let id = world.revision(&name(i)).revision_id;
        self.now.as_ref().map_or(0, |now| now.entries.of(id).get())
    }

    fn set(&mut self, world: &mut World, shares: &[u16]) -> Result<(), TestCaseError> {
        let names: Vec<String> = (0..REVISIONS).map(name).collect();
        let list: Vec<(&str, u16)> =
            names.iter().map(String::as_str).zip(shares.iter().copied()).collect();
        let live = || shares.iter().enumerate().filter(|(_, share)| **share > 0).map(|(i, _)| i);
        let lacks: Vec<String> = live().filter(|&i| self.failed[i]).map(name).collect();
        let outcome = world.turn(&list);
        if !lacks.is_empty() {
            prop_assert_eq!(&outcome.unwrap_err().details["not_ready"], &json!(lacks));
            return Ok(());
        }
        prop_assert!(outcome.is_ok(), "{outcome:?}");
        self.past.extend(self.now.take());
        let now = world.allocation();
        let weights: Vec<u16> =
            now.entries.entries().iter().map(|entry| entry.weight_bps.get()).collect();
        prop_assert_eq!(&weights[..], shares);
        self.now = Some(now);
        self.generations += 1;
        Ok(())
    }

    fn rollback(&mut self, world: &mut World) -> Result<(), TestCaseError> {
        let outcome = world.ask::<traffic::Rollback>(json!({}));
        let Some(wanted) = self.past.last() else {
            prop_assert_eq!(outcome.unwrap_err().kind, Kind::Refused);
            return Ok(());
        };
        let lacks = self.lacks(world, wanted);
        if !lacks.is_empty() {
            prop_assert_eq!(&outcome.unwrap_err().details["not_ready"], &json!(lacks));
            return Ok(());
        }
        prop_assert!(outcome.is_ok(), "{outcome:?}");
        self.now = self.past.pop();
        self.generations += 1;
        Ok(())
    }

    fn clear(&mut self, world: &mut World) -> Result<(), TestCaseError> {
        let outcome = world.ask::<traffic::Clear>(json!({}));
        if self.generations == 0 {
            prop_assert_eq!(outcome.unwrap_err().kind, Kind::Refused);
            return Ok(());
        }
        prop_assert!(outcome.is_ok(), "{outcome:?}");
        if let Some(now) = self.now.take() {
            self.past.push(now);
            self.generations += 1;
        }
        Ok(())
    }

    fn agrees(&self, world: &World) -> Result<(), TestCaseError> {
        let id = world.memory.deployment_ids().unwrap()[0];
        let split = world.memory.deployment(id).unwrap().unwrap().split;
        let Some(split) = split else {
            prop_assert_eq!(self.generations, 0);
            return Ok(());
        };
        prop_assert_eq!(split.generation + 1, self.generations);
        prop_assert_eq!(&split.allocation, &self.now, "weights, slots and salt");
        prop_assert_eq!(split.previous.is_some(), !self.past.is_empty());
        let shown = traffic::show(&world.memory, None).unwrap();
        prop_assert_eq!(shown.has_previous, !self.past.is_empty());
        Ok(())
    }

    fn step(&mut self, world: &mut World, op: &Op) -> Result<(), TestCaseError> {
        match op {
            Op::Set(shares) => self.set(world, shares)?,
            Op::Rollback => self.rollback(world)?,
            Op::Clear => self.clear(world)?,
            Op::Fail(i) if self.weight(world, *i) == 0 => {
                world.force(&name(*i), Lifecycle::Failed);
                self.failed[*i] = true;
            }
            Op::Fail(_) => {}
            Op::Mend(i) => {
                world.force(&name(*i), Lifecycle::Ready);
                self.failed[*i] = false;
            }
        }
        self.agrees(world)
    }
}

proptest! {
    #![proptest_config(cases(192))]

    #[test]
    fn splits_are_a_stack(ops in prop::collection::vec(op(), 1..24)) {
        let mut world = World::serving(REVISIONS as u64);
        let mut model = Model::default();
        for op in &ops {
            model.step(&mut world, op)?;
        }
        for i in 0..REVISIONS {
            model.step(&mut world, &Op::Mend(i))?;
        }
        for _ in 0..=model.past.len() {
            model.step(&mut world, &Op::Rollback)?;
        }
        prop_assert!(model.past.is_empty(), "it can be repeated back to the first");
    }
}
