//! Bytes that go from one socket to another inside the kernel, which spares copying them here and
//! back.

use std::io::{self, PipeReader, PipeWriter};
use std::os::fd::AsFd;

use nix::fcntl::{FcntlArg, SpliceFFlags, fcntl, splice};

/// What a pipe holds at least to be of use, in bytes, which is what it holds by default. A user who has
/// many is given ones of a page or two, which move less than a buffer does.
const ROOM: i32 = 64 * 1024;
/// Never to wait for a socket, and to move pages where they can be moved.
const FLAGS: SpliceFFlags = SpliceFFlags::SPLICE_F_NONBLOCK.union(SpliceFFlags::SPLICE_F_MOVE);

/// A pipe between two sockets. What is in it goes out before more is taken in.
#[derive(Debug, Default)]
pub struct Pipe {
    /// Made for the first bytes.
    ends: Option<(PipeReader, PipeWriter)>,
    /// How many bytes are in it.
    held: usize,
}

impl Pipe {
    /// Makes it, where it is not made yet. False when that cannot be, or it is too small.
    pub fn open(&mut self) -> bool {
        if self.ends.is_none() {
            let is_roomy = |end: &PipeWriter| {
                fcntl(end, FcntlArg::F_GETPIPE_SZ).is_ok_and(|size| size >= ROOM)
            };
            self.ends = io::pipe().ok().filter(|(_, writer)| is_roomy(writer));
        }
        self.is_open()
    }

    /// Whether it is made.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.ends.is_some()
    }

    /// Takes what `socket` has into a pipe that is open and empty, `most` bytes at most; 0 at the end
    /// of the stream.
    ///
    /// # Errors
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) where the socket has nothing, and what it says.
    pub fn fill(&mut self, socket: &impl AsFd, most: usize) -> io::Result<usize> {
        let (_, writer) = self.ends.as_ref().ok_or(io::ErrorKind::BrokenPipe)?;
        self.held = splice(socket, None, writer, None, most, FLAGS)?;
        Ok(self.held)
    }

    /// Gives `socket` what it takes of it; how much is left.
    ///
    /// # Errors
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) where the socket takes nothing, and what it says.
    pub(crate) fn pour(&mut self, socket: &impl AsFd) -> io::Result<usize> {
        let (reader, _) = self.ends.as_ref().ok_or(io::ErrorKind::BrokenPipe)?;
        if self.held > 0 {
            let gone = splice(reader, None, socket, None, self.held, FLAGS)?;
            if gone == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            self.held = self.held.saturating_sub(gone);
        }
        Ok(self.held)
    }
}
