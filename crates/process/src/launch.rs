//! What is kept running: a program or a container.

use crate::{Image, Program};

/// What a container is made of.
#[derive(Debug, Clone)]
pub struct Container {
    /// Its image.
    pub image: Image,
    /// What is run in place of the image's entry point.
    pub command: Option<String>,
    /// The port that it listens on inside, where it listens on one.
    pub port: u16,
    /// Thousandths of a processor that it may use; none: all there are.
    pub cpu_milli: Option<u32>,
}

/// What is kept running.
#[derive(Debug, Clone)]
pub enum Launch {
    /// A program of a bundle.
    Program(Program),
    /// A container of an image.
    Container(Container),
}

impl From<Program> for Launch {
    fn from(program: Program) -> Self {
        Self::Program(program)
    }
}

impl From<Container> for Launch {
    fn from(container: Container) -> Self {
        Self::Container(container)
    }
}
