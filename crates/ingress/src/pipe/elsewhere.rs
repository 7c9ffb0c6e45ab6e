//! Other systems move no bytes between sockets: a pipe that is never made.

use std::io;

/// A pipe between two sockets.
#[derive(Debug, Default)]
pub struct Pipe(());

impl Pipe {
    /// Makes it; which cannot be.
    pub const fn open(&mut self) -> bool {
        self.is_open()
    }

    /// Whether it is made.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        false
    }

    /// Takes nothing.
    ///
    /// # Errors
    /// Always.
    pub fn fill<S>(&mut self, _: &S, _: usize) -> io::Result<usize> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Gives nothing.
    ///
    /// # Errors
    /// Always.
    pub(crate) fn pour<S>(&mut self, _: &S) -> io::Result<usize> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
