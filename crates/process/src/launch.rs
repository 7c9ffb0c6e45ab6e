//! What is kept running: a program that is started, or a container that an engine starts.

use crate::container::Container;
use crate::program::Program;

/// What is kept running.
#[derive(Debug, Clone)]
pub enum Launch {
    /// A program of a bundle.
    Program(Program),
    /// A container of an image.
    Container(Container),
}

impl From<&Program> for Launch {
    fn from(program: &Program) -> Self {
        Self::Program(program.clone())
    }
}

impl From<Container> for Launch {
    fn from(container: Container) -> Self {
        Self::Container(container)
    }
}
