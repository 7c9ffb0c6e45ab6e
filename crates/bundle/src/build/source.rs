//! A file that is opened when it is first read and closed at its end, so that packing thousands of
//! files holds one open at a time.

use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;

use crate::image::{into_io, io_fault};

/// A file to pack.
pub(super) struct Source {
    path: PathBuf,
    state: State,
}

enum State {
    Unread,
    Open(File),
    Done,
}

impl Source {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, state: State::Unread }
    }

    fn pull(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if let State::Unread = self.state {
            self.state = State::Open(File::open(&self.path)?);
        }
        match &mut self.state {
            State::Open(file) => file.read(out),
            State::Unread | State::Done => Ok(0),
        }
    }
}

impl Read for Source {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self.pull(out) {
            Ok(0) if !out.is_empty() => {
                self.state = State::Done;
                Ok(0)
            }
            Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                Err(into_io(io_fault("read", &self.path, &error)))
            }
            read => read,
        }
    }
}
