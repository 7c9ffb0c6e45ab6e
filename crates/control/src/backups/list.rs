//! `backups list`: which backups of an environment are known.

use deploy_spec::{Backup, BackupId, Fault};
use serde::Serialize;

use crate::view::{Lookup as _, View};

/// The result of `backups list`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BackupsShown {
    /// The backups, newest last.
    pub backups: Vec<Backup>,
}

/// The backups of an environment.
///
/// # Errors
/// `not-found` when there is no such environment; or when its records cannot be read.
pub fn list(view: &dyn View) -> Result<BackupsShown, Fault> {
    view.environment()?;
    let ids = view.backup_ids()?.into_iter();
    let backups = ids.filter_map(|id| view.backup(id).transpose());
    Ok(BackupsShown { backups: backups.collect::<Result<_, Fault>>()? })
}

/// One backup.
///
/// # Errors
/// `not-found` when it is not known here; otherwise as [`View::get`].
pub fn find(view: &dyn View, id: BackupId) -> Result<Backup, Fault> {
    view.backup(id)?.ok_or_else(|| {
        Fault::not_found(format!("there is no backup {id} of `{}`", view.environment_id()))
            .hint("gtc op backups list")
    })
}
