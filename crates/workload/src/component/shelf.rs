//! Where idle instances wait for the next request: one [`Shelf`] for each pack that reuses them.
//!
//! Idle instances are never in anybody's way: an engine whose pool is used up takes them from whatever
//! pack has the most, and what nobody needed for a while is dropped, whether or not the pack is asked
//! again.

use std::cmp::Reverse;
use std::io;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::thread;
use std::time::Duration;

/// How many idle instances a pack may have; those beyond are dropped when their request is over.
const IDLE_MAX: usize = 64;

/// How often idle instances are looked through: one that nobody needs is dropped after one to two of
/// these.
pub(super) const PERIOD: Duration = Duration::from_secs(5);

/// The idle instances of one pack. The last to come is the first to go, so that those at the bottom
/// are those that are not needed.
pub(super) struct Shelf<T>(Mutex<Pile<T>>);

struct Pile<T> {
    idle: Vec<T>,
    /// How few there were at once since the last look: as many of those at the bottom nobody needed.
    least: usize,
}

impl<T> Shelf<T> {
    fn new() -> Self {
        Self(Mutex::new(Pile { idle: Vec::new(), least: 0 }))
    }

    pub(super) fn take(&self) -> Option<T> {
        let mut pile = self.pile();
        let taken = pile.idle.pop();
        pile.least = pile.least.min(pile.idle.len());
        taken
    }

    pub(super) fn put(&self, instance: T) {
        let mut pile = self.pile();
        if pile.idle.len() < IDLE_MAX {
            pile.idle.push(instance);
        } else {
            // Dropping one takes a while, in which others need not wait.
            drop(pile);
            drop(instance);
        }
    }

    fn count(&self) -> usize {
        self.pile().idle.len()
    }

    /// The one that was needed least.
    fn take_bottom(&self) -> Option<T> {
        let mut pile = self.pile();
        let Pile { idle, least } = &mut *pile;
        let taken = (!idle.is_empty()).then(|| idle.remove(0));
        *least = least.saturating_sub(usize::from(taken.is_some()));
        taken
    }

    /// Drops what nobody needed since it was called last.
    fn sweep(&self) {
        let mut pile = self.pile();
        let Pile { idle, least } = &mut *pile;
        let unneeded: Vec<T> = idle.drain(..*least).collect();
        *least = idle.len();
        drop(pile);
        drop(unneeded);
    }

    fn pile(&self) -> MutexGuard<'_, Pile<T>> {
        // Nothing panics while it is held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The shelves of an engine, and the thread that looks through them: it begins with the first and
/// ends when this is dropped.
pub(super) struct Shelves<T> {
    all: Arc<Mutex<Vec<Weak<Shelf<T>>>>>,
    period: Duration,
    sweeper: OnceLock<mpsc::Sender<()>>,
}

impl<T: Send + 'static> Shelves<T> {
    pub(super) fn new(period: Duration) -> Self {
        Self { all: Arc::default(), period, sweeper: OnceLock::new() }
    }

    /// A shelf for one pack, known until it is dropped.
    ///
    /// # Errors
    /// When the thread that looks through the shelves cannot be started.
    pub(super) fn add(&self) -> io::Result<Arc<Shelf<T>>> {
        let shelf = Arc::new(Shelf::new());
        let mut all = locked(&self.all);
        if self.sweeper.get().is_none() {
            // Only here, and locked.
            let _ = self.sweeper.set(sweeper(Arc::clone(&self.all), self.period)?);
        }
        all.push(Arc::downgrade(&shelf));
        Ok(shelf)
    }

    /// Drops one idle instance, of the pack that has the most. False when there is none.
    pub(super) fn evict(&self) -> bool {
        let mut shelves = known(&self.all);
        shelves.sort_by_cached_key(|shelf| Reverse(shelf.count()));
        // Whoever has the most may have none by now.
        shelves.iter().any(|shelf| shelf.take_bottom().is_some())
    }
}

fn sweeper<T: Send + 'static>(
    all: Arc<Mutex<Vec<Weak<Shelf<T>>>>>,
    period: Duration,
) -> io::Result<mpsc::Sender<()>> {
    let (sender, over) = mpsc::channel::<()>();
    thread::Builder::new().name("wasm-sweeper".to_owned()).spawn(move || {
        while over.recv_timeout(period) == Err(RecvTimeoutError::Timeout) {
            for shelf in known(&all) {
                shelf.sweep();
            }
        }
    })?;
    Ok(sender)
}

/// The shelves there are; those that were dropped are forgotten.
fn known<T>(all: &Mutex<Vec<Weak<Shelf<T>>>>) -> Vec<Arc<Shelf<T>>> {
    let mut all = locked(all);
    all.retain(|shelf| shelf.strong_count() > 0);
    all.iter().filter_map(Weak::upgrade).collect()
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tells when it is dropped.
    struct Told(u32, mpsc::Sender<u32>);

    impl Drop for Told {
        fn drop(&mut self) {
            let _ = self.1.send(self.0);
        }
    }

    fn shelf(idle: &[u32]) -> Shelf<u32> {
        let shelf = Shelf::new();
        idle.iter().for_each(|&instance| shelf.put(instance));
        shelf
    }

    #[test]
    fn the_last_to_come_is_the_first_to_go_and_they_are_bounded() {
        let shelf = shelf(&(0..1_000).collect::<Vec<_>>());
        assert_eq!(shelf.count(), IDLE_MAX);
        for expected in (0..64).rev() {
            assert_eq!(shelf.take(), Some(expected));
        }
        assert_eq!(shelf.take(), None);
    }

    #[test]
    fn what_nobody_needed_since_the_last_look_is_dropped_and_nothing_else() {
        let shelf = shelf(&[1, 2, 3]);
        shelf.sweep();
        assert_eq!(shelf.count(), 3, "they have only just come");
        let taken = [shelf.take(), shelf.take()];
        assert_eq!(taken, [Some(3), Some(2)]);
        taken.into_iter().flatten().for_each(|instance| shelf.put(instance));
        shelf.sweep();
        assert_eq!(shelf.count(), 2, "two were needed at once");
        shelf.sweep();
        assert_eq!(shelf.count(), 0, "none was needed");
    }

    #[test]
    fn one_is_evicted_from_the_pack_that_has_the_most() {
        let shelves = Shelves::new(PERIOD);
        assert!(!shelves.evict());
        let [few, many] = [(); 2].map(|()| shelves.add().unwrap());
        few.put(1);
        [2, 3].into_iter().for_each(|instance| many.put(instance));
        assert!(shelves.evict());
        assert_eq!((few.count(), many.take()), (1, Some(3)), "the one that waited longest");
        assert!(shelves.evict());
        assert_eq!(few.count(), 0);
        assert!(!shelves.evict());
    }

    #[test]
    fn what_is_idle_is_dropped_by_itself_and_with_its_shelf() {
        let (sender, dropped) = mpsc::channel();
        let shelves = Shelves::new(Duration::from_millis(1));
        let shelf = shelves.add().unwrap();
        shelf.put(Told(1, sender.clone()));
        assert_eq!(dropped.recv_timeout(Duration::from_secs(60)), Ok(1), "by the thread");
        let still = Shelves::new(PERIOD);
        let shelf = still.add().unwrap();
        shelf.put(Told(2, sender));
        drop(shelf);
        assert_eq!(dropped.try_recv(), Ok(2), "nothing else holds a shelf");
    }
}
