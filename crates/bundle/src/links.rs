//! Following symbolic links inside an archive the way a kernel would, without leaving its root.

use std::collections::HashMap;

use crate::entry::{Entry, EntryKind};
use crate::limits::Limits;

/// Where a path leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// The archive's root.
    Root,
    /// The entry with this index; never a symbolic link.
    Entry(usize),
}

/// Why a path leads nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lost {
    /// It climbs above the root, or is absolute.
    Leaves,
    /// It names nothing, or goes through a file as if it were a folder.
    Nothing,
    /// It follows more links than the limit; links that chase each other end here.
    TooManyLinks,
}

/// The entries of an archive by path.
pub(crate) struct Index(HashMap<Box<str>, usize>);

impl Index {
    pub(crate) fn new(entries: &[Entry]) -> Self {
        Self(entries.iter().enumerate().map(|(i, e)| (e.path.as_str().into(), i)).collect())
    }

    /// The entry of exactly this path, links not followed.
    pub(crate) fn get(&self, path: &str) -> Option<usize> {
        self.0.get(path).copied()
    }

    /// Follows `path` from the folder `base` (a path without links; empty for the root).
    pub(crate) fn follow(
        &self,
        entries: &[Entry],
        base: &str,
        path: &str,
        limits: &Limits,
    ) -> Result<Found, Lost> {
        let mut here = base.to_owned();
        let mut hops = 0;
        let mut left = parts_of(path)?;
        while let Some(part) = left.pop() {
            let parent = here.len();
            let Some(entry) = self.step(entries, &mut here, &part)? else { continue };
            match entry.kind {
                EntryKind::Directory => {}
                EntryKind::File if left.is_empty() => {}
                EntryKind::File => return Err(Lost::Nothing),
                EntryKind::Symlink => {
                    hops += 1;
                    if hops > limits.link_hops {
                        return Err(Lost::TooManyLinks);
                    }
                    left.extend(parts_of(entry.target.as_deref().unwrap_or_default())?);
                    here.truncate(parent);
                }
            }
        }
        if here.is_empty() {
            return Ok(Found::Root);
        }
        self.get(&here).map(Found::Entry).ok_or(Lost::Nothing)
    }

    /// Goes from `here` to its child or its parent; gives the entry that it went down to.
    fn step<'a>(
        &self,
        entries: &'a [Entry],
        here: &mut String,
        part: &str,
    ) -> Result<Option<&'a Entry>, Lost> {
        match part {
            "" | "." => Ok(None),
            ".." if here.is_empty() => Err(Lost::Leaves),
            ".." => {
                here.truncate(here.rfind('/').unwrap_or(0));
                Ok(None)
            }
            _ => {
                if !here.is_empty() {
                    here.push('/');
                }
                here.push_str(part);
                self.get(here).map(|i| Some(&entries[i])).ok_or(Lost::Nothing)
            }
        }
    }
}

/// The parts of a path, last first.
fn parts_of(path: &str) -> Result<Vec<String>, Lost> {
    if path.starts_with('/') {
        return Err(Lost::Leaves);
    }
    Ok(path.rsplit('/').map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_followed_physically_and_never_out() {
        let mut entries = vec![
            Entry::directory("a".into()),
            Entry::directory("a/b".into()),
            Entry::file("a/f".into(), 1, false),
            Entry::symlink("a/b/up".into(), "../..".into()),
            Entry::symlink("out".into(), "a/b/up/../a".into()),
            Entry::symlink("ok".into(), "a/b/../f".into()),
            Entry::symlink("loop".into(), "loop".into()),
            Entry::symlink("abs".into(), "/a".into()),
            Entry::symlink("none".into(), "a/z".into()),
            Entry::symlink("dir".into(), "a".into()),
        ];
        entries.sort_by(|x, y| x.path.cmp(&y.path));
        let index = Index::new(&entries);
        let follow = |path: &str| index.follow(&entries, "", path, &Limits::default());
        let at = |path: &str| Ok(Found::Entry(index.get(path).unwrap()));
        assert_eq!(follow("a/b/up"), Ok(Found::Root));
        assert_eq!(follow("ok"), at("a/f"));
        assert_eq!(follow("dir/b/up/dir/f"), at("a/f"));
        // Lexically `out` stays inside: a/b/up/../a is a/b/a. Physically it does not.
        assert_eq!(follow("out"), Err(Lost::Leaves));
        assert_eq!(follow("abs"), Err(Lost::Leaves));
        assert_eq!(follow("loop"), Err(Lost::TooManyLinks));
        assert_eq!(follow("none"), Err(Lost::Nothing));
        assert_eq!(follow("a/f/x"), Err(Lost::Nothing));
    }
}
