//! Looking through one file, and through what is packed in it: an archive in a bundle, what is
//! compressed in that, and so on, within bounds. What the bounds keep us from is told, not passed
//! over. Nothing here is refused: the files that people pack need not be well made.

use std::cell::{Cell, RefCell};
use std::io::{self, Cursor, Read};

use ::scan::{Rules, Stream};

use super::packing::{self, Packing};
use super::{NotLookedInto, Place};
use crate::build::leak;
use crate::names::shown;

/// Packed things within packed things.
pub(super) const DEPTH: usize = 5;
/// Bytes that one file may expand to, all that is in it together: 200 times its own …
const RATIO: u64 = 200;
/// … and always as many as this: 64 MiB …
const LEAST: u64 = 64 << 20;
/// … and never more than this: 1 GiB.
const MOST: u64 = 1 << 30;
/// Things that are told of one file, and names in it that are looked at.
const ENTRIES: usize = 100_000;
/// Bytes by which a packed file is known: the header of a tar.
const HEAD: usize = 512;

/// What was found in one file.
#[derive(Default)]
pub(super) struct Looked {
    /// Bytes of the file.
    pub(super) bytes: u64,
    pub(super) findings: Vec<(Place, ::scan::Finding)>,
    /// Names within it that are a leak by themselves, and why.
    pub(super) kept_out: Vec<(String, &'static str)>,
    pub(super) not_looked_into: Vec<NotLookedInto>,
}

/// Looks through a file of `len` bytes. `path` is what its findings are named by; those of what is
/// packed in it by `path!inner`.
///
/// # Errors
/// Those of reading `from`.
pub(super) fn look(path: &str, len: u64, from: &mut dyn Read) -> io::Result<Looked> {
    let left = len.saturating_mul(RATIO).clamp(LEAST, MOST);
    look_within(path, left, from)
}

/// As [`look`], when all that is in it together may expand to `left` bytes.
pub(super) fn look_within(path: &str, left: u64, from: &mut dyn Read) -> io::Result<Looked> {
    let look = Look {
        left: Cell::new(left),
        names: Cell::new(0),
        looked: RefCell::new(Looked::default()),
    };
    let bytes = look.through(path, from, 0)?;
    Ok(Looked { bytes, ..look.looked.into_inner() })
}

/// One look through a file.
pub(super) struct Look {
    /// Bytes that may still be expanded.
    left: Cell<u64>,
    /// Names that were looked at.
    names: Cell<usize>,
    looked: RefCell<Looked>,
}

impl Look {
    /// Looks through bytes as they are, and as what they expand to. Gives how many there are.
    fn through(&self, path: &str, from: &mut dyn Read, depth: usize) -> io::Result<u64> {
        let mut seen =
            Seen { from, stream: Stream::new(Rules::standard(), path), bytes: 0, failed: None };
        let mut head = Vec::with_capacity(HEAD);
        let begun = (&mut seen).take(HEAD as u64).read_to_end(&mut head);
        let before = self.looked.borrow().findings.len();
        let opened = Packing::of(&head).map_or(Ok(()), |packing| {
            let mut whole = Cursor::new(head).chain(&mut seen);
            packing::open(self, packing, path, &mut whole, depth)
        });
        if let (None, Err(why)) = (&seen.failed, opened) {
            self.not_looked_into(path, &why.to_string());
        }
        let ended = match &seen.failed {
            Some(_) => Ok(0),
            None => io::copy(&mut seen, &mut io::sink()),
        };
        let Seen { stream, bytes, failed, .. } = seen;
        let mut looked = self.looked.borrow_mut();
        for finding in stream.finish() {
            // What is stored in an archive as it is has been found where it belongs.
            let inside = &looked.findings[before..];
            if !inside.iter().any(|(_, known)| known.is_same_secret(&finding)) {
                looked.findings.push((Place::Contents, finding));
            }
        }
        match failed {
            Some(error) => Err(error),
            None => begun.and(ended.map(|_| bytes)),
        }
    }

