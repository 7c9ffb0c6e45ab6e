//! The pins of this process, bounded: the ones that have ended go first, then those that end soonest.

use std::collections::{BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use dispatch::{LIFETIME_S, Pin, PinName};

/// How many sessions are remembered.
pub const REMEMBERED_MAX: usize = 16_384;

/// The session, and a hash of its deployment: two that are equal in both by chance are told apart by
/// their revision, which only one deployment has.
type Name = (u128, u64);

#[derive(Debug, Default)]
pub(crate) struct Memory {
    pins: HashMap<Name, (Pin, u64)>,
    /// When each ends, in seconds since 1970.
    ends: BTreeSet<(u64, Name)>,
}

impl Memory {
    /// The pin that counts, the one there is or this one.
    pub(crate) fn remember(&mut self, name: &PinName<'_>, proposed: Pin, now_s: u64) -> Pin {
        let mut deployment = DefaultHasher::new();
        name.deployment().hash(&mut deployment);
        let name = (name.session(), deployment.finish());
        let known = self.pins.get(&name).copied().filter(|(_, ends)| *ends > now_s);
        let Some((pin, ends)) = known.filter(|(pin, _)| pin.generation >= proposed.generation)
        else {
            self.put(name, proposed, now_s);
            return proposed;
        };
        if ends < now_s + LIFETIME_S / 2 {
            self.put(name, pin, now_s);
        }
        pin
    }

    fn put(&mut self, name: Name, pin: Pin, now_s: u64) {
        let ends = now_s + LIFETIME_S;
        if let Some((_, ended)) = self.pins.insert(name, (pin, ends)) {
            self.ends.remove(&(ended, name));
        }
        self.ends.insert((ends, name));
        while self.pins.len() > REMEMBERED_MAX
            && let Some((_, gone)) = self.ends.pop_first()
        {
            self.pins.remove(&gone);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.pins.len()
    }
}
