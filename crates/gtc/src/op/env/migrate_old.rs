//! `gtc op env migrate-dev` and `migrate-state`: what an older install left.

use std::path::PathBuf;

use clap::Args;
use control::env::{MigrateDev, MigrateDevAnswers, MigrateState, MigrateStateAnswers};
use deploy_spec::{EnvironmentId, Fault};
use migrate::dev::{Bounds, Search};
use migrate::{alias, dev as old_dev, state as old_state};
use serve::ambient;
use store::EnvironmentStore;

use crate::globals::{Change, Globals};
use crate::mutate::{Fields, mutate_then};
use crate::outcome::Success;

#[derive(Debug, Args)]
pub(crate) struct DevArgs {
    /// The environment that `dev` is to be [default: local]
    environment: Option<EnvironmentId>,
    /// Only say where the old name stands
    #[arg(long)]
    check: bool,
    /// Look here as well as beside the environments; may be given again
    #[arg(long, value_name = "DIR")]
    path: Vec<PathBuf>,
    #[command(flatten)]
    change: Change,
}

#[derive(Debug, Args)]
pub(crate) struct StateArgs {
    /// The environment [default: local]
    environment: Option<EnvironmentId>,
    /// Only say what would be moved
    #[arg(long)]
    check: bool,
    /// The folder that holds state/deploy [default: beside the environments]
    #[arg(long, value_name = "DIR")]
    from: Option<PathBuf>,
    #[command(flatten)]
    change: Change,
}

pub(super) fn dev(globals: &Globals, args: DevArgs) -> Result<Success, Fault> {
    let flags = Fields::default()
        .text("environment_id", args.environment.as_ref())
        .set("check", args.check.then_some(true));
    let root = globals.root()?;
    let mut roots = vec![globals.home()?];
    roots.extend(args.path);
    let search = |to: &EnvironmentId| Search {
        roots: roots.clone(),
        store_root: root.path().to_owned(),
        to: to.clone(),
        bounds: Bounds::default(),
    };
    let checks = std::cell::Cell::new(false);
    let find = |store: &EnvironmentStore, answers: &MigrateDevAnswers, _| {
        checks.set(answers.check);
        Ok(old_dev::find(&search(store.id())))
    };
    mutate_then::<MigrateDev>(globals, &args.change, flags.done(), find, |store, _| {
        if checks.get() {
            return Ok(());
        }
        let migrated = old_dev::migrate(&search(store.id()));
        if !migrated.left.is_empty() {
            alias::write(&root, store.id(), ambient::now())?;
        }
        Ok(())
    })
}

pub(super) fn state(globals: &Globals, args: &StateArgs) -> Result<Success, Fault> {
    let flags = Fields::default()
        .text("environment_id", args.environment.as_ref())
        .text("from", args.from.as_ref().map(|from| from.display()))
        .set("check", args.check.then_some(true));
    let home = globals.home()?;
    let from = |answers: &MigrateStateAnswers| {
        answers.from.as_ref().map_or_else(|| home.clone(), PathBuf::from)
    };
    let chosen = std::cell::RefCell::new(None);
    let find = |store: &EnvironmentStore, answers: &MigrateStateAnswers, _| {
        let from = from(answers);
        if !answers.check {
            *chosen.borrow_mut() = Some(from.clone());
        }
        old_state::plan_state(store, &from)
    };
    mutate_then::<MigrateState>(globals, &args.change, flags.done(), find, |store, _| {
        let Some(from) = chosen.borrow_mut().take() else { return Ok(()) };
        let holder = ambient::holder("env migrate-state");
        old_state::migrate_state(store, &from, &holder).map(drop)
    })
}
