//! A user of its own for each program, where we may give one.
//!
//! Ids come from 1 879 048 192 to 2 147 352 575, which distributions leave free
//! (systemd, "Users, Groups, UIDs and GIDs on systemd Systems"); where these are not mapped, as in
//! most containers, from 61 184 to 65 519, which are for users that come and go. They need no entry
//! in `/etc/passwd`. A group of the same number goes with each.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, PoisonError};

use deploy_spec::Fault;

const RANGES: [RangeInclusive<u32>; 2] = [1_879_048_192..=2_147_352_575, 61_184..=65_519];

/// Which ids are ours to give.
#[derive(Debug)]
enum Range {
    /// We are not root: programs run as we do.
    AsWe,
    /// We are root, and none is: a program never runs as root.
    None,
    These(RangeInclusive<u32>),
}

/// Who gives out user ids.
#[derive(Debug)]
pub(crate) struct Users {
    range: Range,
    taken: Mutex<BTreeSet<u32>>,
}

impl Users {
    /// Looks at who we are.
    pub(crate) fn detect() -> Self {
        if !rustix::process::geteuid().is_root() {
            return Self::of(Range::AsWe);
        }
        // Without user namespaces there is no such file, and every id is there.
        let map = std::fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
        let range = RANGES.into_iter().find(|range| is_mapped(&map, range));
        Self::of(range.map_or(Range::None, Range::These))
    }

    const fn of(range: Range) -> Self {
        Self { range, taken: Mutex::new(BTreeSet::new()) }
    }

    /// A user id that no other program of this process has, until the lease is dropped. The same
    /// name gets the same id again, unless that is taken.
    ///
    /// # Errors
    /// `unavailable` when all are taken, or we are root and have none to give.
    pub(crate) fn lease(self: &Arc<Self>, name: &str) -> Result<Lease, Fault> {
        let range = match &self.range {
            Range::AsWe => return Ok(Lease(None)),
            Range::These(range) => range,
            Range::None => {
                return Err(Fault::unavailable(
                    "there are no user ids for programs here, and none may run as root",
                )
                .hint("run `gtc` as an ordinary user, or map the ids 61184 to 65519"));
            }
        };
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        let count = u64::from(range.end() - range.start()) + 1;
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let preferred = hasher.finish() % count;
        // One more than are taken: one of them is free.
        let tries = count.min(taken.len() as u64 + 1);
        for step in 0..tries {
            let offset = u32::try_from((preferred + step) % count).unwrap_or_default();
            let uid = range.start() + offset;
            if taken.insert(uid) {
                return Ok(Lease(Some((Arc::clone(self), uid))));
            }
        }
        Err(Fault::unavailable(format!("all {count} user ids for programs are taken")))
    }
}

/// Whether a whole range is mapped into our user namespace (`user_namespaces(7)`).
fn is_mapped(map: &str, range: &RangeInclusive<u32>) -> bool {
    let covers = |line: &str| {
        let mut numbers = line.split_whitespace().map(|number| number.parse::<u64>().ok());
        let (Some(Some(first)), Some(_), Some(Some(length))) =
            (numbers.next(), numbers.next(), numbers.next())
        else {
            return false;
        };
        first <= u64::from(*range.start()) && u64::from(*range.end()) < first + length
    };
    map.trim().is_empty() || map.lines().any(covers)
}

/// A user id that is in use, or none; given back when dropped.
#[derive(Debug, Default)]
pub(crate) struct Lease(Option<(Arc<Users>, u32)>);

impl Lease {
    /// The id; none to run as we do.
    pub(crate) fn uid(&self) -> Option<u32> {
        self.0.as_ref().map(|(_, uid)| *uid)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some((users, uid)) = &self.0 {
            users.taken.lock().unwrap_or_else(PoisonError::into_inner).remove(uid);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_programs_share_a_user() {
        let users = Arc::new(Users::of(Range::These(10..=12)));
        let mut leases: Vec<_> = (0..3).map(|_| users.lease("same").unwrap()).collect();
        let ids: BTreeSet<_> = leases.iter().filter_map(Lease::uid).collect();
        assert_eq!(ids, BTreeSet::from([10, 11, 12]));
        assert!(users.lease("other").unwrap_err().message.contains("all 3 user ids"));
        let given_back = leases.remove(1).uid();
        assert_eq!(users.lease("other").unwrap().uid(), given_back);
    }

    #[test]
    fn a_name_keeps_its_user() {
        let users = Arc::new(Users::of(Range::These(RANGES[0].clone())));
        let first = users.lease("r1/web").unwrap().uid();
        assert!(RANGES[0].contains(&first.unwrap()));
        assert_eq!(users.lease("r1/web").unwrap().uid(), first);
        assert_ne!(users.lease("r2/web").unwrap().uid(), first);
    }

    #[test]
    fn who_is_not_root_gives_no_users() {
        assert_eq!(Arc::new(Users::of(Range::AsWe)).lease("a").unwrap().uid(), None);
    }

    #[test]
    fn a_program_never_runs_as_root() {
        let fault = Arc::new(Users::of(Range::None)).lease("a").unwrap_err();
        assert_eq!(fault.kind, deploy_spec::Kind::Unavailable);
    }

    #[test]
    fn only_ids_that_are_there_are_given() {
        let maps = [
            ("         0          0 4294967295\n", [true, true]),
            ("0 100000 65536\n", [false, true]),
            ("0 1000 1\n1 100000 65535\n", [false, true]),
            ("0 1000 1\n", [false, false]),
            ("", [true, true]),
            ("nonsense\n", [false, false]),
        ];
        for (map, wanted) in maps {
            assert_eq!(RANGES.map(|range| is_mapped(map, &range)), wanted, "{map:?}");
        }
    }
}
