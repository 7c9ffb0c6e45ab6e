//! Work that falls into pieces, on every processor, with the same outcome as on one.

use std::num::NonZero;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use deploy_spec::Fault;

/// How many threads may work at once.
pub(crate) fn available() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

/// What `work` gives for each number below `count`, in their order.
///
/// # Errors
/// The first in their order; after one, no more work is begun.
pub(crate) fn in_order<T: Send>(
    count: usize,
    work: impl Fn(usize) -> Result<T, Fault> + Sync,
) -> Result<Vec<T>, Fault> {
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut done = Vec::new();
        loop {
            // Numbers are begun in order: all that are below a failed one have been.
            let i = next.fetch_add(1, Ordering::Relaxed);
            if i >= count {
                return done;
            }
            let one = work(i);
            if one.is_err() {
                next.store(count, Ordering::Relaxed);
            }
            done.push((i, one));
        }
    };
    let mut done = thread::scope(|scope| {
        let others: Vec<_> = (1..available().min(count)).map(|_| scope.spawn(worker)).collect();
        let mut done = worker();
        for other in others {
            done.extend(other.join().unwrap_or_else(|panic| resume_unwind(panic)));
        }
        done
    });
    done.sort_unstable_by_key(|(i, _)| *i);
    done.into_iter().map(|(_, one)| one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_is_in_order_and_the_first_error_is_the_one() {
        let all = in_order(1_000, |i| Ok(i * 2)).unwrap();
        assert_eq!(all, (0..1_000).map(|i| i * 2).collect::<Vec<_>>());
        assert_eq!(in_order(0, Ok).unwrap(), Vec::<usize>::new());
        for _ in 0..50 {
            let failed = in_order(1_000, |i| match i {
                300.. => Err(Fault::invalid(i.to_string())),
                _ => Ok(i),
            });
            assert_eq!(failed.unwrap_err().message, "300");
        }
    }
}
