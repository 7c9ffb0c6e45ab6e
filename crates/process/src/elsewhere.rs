//! Where nothing is that a program needs: no descriptors to hand over, no users, no sockets. None is
//! ever made here, and so none is started, asked or stopped.

use std::ffi::{OsStr, OsString};
use std::io::{self, PipeWriter};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use deploy_spec::{ContainerEngine, Digest, Fault, ImageRef};

use crate::launch::Launch;
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

/// What runs containers; there is none.
#[derive(Debug, Clone)]
pub enum Containers {}

/// An image in the store of an engine.
#[derive(Debug, Clone)]
pub struct Image;

/// What runs containers here: nothing.
#[must_use]
pub const fn find_engine(_: &OsStr) -> Option<(ContainerEngine, PathBuf)> {
    None
}

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

    /// The same: there is no engine.
    #[must_use]
    pub fn with_containers(self, _: Option<Containers>) -> Self {
        self
    }

    /// What runs containers here.
    ///
    /// # Errors
    /// `refused`, always.
    pub fn containers(&self) -> Result<&Containers, Fault> {
        Err(only_linux::refusal())
    }

    /// Starts nothing.
    ///
    /// # Errors
    /// `refused`, always.
    pub fn start(
        &self,
        _: impl Into<Launch>,
        _: Settings,
        _: Arc<dyn Sink>,
    ) -> Result<Process, Fault> {
        Err(only_linux::refusal())
    }
}

impl Image {
    /// The image that a reference names.
    #[must_use]
    pub const fn named(_: &ImageRef) -> Self {
        Self
    }
}

impl Containers {
    /// None.
    #[must_use]
    pub fn find(_: &OsStr, _: Vec<(OsString, OsString)>, _: PathBuf) -> Option<Self> {
        None
    }

    /// Brings an image, if there were an engine.
    ///
    /// # Errors
    /// None.
    pub fn fetch(&self, _: &ImageRef) -> Result<(), Fault> {
        match *self {}
    }

    /// Takes an image, if there were an engine.
    ///
    /// # Errors
    /// None.
    pub fn load(
        &self,
        _: &Digest,
        _: impl FnOnce(&mut PipeWriter) -> io::Result<()> + Send,
    ) -> Result<Image, Fault> {
        match *self {}
    }

    /// Removes what was left behind, if there were an engine.
    pub fn clear_up(&self) {
        match *self {}
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
