//! One writer or many readers, across processes.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use control::View as _;
use deploy_spec::Kind;

use crate::real::{Other, folder, store_in};
use crate::world::{Scene, holder};

const AT_ONCE: Duration = Duration::from_millis(20);

#[test]
fn who_waits_too_long_is_told_who_holds_the_lock() {
    let folder = folder();
    let store = Scene::serving(store_in(folder.path())).store;
    let mut other = Other::start("hold", 0, folder.path());
    other.hear("held").unwrap();
    let hasty = store.clone().patient_for(AT_ONCE);
    for fault in [hasty.read().err().unwrap(), hasty.write(&holder()).err().unwrap()] {
        assert_eq!(fault.kind, Kind::Unavailable);
        let wanted = format!(
            "environment `local` is locked by ada (process {}, `env doctor`, since \
             1970-01-01T00:00:00Z); waited 20 ms",
            other.id()
        );
        assert_eq!(fault.message, wanted);
    }
    other.kill();
    hasty.read().unwrap();
    hasty.write(&holder()).unwrap();
}

#[test]
fn readers_share_and_nobody_is_blamed_for_them() {
    let folder = folder();
    let store = Scene::serving(store_in(folder.path())).store.patient_for(AT_ONCE);
    let one = store.read().unwrap();
    let two = store.read().unwrap();
    assert_eq!(one.sequence(), two.sequence());
    let fault = store.write(&holder()).err().unwrap();
    assert!(fault.message.contains("is locked by another process"), "{fault}");
    drop((one, two));
    store.write(&holder()).unwrap();
}

#[test]
fn readers_that_overlap_do_not_keep_a_writer_out() {
    let folder = folder();
    let store = Scene::serving(store_in(folder.path())).store;
    let is_done = AtomicBool::new(false);
    let reading = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !is_done.load(Ordering::Relaxed) {
                    let view = store.read().unwrap();
                    let before = reading.fetch_add(1, Ordering::SeqCst);
                    // Stays until the other one has begun to read too, or waits for its turn.
                    let until = Instant::now() + AT_ONCE;
                    while reading.load(Ordering::SeqCst) == before + 1 && Instant::now() < until {
                        std::thread::yield_now();
                    }
                    drop(view);
                }
            });
        }
        while reading.load(Ordering::SeqCst) < 4 {
            std::thread::yield_now();
        }
        let written = store.clone().patient_for(Duration::from_secs(5)).write(&holder()).map(drop);
        is_done.store(true, Ordering::Relaxed);
        written.unwrap();
    });
}

#[test]
fn a_waiting_writer_goes_on_when_the_lock_is_free() {
    let folder = folder();
    let store = Scene::serving(store_in(folder.path())).store;
    let writer = store.write(&holder()).unwrap();
    let (tell, told) = channel();
    let waiting = std::thread::spawn(move || {
        tell.send(()).unwrap();
        store.write(&holder()).map(drop)
    });
    told.recv().unwrap();
    drop(writer);
    waiting.join().unwrap().unwrap();
}