    /// Looks through something that is packed in `outer`: its name, and what it expands to. What
    /// cannot be expanded is told.
    ///
    /// # Errors
    /// When the bounds are met.
    pub(super) fn inner(
        &self,
        outer: &str,
        name: &str,
        expanded: &mut dyn Read,
        depth: usize,
    ) -> io::Result<()> {
        let path = self.name(outer, name)?;
        let mut metered = Metered { from: expanded, left: &self.left };
        match self.through(&path, &mut metered, depth + 1) {
            Err(why) if self.spent() => Err(why),
            Err(why) => {
                self.not_looked_into(&path, &why.to_string());
                Ok(())
            }
            Ok(_) => Ok(()),
        }
    }

    /// Tells of something that is packed in `outer` and cannot be had.
    ///
    /// # Errors
    /// When the bounds are met.
    pub(super) fn closed(&self, outer: &str, name: &str, reason: &str) -> io::Result<()> {
        let path = self.name(outer, name)?;
        self.not_looked_into(&path, reason);
        Ok(())
    }

    /// Looks at a name within `outer`; gives what is shown instead of it.
    pub(super) fn name(&self, outer: &str, name: &str) -> io::Result<String> {
        self.names.set(self.names.get() + 1);
        if self.names.get() > ENTRIES {
            return Err(too_much(&format!("it holds more than {ENTRIES} entries")));
        }
        let mut stream = Stream::new(Rules::standard(), outer);
        stream.push(name.as_bytes());
        let mut looked = self.looked.borrow_mut();
        let found = stream.finish();
        let secret_at = found.first().map(|finding| usize::try_from(finding.offset).unwrap_or(0));
        looked.findings.extend(found.into_iter().map(|finding| (Place::Name, finding)));
        let path = match secret_at {
            Some(at) => format!("{outer}!{}…", shown(name.get(..at).unwrap_or_default())),
            None => format!("{outer}!{}", shown(name)),
        };
        if let Some(reason) = leak(name.trim_matches('/')) {
            looked.kept_out.push((path.clone(), reason));
        }
        Ok(path)
    }

    /// Tells what was not looked into; once the bounds are met, it is told once.
    fn not_looked_into(&self, path: &str, reason: &str) {
        let told = &mut self.looked.borrow_mut().not_looked_into;
        let bounds = told.last().is_some_and(|last| self.spent() && last.reason == reason);
        if !bounds && told.len() < ENTRIES {
            told.push(NotLookedInto { path: path.to_owned(), reason: reason.to_owned() });
        }
    }

    /// Whether nothing more may be looked into.
    fn spent(&self) -> bool {
        self.left.get() == 0 || self.names.get() > ENTRIES
    }
}

/// Why something is not looked into further.
pub(super) fn too_much(why: &str) -> io::Error {
    io::Error::other(why.to_owned())
}

/// Bytes on their way to whoever expands them, looked through as they pass.
struct Seen<'a> {
    from: &'a mut dyn Read,
    stream: Stream<'static>,
    bytes: u64,
    /// Why the file itself cannot be read, which is another thing than that it cannot be expanded.
    failed: Option<io::Error>,
}

impl Read for Seen<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self.from.read(out) {
            Ok(n) => {
                self.stream.push(&out[..n]);
                self.bytes += n as u64;
                Ok(n)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => {
                let told = io::Error::new(error.kind(), error.to_string());
                self.failed.get_or_insert(error);
                Err(told)
            }
        }
    }
}

/// What expands, counted.
struct Metered<'a> {
    from: &'a mut dyn Read,
    left: &'a Cell<u64>,
}

impl Read for Metered<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let n = self.from.read(out)?;
        match self.left.get().checked_sub(n as u64) {
            Some(left) => self.left.set(left),
            None => {
                self.left.set(0);
                return Err(too_much("it expands to more than is looked through"));
            }
        }
        Ok(n)
    }
}

#[cfg(test)]
mod tests;
