//! What a writer may do while it holds the lock.

use std::sync::Arc;

use control::{Rejection, Transaction};
use deploy_spec::{EnvironmentId, Fault};

use crate::audit;
use crate::commit::Commit;
use crate::corrupt::io_fault;
use crate::disk::Disk;
use crate::layout::{AUDIT, JOURNAL};
use crate::lock::Guard;
use crate::snapshot::Snapshot;

/// The right to change an environment. Nobody else reads or writes while it lives.
pub struct Writer {
    environment_id: EnvironmentId,
    disk: Arc<dyn Disk>,
    view: Snapshot,
    _guard: Guard,
}

impl Writer {
    /// Finishes what a crash left unfinished, then gives the right to change.
    pub(crate) fn new(
        environment_id: EnvironmentId,
        disk: Arc<dyn Disk>,
        guard: Guard,
    ) -> Result<Self, Fault> {
        if let Some(commit) = Commit::in_flight(&environment_id, &*disk)? {
            commit.carry_out(&*disk).map_err(|error| {
                io_fault(&environment_id, "finishing the commit in", JOURNAL, &error)
            })?;
        }
        let view = Snapshot::take(environment_id.clone(), disk.clone(), None)?;
        Ok(Self { environment_id, disk, view, _guard: guard })
    }

    /// What is.
    #[must_use]
    pub const fn view(&self) -> &Snapshot {
        &self.view
    }

    /// Commits a transaction and gives its sequence. When it fails, nothing has changed, unless
    /// the details of the fault say `committed`: then the next command finishes it.
    ///
    /// # Errors
    /// `unavailable` when the disk does not do what it is told.
    pub fn commit(mut self, transaction: &Transaction) -> Result<u64, Fault> {
        use control::View as _;
        let prev_hash = self.last_hash()?;
        let sequence = self.view.sequence() + 1;
        let commit =
            Commit::new(sequence, transaction, transaction.audit.clone().chained(prev_hash))?;
        if let Err(error) = commit.decide(&*self.disk) {
            let fault = io_fault(&self.environment_id, "writing the journal in", JOURNAL, &error);
            return Err(match commit.take_back(&*self.disk) {
                Ok(()) => fault,
                Err(_) => unfinished(fault),
            });
        }
        commit.carry_out(&*self.disk).map_err(|error| {
            unfinished(io_fault(&self.environment_id, "applying the commit of", JOURNAL, &error))
        })?;
        self.view = Snapshot::take(self.environment_id.clone(), self.disk.clone(), None)?;
        Ok(sequence)
    }

    /// Writes down that something was refused.
    ///
    /// # Errors
    /// `unavailable` when the disk does not do what it is told.
    pub fn refuse(&self, rejection: &Rejection) -> Result<(), Fault> {
        let event = rejection.audit.clone().chained(self.last_hash()?);
        audit::append_once(&*self.disk, &event)
            .map_err(|error| io_fault(&self.environment_id, "appending to", AUDIT, &error))
    }

    fn last_hash(&self) -> Result<Option<deploy_spec::Digest>, Fault> {
        audit::last_hash(&*self.disk)
            .map_err(|error| io_fault(&self.environment_id, "reading the end of", AUDIT, &error))
    }
}

fn unfinished(fault: Fault) -> Fault {
    let message =
        format!("{}; the change is decided and the next command finishes it", fault.message);
    Fault { message, ..fault }.detail("committed", true)
}
