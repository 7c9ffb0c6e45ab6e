//! No generation goes back: what a restored record counts begins behind what the present one has
//! counted.

use deploy_spec::split::SplitSchema;
use deploy_spec::{DeploymentRecord, EnvPackBinding, Environment, Slot, SplitOp, TrafficSplit};

use crate::record::Record;

/// The record to put where `now` is; none when that is the same already. The environment itself
/// always moves on, so that a restore is a change of it.
pub(super) fn forward(now: Option<Record>, mut restored: Record) -> Option<Record> {
    let Some(now) = now else { return Some(restored) };
    match (&now, &mut restored) {
        (Record::Environment(now), Record::Environment(restored)) => environment(now, restored),
        (Record::Deployment(now), Record::Deployment(restored))
        | (Record::Retired(now), Record::Retired(restored)) => deployment(now, restored),
        (Record::Revision(now), Record::Revision(restored)) if now != restored => {
            restored.generation = restored.generation.max(now.generation + 1);
        }
        (Record::Secret(now), Record::Secret(restored)) if now != restored => {
            restored.generation = restored.generation.max(now.generation + 1);
        }
        _ => {}
    }
    (now != restored).then_some(restored)
}

fn environment(now: &Environment, restored: &mut Environment) {
    restored.generation = restored.generation.max(now.generation + 1);
    for slot in Slot::ALL {
        let is_same = now.binding(slot) == restored.binding(slot)
            && now.removed_binding(slot) == restored.removed_binding(slot);
        let Some(last) = now.binding(slot).or_else(|| now.removed_binding(slot)) else { continue };
        if is_same {
            continue;
        }
        for binding in slot_bindings(restored, slot) {
            binding.generation = binding.generation.max(last.generation + 1);
        }
    }
}

fn slot_bindings(
    environment: &mut Environment,
    slot: Slot,
) -> impl Iterator<Item = &mut EnvPackBinding> {
    let all = environment.bindings.iter_mut().chain(&mut environment.removed_bindings);
    all.filter(move |binding| binding.slot == slot)
}

/// The sequence of revisions moves on too: `r4` never means two things.
fn deployment(now: &DeploymentRecord, restored: &mut DeploymentRecord) {
    let (was, is) = (&now.deployment, &mut restored.deployment);
    is.last_sequence = is.last_sequence.max(was.last_sequence);
    if was != is {
        is.generation = is.generation.max(was.generation + 1);
    }
    if let Some(split) = &now.split {
        restored.split = Some(split_after(split, restored.split.take()));
    }
}

/// The restored split behind the present one. A deployment that had none yet is off the air: its
/// generations do not begin anew, because clients remember them.
fn split_after(now: &TrafficSplit, restored: Option<TrafficSplit>) -> TrafficSplit {
    match restored {
        Some(restored) if restored == *now => restored,
        Some(restored) => {
            let generation = restored.generation.max(now.generation + 1);
            TrafficSplit { generation, ..restored }
        }
        None => TrafficSplit {
            schema: SplitSchema,
            deployment_id: now.deployment_id,
            generation: now.generation + 1,
            allocation: None,
            previous: None,
            op: SplitOp::Clear,
            at: now.at,
            by: now.by.clone(),
            idempotency_key: None,
        },
    }
}
