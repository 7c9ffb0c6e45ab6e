//! What a writer may do while it holds the lock.

use std::io;
use std::sync::Arc;

use control::{Rejection, Transaction, View as _};
use deploy_spec::{Digest, EnvironmentId, Fault, document};

use crate::audit;
use crate::commit::Commit;
use crate::corrupt::io_fault;
use crate::disk::Disk;
use crate::folders::Found;
use crate::journal::{self, Undecided};
use crate::layout::{AUDIT, FREE, JOURNAL, LOCK};
use crate::lock::{Guard, Holder};
use crate::snapshot::Snapshot;

/// The right to change an environment. Nobody else reads or writes while it lives.
pub struct Writer {
    environment_id: EnvironmentId,
    disk: Arc<dyn Disk>,
    view: Snapshot,
    /// How large the file of the audit log may grow, in bytes.
    rotate_at: u64,
    /// Whether all that was done is durable.
    is_settled: bool,
    _guard: Guard,
}

impl Writer {
    /// Finishes what a crash left unfinished, then gives the right to change.
    pub(crate) fn new(
        environment_id: EnvironmentId,
        disk: Arc<dyn Disk>,
        guard: Guard,
        holder: &Holder,
        rotate_at: u64,
    ) -> Result<Self, Fault> {
        let id = &environment_id;
        let failed = |doing: &'static str, path: &'static str| {
            move |error: io::Error| io_fault(id, doing, path, &error)
        };
        let mark = disk.read(LOCK).map_err(failed("reading", LOCK))?;
        disk.write(LOCK, &document::to_line(holder)).map_err(failed("writing", LOCK))?;
        if mark.is_none_or(|mark| mark != FREE) {
            journal::settle(&*disk).map_err(failed("settling", JOURNAL))?;
        }
        if let (_, Some(commit)) = Commit::newest(id, &*disk)? {
            commit
                .carry_out(&*disk, Found::Perhaps, rotate_at)
                .map_err(failed("finishing the commit in", JOURNAL))?;
        }
        let view = Snapshot::take(environment_id.clone(), disk.clone(), None)?;
        Ok(Self { environment_id, disk, view, rotate_at, is_settled: true, _guard: guard })
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
        self.is_settled = false;
        let event = transaction.audit.clone().chained(self.last_hash()?);
        let sequence = self.view.sequence() + 1;
        let commit = Commit::new(sequence, transaction, event)?;
        commit.decide(&*self.disk).map_err(|Undecided { error, stands }| {
            let fault = io_fault(&self.environment_id, "writing the journal in", JOURNAL, &error);
            if stands { unfinished(fault) } else { fault }
        })?;
        commit.carry_out(&*self.disk, Found::Durable, self.rotate_at).map_err(|error| {
            unfinished(io_fault(&self.environment_id, "applying the commit of", JOURNAL, &error))
        })?;
        self.is_settled = true;
        Ok(sequence)
    }

    /// Writes down that something was refused.
    ///
    /// # Errors
    /// `unavailable` when the disk does not do what it is told.
    pub fn refuse(mut self, rejection: &Rejection) -> Result<(), Fault> {
        self.is_settled = false;
        let event = rejection.audit.clone().chained(self.last_hash()?);
        audit::append_once(&*self.disk, &event, self.rotate_at)
            .map_err(|error| io_fault(&self.environment_id, "appending to", AUDIT, &error))?;
        self.is_settled = true;
        Ok(())
    }

    fn last_hash(&self) -> Result<Option<Digest>, Fault> {
        let end = audit::end(&*self.disk);
        end.map(|end| end.hash)
            .map_err(|error| io_fault(&self.environment_id, "reading the end of", AUDIT, &error))
    }
}

impl Drop for Writer {
    /// A writer that was killed, or failed on its way, leaves its name: the next one then takes
    /// nothing it finds for durable. After a loss of power what is found is durable anyway, so
    /// the mark itself need not be.
    fn drop(&mut self) {
        if self.is_settled {
            let _ = self.disk.write(LOCK, FREE);
        }
    }
}

fn unfinished(fault: Fault) -> Fault {
    let message =
        format!("{}; the change is decided and the next command finishes it", fault.message);
    Fault { message, ..fault }.detail("committed", true)
}
