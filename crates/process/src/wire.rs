//! What a supervisor and a shim say to each other, over a socket that is the shim's standard input.
//!
//! The supervisor sends one [`Order`] with its descriptors; from then on, that it closes the
//! socket means "stop". The shim sends [`Report`]s, one line of JSON each, and closes the socket
//! when nothing of the program is left.

use std::collections::BTreeMap;
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags};
use serde::{Deserialize, Serialize};

use crate::container::Contained;
use crate::launcher::Launcher;
use crate::program::{Use, sealed};
use crate::settings::Limits;

/// What a shim is to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) launcher: Launcher,
    pub(crate) name: String,
    pub(crate) args: Vec<String>,
    pub(crate) env: BTreeMap<String, String>,
    /// Where it begins; its own.
    pub(crate) folder: PathBuf,
    /// As whom; none: as we do.
    pub(crate) user: Option<u32>,
    pub(crate) limits: Limits,
    pub(crate) grace_ms: u64,
    /// The container that is to be; none: the program that goes with this is run.
    pub(crate) contained: Option<Contained>,
}

/// Which of the two things a shim does with an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Role {
    /// Start the program or the container, keep watch, and clear up behind it.
    Keep = b'k',
    /// Give up every power and become the program.
    #[cfg(target_os = "linux")]
    Become = b'b',
}

/// What a shim tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Report {
    /// The program runs; its process group has this number.
    Started { pid: i32 },
    /// It could not be started.
    Failed { why: String },
    /// Its first process ended: how, in words.
    Ended { how: String },
}

/// The descriptors that go with an order.
#[derive(Debug)]
pub(crate) struct Handed<Fd> {
    /// What is run; none where an engine does that.
    pub(crate) program: Option<Fd>,
    pub(crate) stdout: Fd,
    pub(crate) stderr: Fd,
}

/// The most descriptors that are sent: the order itself, and what goes with it.
const COUNT: usize = 4;

/// A peer that is gone is an error, and no signal.
#[cfg(target_os = "linux")]
const QUIETLY: SendFlags = SendFlags::NOSIGNAL;
#[cfg(not(target_os = "linux"))]
const QUIETLY: SendFlags = SendFlags::empty();

impl Order {
    /// Sends the order. It travels as a file in memory, so that its size does not matter and no
    /// part of it stands in an argument list.
    pub(crate) fn send(
        &self,
        socket: &UnixStream,
        role: Role,
        handed: &Handed<BorrowedFd<'_>>,
    ) -> io::Result<()> {
        let text = sealed(&serde_json::to_vec(self)?, Use::Read)?;
        let mut fds = vec![text.as_fd(), handed.stdout, handed.stderr];
        fds.extend(handed.program);
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(COUNT))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        control.push(SendAncillaryMessage::ScmRights(&fds));
        let byte = [role as u8];
        rustix::net::sendmsg(socket, &[IoSlice::new(&byte)], &mut control, QUIETLY)?;
        Ok(())
    }

    /// Waits for an order.
    #[cfg(target_os = "linux")]
    pub(crate) fn receive(
        socket: &UnixStream,
    ) -> io::Result<(Role, Self, Handed<std::os::fd::OwnedFd>)> {
        use std::io::{IoSliceMut, Read as _};

        use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags};

        let bad = |why: &str| io::Error::new(io::ErrorKind::InvalidData, why);
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(COUNT))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut byte = [0];
        let mut into = [IoSliceMut::new(&mut byte)];
        rustix::net::recvmsg(socket, &mut into, &mut control, RecvFlags::CMSG_CLOEXEC)?;
        let role = match byte[0] {
            b'k' => Role::Keep,
            b'b' => Role::Become,
            _ => return Err(bad("this is no order")),
        };
        let mut fds = Vec::with_capacity(COUNT);
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(more) = message {
                fds.extend(more);
            }
        }
        let mut fds = fds.into_iter();
        let (Some(text), Some(stdout), Some(stderr)) = (fds.next(), fds.next(), fds.next()) else {
            return Err(bad("an order without its files"));
        };
        let program = fds.next();
        let mut json = Vec::new();
        std::fs::File::from(text).read_to_end(&mut json)?;
        Ok((role, serde_json::from_slice(&json)?, Handed { program, stdout, stderr }))
    }
}
