//! How often a transfer that breaks off is gone on with: as long as it gets anywhere.

use deploy_spec::Fault;

use crate::failure::may_pass;
use crate::options::Limits;

/// The pause does not grow any more after so many doublings.
const DOUBLINGS: u32 = 6;

pub(super) struct Patience {
    limits: Limits,
    best: u64,
    tries: u32,
}

impl Patience {
    pub(super) const fn new(limits: Limits) -> Self {
        Self { limits, best: 0, tries: 0 }
    }

    /// Waits before the next attempt, after one that ended with `fault` and `done` bytes.
    ///
    /// # Errors
    /// `fault`, when it will not pass or when there were enough attempts.
    pub(super) async fn after(&mut self, fault: Fault, done: u64) -> Result<(), Fault> {
        self.tries = if done > self.best { 1 } else { self.tries + 1 };
        self.best = self.best.max(done);
        if !may_pass(&fault) || self.tries > self.limits.attempts {
            return Err(fault);
        }
        let doubled = 1 << (self.tries - 1).min(DOUBLINGS);
        tokio::time::sleep(self.limits.pause * doubled).await;
        Ok(())
    }
}
