//! Where nothing is that a program needs: no descriptors to hand over, no users, no sockets. None is
//! ever made here, and so none is started, asked or stopped.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use deploy_spec::Fault;

use crate::launcher::Launcher;
use crate::only_linux;
use crate::settings::Settings;
use crate::sink::Sink;

/// A checked program; there is none.
#[derive(Debug, Clone)]
pub enum Program {}

/// A program that is kept running; there is none.
#[derive(Debug)]
pub enum Process {}

/// What all programs of this process would share.
#[derive(Debug, Clone)]
pub struct Supervisor;

impl Program {
    /// Keeps no program.
    ///
    /// # Errors
    /// `refused`, always.
    pub fn new(_: &[u8]) -> Result<Self, Fault> {
        Err(only_linux::refusal())
    }
}

impl Supervisor {
    /// A supervisor of nothing.
    #[must_use]
    pub fn new(_: Launcher, _: PathBuf, _: fn() -> u32) -> Self {
        Self
    }

    /// Starts a program, if there were one.
    ///
    /// # Errors
    /// None.
    pub fn start(
        &self,
        program: &Program,
        _: Settings,
        _: Arc<dyn Sink>,
    ) -> Result<Process, Fault> {
        match *program {}
    }
}

impl Process {
    /// Where it answers.
    #[must_use]
    pub fn address(&self) -> Option<Arc<upstream::Endpoint>> {
        match *self {}
    }

    /// Waits until it is ready.
    ///
    /// # Errors
    /// None.
    pub fn wait_until_ready(&self) -> Result<(), Fault> {
        match *self {}
    }

    /// Tells it to stop.
    #[must_use]
    pub fn stop(&self, _: Duration) -> bool {
        match *self {}
    }
}
