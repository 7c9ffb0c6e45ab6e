//! Moving the state tree of an older install below the environment, exactly once.
//!
//! What is at `<tree>/<provider>/<tenant>/<environment>/…` gets its place at
//! `<environment>/legacy/<provider>/<tenant>/…`, entry by entry. Nothing moves while there is anything
//! that cannot; nothing is ever replaced. Beside it a journal says what is under way, and a record
//! what was done. Files become 0600 and folders 0700, as in the whole store.

mod carry;
mod journal;
mod steps;
mod survey;

use std::path::{Path, PathBuf};

use control::env::{Leftover, MigrateStateFacts, StateMove};
use deploy_spec::{Fault, Timestamp};
use store::{EnvironmentStore, Holder};

use journal::{Journal, Migration, MigrationSchema};
pub use steps::{RealSteps, Steps};

/// What was moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// Everything that was moved, in this run or the one that it finished.
    pub moves: Vec<StateMove>,
    /// When a tree of these was moved before this run.
    pub migrated_at: Option<Timestamp>,
}

/// What [`migrate_state`] would do: the facts of `env migrate-state`. Nothing is changed.
///
/// # Errors
/// `not-found` when `from` is no folder; `unavailable` when what was migrated before is not known.
pub fn plan_state(store: &EnvironmentStore, from: &Path) -> Result<MigrateStateFacts, Fault> {
    let journal = Journal::of(store.folder());
    if let Some(Migration { trees, moves, .. }) = journal.unfinished()? {
        return Ok(MigrateStateFacts {
            trees,
            moves,
            is_unfinished: true,
            ..MigrateStateFacts::default()
        });
    }
    let trees = survey::trees(&folder(from)?);
    let done = journal.done()?;
    let mut found = survey::survey(store, &trees);
    for moved in std::mem::take(&mut found.moves) {
        let before = done.iter().find(|done| {
            done.trees.iter().any(|tree| Path::new(&moved.from).starts_with(Path::new(tree)))
        });
        match before {
            None => found.moves.push(moved),
            Some(done) => found.leftovers.push(Leftover {
                path: moved.from,
                why: format!("appeared after the tree was moved at {}", done.begun_at),
            }),
        }
    }
    found.leftovers.sort();
    let known = candidates(from)?;
    let is_of =
        |done: &&Migration| done.trees.iter().any(|tree| known.contains(&PathBuf::from(tree)));
    found.migrated_at = done.iter().filter(is_of).map(|done| done.begun_at).max();
    Ok(found)
}

/// Moves what is the environment's in the old trees below `from`, or finishes a move that was cut off.
///
/// # Errors
/// `refused` with everything that cannot be moved in `details.leftovers`, in order of the paths, and
/// nothing moved; `conflict` when something appeared meanwhile; `unavailable` when the disk does not
/// do what it is told, or somebody holds the environment's lock: the next run goes on.
pub fn migrate_state(
    store: &EnvironmentStore,
    from: &Path,
    holder: &Holder,
) -> Result<Moved, Fault> {
    migrate_state_by(&RealSteps, store, from, holder)
}

/// [`migrate_state`], in these steps: for tests of what may happen between them.
///
/// # Errors
/// See [`migrate_state`].
pub fn migrate_state_by(
    steps: &dyn Steps,
    store: &EnvironmentStore,
    from: &Path,
    holder: &Holder,
) -> Result<Moved, Fault> {
    let _writer = store.write(holder)?;
    let journal = Journal::of(store.folder());
    if let Some(begun) = journal.unfinished()? {
        finish(steps, store, &journal, &begun)?;
        return Ok(Moved { moves: begun.moves, migrated_at: None });
    }
    let plan = plan_state(store, from)?;
    if !plan.leftovers.is_empty() {
        return Err(refusal(store, &plan.leftovers));
    }
    if plan.moves.is_empty() {
        return Ok(Moved { moves: Vec::new(), migrated_at: plan.migrated_at });
    }
    let begun = Migration {
        schema: MigrationSchema,
        trees: plan.trees,
        moves: plan.moves,
        begun_at: holder.since,
    };
    journal.begin(steps, &begun).map_err(|error| {
        Fault::unavailable(format!("nothing was moved: writing the journal failed: {error}"))
            .hint("look at the disk, then ask again")
    })?;
    finish(steps, store, &journal, &begun)?;
    Ok(Moved { moves: begun.moves, migrated_at: plan.migrated_at })
}

fn finish(
    steps: &dyn Steps,
    store: &EnvironmentStore,
    journal: &Journal,
    begun: &Migration,
) -> Result<(), Fault> {
    carry::carry_out(steps, store.folder(), &begun.moves).map_err(|error| {
        Fault::unavailable(format!("the old state is not all moved: {error}"))
            .hint(format!("gtc op env migrate-state {} goes on where this stopped", store.id()))
    })?;
    journal.finish(steps)?;
    let trees: Vec<PathBuf> = begun.trees.iter().map(PathBuf::from).collect();
    let trees: Vec<PathBuf> = trees.into_iter().filter(|tree| tree.exists()).collect();
    let after = survey::survey(store, &trees);
    let appeared = after.leftovers.into_iter().map(|left| left.path);
    let mut appeared: Vec<String> =
        appeared.chain(after.moves.into_iter().map(|moved| moved.from)).collect();
    appeared.sort();
    appeared.dedup();
    if appeared.is_empty() {
        return Ok(());
    }
    Err(Fault::conflict(format!(
        "all is moved, and meanwhile somebody put `{}` there",
        appeared[0]
    ))
    .hint("stop the older install, and move by hand what it wrote since")
    .detail("appeared", appeared))
}

fn refusal(store: &EnvironmentStore, leftovers: &[Leftover]) -> Fault {
    let Leftover { path, why } = &leftovers[0];
    Fault::refused(format!(
        "nothing was moved, because {} things cannot be: `{path}` {why}",
        leftovers.len()
    ))
    .hint(format!("gtc op env migrate-state {} --check", store.id()))
    .detail("leftovers", serde_json::json!(leftovers))
}

fn folder(from: &Path) -> Result<PathBuf, Fault> {
    let found = from.canonicalize().ok().filter(|path| path.is_dir());
    found.ok_or_else(|| {
        Fault::not_found(format!("`{}` is no folder that can be read", from.display()))
            .at("/from")
            .hint("give the folder that holds `state/deploy` or `deploy`: --from DIR")
    })
}

/// Where trees below `from` are, or were.
fn candidates(from: &Path) -> Result<Vec<PathBuf>, Fault> {
    let from = folder(from)?;
    Ok(vec![from.join("state/deploy"), from.join("deploy"), from])
}
