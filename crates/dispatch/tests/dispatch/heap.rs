//! How much a piece of code takes from the heap.
#![expect(unsafe_code, reason = "an allocator that counts is an allocator, and that is unsafe")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

struct Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

thread_local! {
    static TAKEN: Cell<usize> = const { Cell::new(0) };
}

fn take(bytes: usize) {
    // A thread that ends may allocate after its cell is gone.
    let _ = TAKEN.try_with(|taken| taken.set(taken.get() + bytes));
}

// SAFETY: every call goes to the system's allocator as it is; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        take(layout.size());
        // SAFETY: the caller's promise, passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise, passed on.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        take(size);
        // SAFETY: the caller's promise, passed on.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

/// What `work` gives, and the bytes that this thread took from the heap for it.
pub(crate) fn taken<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = TAKEN.get();
    let value = work();
    (value, TAKEN.get() - before)
}

#[test]
fn what_is_taken_is_counted() {
    assert!(taken(|| vec![0_u8; 10_000]).1 >= 10_000);
    assert_eq!(taken(|| 1 + 1).1, 0);
}
