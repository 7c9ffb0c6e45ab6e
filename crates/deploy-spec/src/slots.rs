//! Who owns which slot: minimal-movement stickiness.
//!
//! A split owns [`WHOLE`] slots and each belongs to one revision. A session's slot does not change
//! during a rollout, so a session moves exactly when its slot does. New weights move the fewest
//! slots they allow: each revision that shrinks gives up just what it must, the slots it gained
//! last first; each revision that grows takes back what it used to own before anything else. Going
//! back is therefore going home.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ulid_id::RevisionId;
use crate::weight::{WHOLE, Weights};

/// Neighbouring slots with one owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// Who owns them.
    pub revision_id: RevisionId,
    /// How many slots; at least one.
    pub slots: u16,
    /// The split generation in which the owner got them.
    pub since: u64,
}

/// The owners of all slots, as runs from slot 0 upwards that cover every slot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct Slots(Vec<Run>);

impl Slots {
    /// Hands out all slots to `weights`, in order, in split generation `since`.
    #[must_use]
    pub fn first(weights: &Weights, since: u64) -> Self {
        let runs = weights.entries().iter().filter(|entry| entry.weight_bps.get() > 0);
        Self(
            runs.map(|entry| Run {
                revision_id: entry.revision_id,
                slots: entry.weight_bps.get(),
                since,
            })
            .collect(),
        )
    }

    /// The runs, from slot 0 upwards.
    #[must_use]
    pub fn runs(&self) -> &[Run] {
        &self.0
    }

    /// The owner of each slot.
    pub fn owners(&self) -> impl Iterator<Item = RevisionId> {
        self.0.iter().flat_map(|run| std::iter::repeat_n(run.revision_id, run.slots.into()))
    }

    /// How many slots each of `weights` owns is its weight, and nobody else owns any.
    #[must_use]
    pub fn agree_with(&self, weights: &Weights) -> bool {
        let owned = |id| -> u32 {
            self.0.iter().filter(|run| run.revision_id == id).map(|run| u32::from(run.slots)).sum()
        };
        weights
            .entries()
            .iter()
            .all(|entry| owned(entry.revision_id) == u32::from(entry.weight_bps.get()))
    }

    /// The slots after the weights changed to `weights` in split generation `generation`.
    /// `before` is the allocation that came before this one, whose owners are preferred.
    #[must_use]
    pub fn moved(&self, weights: &Weights, generation: u64, before: Option<&Self>) -> Self {
        let mut table = self.expand();
        let former: Vec<Option<RevisionId>> = match before {
            Some(before) => before.owners().map(Some).collect(),
            None => vec![None; WHOLE.into()],
        };
        let released = release(&mut table, weights);
        hand_out(&mut table, &released, &former, weights, generation);
        Self::compress(&table)
    }

    fn expand(&self) -> Vec<Cell> {
        let cells = self.0.iter().flat_map(|run| {
            let cell = Cell { owner: run.revision_id, since: run.since };
            std::iter::repeat_n(cell, run.slots.into())
        });
        cells.collect()
    }

    fn compress(table: &[Cell]) -> Self {
        let mut runs: Vec<Run> = Vec::new();
        for cell in table {
            match runs.last_mut() {
                Some(run) if run.revision_id == cell.owner && run.since == cell.since => {
                    run.slots += 1;
                }
                _ => runs.push(Run { revision_id: cell.owner, slots: 1, since: cell.since }),
            }
        }
        Self(runs)
    }
}

#[derive(Clone, Copy)]
struct Cell {
    owner: RevisionId,
    since: u64,
}

fn owned(table: &[Cell], revision: RevisionId) -> usize {
    table.iter().filter(|cell| cell.owner == revision).count()
}

/// The slots that their owners must give up: of each owner the ones it gained last, highest first.
fn release(table: &mut [Cell], weights: &Weights) -> Vec<usize> {
    let mut owners: Vec<RevisionId> = table.iter().map(|cell| cell.owner).collect();
    owners.sort_unstable();
    owners.dedup();
    let mut released = Vec::new();
    for owner in owners {
        let mut own: Vec<usize> = (0..table.len()).filter(|&i| table[i].owner == owner).collect();
        let keep = usize::from(weights.of(owner).get());
        own.sort_by_key(|&i| std::cmp::Reverse((table[i].since, i)));
        let surplus = own.len().saturating_sub(keep);
        released.extend_from_slice(&own[..surplus]);
    }
    released.sort_unstable();
    released
}

/// Gives each released slot to a revision that grows: to its former owner where that one still
/// wants slots, then in the order of the weights.
fn hand_out(
    table: &mut [Cell],
    released: &[usize],
    former: &[Option<RevisionId>],
    weights: &Weights,
    generation: u64,
) {
    let mut wants: Vec<(RevisionId, usize)> = weights
        .entries()
        .iter()
        .map(|entry| {
            let weight = usize::from(entry.weight_bps.get());
            (entry.revision_id, weight.saturating_sub(owned(table, entry.revision_id)))
        })
        .collect();
    let mut rest = Vec::new();
    for &slot in released {
        let home = wants.iter_mut().find(|(id, want)| *want > 0 && former[slot] == Some(*id));
        match home {
            Some((owner, want)) => {
                *want -= 1;
                table[slot] = Cell { owner: *owner, since: generation };
            }
            None => rest.push(slot),
        }
    }
    for (owner, want) in wants {
        for slot in rest.drain(..want) {
            table[slot] = Cell { owner, since: generation };
        }
    }
}

impl<'de> Deserialize<'de> for Slots {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let runs = Vec::<Run>::deserialize(d)?;
        let total: u64 = runs.iter().map(|run| u64::from(run.slots)).sum();
        if total != u64::from(WHOLE) || runs.iter().any(|run| run.slots == 0) {
            let message = format!("the slots cover {total} of {WHOLE}, or a run is empty");
            return Err(serde::de::Error::custom(message));
        }
        Ok(Self(runs))
    }
}

#[cfg(test)]
mod tests;
