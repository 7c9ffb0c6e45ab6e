//! The terminal of a Unix system, gone quiet.

use std::io::{self, Stdin};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

/// A terminal that shows nothing and hands over every key, until this is dropped.
pub(super) struct Quiet {
    keys: Stdin,
    before: Termios,
}

impl Quiet {
    pub(super) fn new() -> io::Result<Quiet> {
        let keys = io::stdin();
        let before = tcgetattr(&keys)?;
        let mut quiet = before.clone();
        // An interrupt is a key here, so that it cannot leave the terminal quiet.
        quiet.local_modes -= LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG;
        tcsetattr(&keys, OptionalActions::Now, &quiet)?;
        Ok(Quiet { keys, before })
    }

    /// What is typed until the end of a line.
    pub(super) fn line(&self) -> io::Result<String> {
        let (mut typed, mut key) = (Vec::new(), [0]);
        loop {
            if rustix::io::read(&self.keys, &mut key)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            match key[0] {
                b'\r' | b'\n' => break,
                // Ctrl-C, Ctrl-D and Ctrl-\.
                3 | 4 | 28 => return Err(io::ErrorKind::Interrupted.into()),
                8 | 127 => erase(&mut typed),
                // Ctrl-U.
                21 => typed.clear(),
                27 => self.skip_sequence()?,
                // A key that stands for no letter, such as Ctrl-Z, is no part of a secret.
                0..=31 if key[0] != b'\t' => {}
                letter => typed.push(letter),
            }
        }
        String::from_utf8(typed).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }
}

impl Quiet {
    /// Passes over what a key such as an arrow sends behind its escape (ECMA-48 §5.4).
    fn skip_sequence(&self) -> io::Result<()> {
        let mut key = [0];
        let mut read = || match rustix::io::read(&self.keys, &mut key)? {
            0 => Err(io::Error::from(io::ErrorKind::UnexpectedEof)),
            _ => Ok(key[0]),
        };
        if matches!(read()?, b'[' | b'O') {
            while !matches!(read()?, 0x40..=0x7e) {}
        }
        Ok(())
    }
}

/// Takes back the last letter with all its bytes.
fn erase(typed: &mut Vec<u8>) {
    while typed.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {}
}

impl Drop for Quiet {
    fn drop(&mut self) {
        // A terminal that is gone needs no mending.
        let _ = tcsetattr(&self.keys, OptionalActions::Now, &self.before);
    }
}
