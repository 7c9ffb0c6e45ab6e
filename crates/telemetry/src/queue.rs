//! A bounded queue towards a thread of ours: who has something for it never waits.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{JoinHandle, Thread};
use std::time::Duration;

use deploy_spec::Fault;

/// The end that things are put into.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    sender: SyncSender<T>,
    shared: Arc<Shared>,
    thread: Thread,
    ended: Mutex<Receiver<()>>,
}

/// What both ends know.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    dropped: AtomicU64,
    is_over: AtomicBool,
}

impl Shared {
    /// So many could not be told.
    pub(crate) fn drop_more(&self, more: u64) {
        self.dropped.fetch_add(more, Relaxed);
    }

    /// Whether nothing more will be put in that matters.
    pub(crate) fn is_over(&self) -> bool {
        self.is_over.load(Relaxed)
    }
}

impl<T: Send + 'static> Queue<T> {
    /// A queue with room for so many, emptied by `run` in a thread of this name, which ends
    /// when the queue is over.
    ///
    /// # Errors
    /// `unavailable` when there is no thread.
    pub(crate) fn new(
        name: &str,
        room: usize,
        run: impl FnOnce(&Receiver<T>, &Shared) + Send + 'static,
    ) -> Result<Self, Fault> {
        let (sender, receiver) = sync_channel(room);
        let (tell, ended) = sync_channel(1);
        let shared = Arc::<Shared>::default();
        let theirs = Arc::clone(&shared);
        let spawned = std::thread::Builder::new().name(name.into()).spawn(move || {
            run(&receiver, &theirs);
            let _ = tell.send(());
        });
        let handle: JoinHandle<()> = spawned
            .map_err(|error| Fault::unavailable(format!("no thread for the {name}: {error}")))?;
        let thread = handle.thread().clone();
        Ok(Self { sender, shared, thread, ended: Mutex::new(ended) })
    }

    /// Puts one in; it is dropped and counted when there is no room.
    pub(crate) fn offer(&self, one: T) {
        if self.sender.try_send(one).is_err() {
            self.shared.drop_more(1);
        }
    }

    /// How many were dropped.
    pub(crate) fn dropped(&self) -> u64 {
        self.shared.dropped.load(Relaxed)
    }

    /// Says that it is over, and wakes who empties it: by `last`, should they wait for one.
    pub(crate) fn end(&self, last: T) {
        self.shared.is_over.store(true, Relaxed);
        // Without room they have something to do, and look up when they are done.
        let _ = self.sender.try_send(last);
        self.thread.unpark();
    }

    /// Waits until it is emptied; false when `patience` is over first.
    pub(crate) fn wait(&self, patience: Duration) -> bool {
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        ended.recv_timeout(patience).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_finds_no_room_is_counted_and_nobody_waits_for_it() {
        let (go, gone) = sync_channel::<()>(0);
        let (tell, told) = sync_channel(100);
        let queue = Queue::new("test", 4, move |queue: &Receiver<u32>, shared| {
            let first = queue.recv().unwrap();
            gone.recv().unwrap();
            let rest = queue.try_iter();
            tell.send((first, rest.collect::<Vec<_>>(), shared.is_over())).unwrap();
        });
        let queue = queue.unwrap();
        queue.offer(0);
        // It is taken out at once, or is one of the four.
        (1..=10).for_each(|n| queue.offer(n));
        let dropped = queue.dropped();
        assert!((6..=7).contains(&dropped), "{dropped}");
        queue.end(99);
        assert!(!queue.wait(Duration::ZERO));
        go.send(()).unwrap();
        assert!(queue.wait(Duration::from_secs(60)));
        let (first, rest, is_over) = told.recv().unwrap();
        assert_eq!((first, rest.first(), is_over), (0, Some(&1), true));
        assert!(rest.len() + usize::try_from(dropped).unwrap() >= 10);
    }
}
