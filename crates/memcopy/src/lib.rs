//! `memcpy`, `memmove`, `memcmp` and `bcmp` for musl on x86-64. Its own begin a `rep movsq` for every few
//! bytes, which takes longer than a header of HTTP does; here up to 256 bytes are a few loads and stores.
//! Its comparing goes byte by byte; here it goes by sixteen.
//!
//! A program that links this crate has these in place of those of the C library, wherever they are
//! called from. On other systems it is empty.
#![cfg(all(target_arch = "x86_64", target_os = "linux"))]
#![expect(unsafe_code, reason = "copying memory is what this is")]

use core::arch::asm;
use core::arch::x86_64::{
    __m128i, _mm_cmpeq_epi8, _mm_loadu_si128, _mm_movemask_epi8, _mm_storeu_si128,
};
use core::ffi::c_int;

/// The bytes of one load.
const WIDE: usize = size_of::<__m128i>();
/// From how many bytes on the processor's own copying is the fastest.
const MANY: usize = 2_048;

/// As the C standard has it.
///
/// # Safety
/// `source` is readable and `target` writable for `count` bytes, and the two do not overlap.
#[cfg_attr(target_env = "musl", unsafe(no_mangle))]
pub unsafe extern "C" fn memcpy(target: *mut u8, source: *const u8, count: usize) -> *mut u8 {
    // SAFETY: as promised to this function.
    unsafe {
        if count <= 16 * WIDE {
            few(target, source, count);
        } else {
            forward(target, source, count);
        }
    }
    target
}

/// As the C standard has it.
///
/// # Safety
/// `source` is readable and `target` writable for `count` bytes.
#[cfg_attr(target_env = "musl", unsafe(no_mangle))]
pub unsafe extern "C" fn memmove(target: *mut u8, source: *const u8, count: usize) -> *mut u8 {
    // SAFETY: as promised to this function. `few` reads all before it writes; forward is right
    // unless the target begins within the source.
    unsafe {
        if count <= 16 * WIDE {
            few(target, source, count);
        } else if target.addr().wrapping_sub(source.addr()) >= count {
            forward(target, source, count);
        } else {
            backward(target, source, count);
        }
    }
    target
}

/// As POSIX once had it: zero where both are the same.
///
/// # Safety
/// Both are readable for `count` bytes.
#[cfg_attr(target_env = "musl", unsafe(no_mangle))]
pub unsafe extern "C" fn bcmp(one: *const u8, other: *const u8, count: usize) -> c_int {
    // SAFETY: as promised to this function.
    c_int::from(unsafe { first_difference(one, other, count) } < count)
}

/// As the C standard has it.
///
/// # Safety
/// Both are readable for `count` bytes.
#[cfg_attr(target_env = "musl", unsafe(no_mangle))]
pub unsafe extern "C" fn memcmp(one: *const u8, other: *const u8, count: usize) -> c_int {
    // SAFETY: as promised to this function, and where they differ is within.
    unsafe {
        let at = first_difference(one, other, count);
        if at < count { c_int::from(*one.add(at)) - c_int::from(*other.add(at)) } else { 0 }
    }
}

/// Where two pieces differ first; `count` where they do not.
#[inline(always)]
unsafe fn first_difference(one: *const u8, other: *const u8, count: usize) -> usize {
    let mut at = 0;
    // SAFETY: every piece lies within the `count` bytes.
    unsafe {
        while count - at >= WIDE {
            let [ours, theirs] = [one, other].map(|it| _mm_loadu_si128(it.add(at).cast()));
            let same = _mm_movemask_epi8(_mm_cmpeq_epi8(ours, theirs)).cast_unsigned();
            if same != 0xffff {
                return at + same.trailing_ones() as usize;
            }
            at += WIDE;
        }
        while count - at >= 8 {
            let [ours, theirs] = [one, other].map(|it| it.add(at).cast::<u64>().read_unaligned());
            if ours != theirs {
                return at + ((ours ^ theirs).trailing_zeros() / 8) as usize;
            }
            at += 8;
        }
        while at < count && *one.add(at) == *other.add(at) {
            at += 1;
            this_is_no_call();
        }
    }
    at
}

/// Up to 256 bytes: all are read, and then all are written. Two pieces that overlap are as good as
/// two that meet.
#[inline(always)]
unsafe fn few(target: *mut u8, source: *const u8, count: usize) {
    // SAFETY: every piece lies within the `count` bytes.
    unsafe {
        match count {
            0 => {}
            1 => *target = *source,
            2..=3 => ends::<u16>(target, source, count),
            4..=7 => ends::<u32>(target, source, count),
            8..=15 => ends::<u64>(target, source, count),
            16..=32 => pieces::<1>(target, source, count),
            33..=64 => pieces::<2>(target, source, count),
            65..=128 => pieces::<4>(target, source, count),
            _ => pieces::<8>(target, source, count),
        }
    }
}

/// The first and the last bytes, which are all there are.
#[inline(always)]
unsafe fn ends<T>(target: *mut u8, source: *const u8, count: usize) {
    let last = count - size_of::<T>();
    // SAFETY: as promised to `few`.
    unsafe {
        let begin = source.cast::<T>().read_unaligned();
        let end = source.add(last).cast::<T>().read_unaligned();
        target.cast::<T>().write_unaligned(begin);
        target.add(last).cast::<T>().write_unaligned(end);
    }
}

/// So many wide pieces from the beginning and as many up to the end, which are all there are.
#[inline(always)]
unsafe fn pieces<const N: usize>(target: *mut u8, source: *const u8, count: usize) {
    let last = count - N * WIDE;
    // SAFETY: as promised to `few`.
    unsafe {
        let begin = load::<N>(source);
        let end = load::<N>(source.add(last));
        store(target, begin);
        store(target.add(last), end);
    }
}

#[inline(always)]
unsafe fn load<const N: usize>(source: *const u8) -> [__m128i; N] {
    // SAFETY: the caller's.
    std::array::from_fn(|i| unsafe { _mm_loadu_si128(source.add(i * WIDE).cast()) })
}

#[inline(always)]
unsafe fn store<const N: usize>(target: *mut u8, pieces: [__m128i; N]) {
    for (i, piece) in pieces.into_iter().enumerate() {
        // SAFETY: the caller's.
        unsafe { _mm_storeu_si128(target.add(i * WIDE).cast(), piece) };
    }
}

/// More than 256 bytes, from the first to the last. The source may begin within the target.
unsafe fn forward(target: *mut u8, source: *const u8, count: usize) {
    // SAFETY: every piece lies within the `count` bytes. The last of them are read before anything
    // is written, and each other before what it overlaps is.
    unsafe {
        if count >= MANY {
            asm!("rep movsb", inout("rcx") count => _, inout("rdi") target => _,
                inout("rsi") source => _, options(nostack, preserves_flags));
            return;
        }
        let last = count - 4 * WIDE;
        let end = load::<4>(source.add(last));
        let mut at = 0;
        while at < last {
            store(target.add(at), load::<4>(source.add(at)));
            at += 4 * WIDE;
            this_is_no_call();
        }
        store(target.add(last), end);
    }
}

/// The same from the last to the first: the target may begin within the source.
unsafe fn backward(target: *mut u8, source: *const u8, count: usize) {
    // SAFETY: every piece lies within the `count` bytes. The first of them are read before anything
    // is written, and each other before what it overlaps is.
    unsafe {
        let begin = load::<4>(source);
        let mut at = count;
        while at > 4 * WIDE {
            at -= 4 * WIDE;
            store(target.add(at), load::<4>(source.add(at)));
            this_is_no_call();
        }
        store(target, begin);
    }
}

/// Keeps the compiler from making the loop around it a call of the function that it is in.
#[inline(always)]
fn this_is_no_call() {
    // SAFETY: it is empty.
    unsafe { asm!("", options(nostack, preserves_flags)) };
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Places, lengths and what surrounds them are all seen to be as they should.
    fn copies(length: usize, from: usize, to: usize, overlaps: bool) {
        let size = 2 * length + from + to + 64;
        let before: Vec<u8> = (0..size).map(|i| (i * 31 + i / 251) as u8).collect();
        let to = if overlaps { to } else { from + length + to };
        let mut expected = before.clone();
        expected.copy_within(from..from + length, to);
        let mut seen = before;
        let base = seen.as_mut_ptr();
        // SAFETY: both lie within `seen`.
        let returned = unsafe {
            let (source, target) = (base.add(from), base.add(to));
            let copied = if overlaps { memmove } else { memcpy }(target, source, length);
            copied == target
        };
        assert!(returned && seen == expected, "{length} bytes from {from} to {to}");
    }

    #[test]
    fn every_length_is_copied_and_nothing_else() {
        for length in 0..3 * MANY {
            let step = if length < 600 { 1 } else { 7 };
            for at in (0..17).step_by(step) {
                copies(length, at, 16 - at, false);
                copies(length, at, 16 - at, true);
            }
        }
    }

    #[test]
    fn the_first_byte_that_differs_decides() {
        for length in 0..200 {
            let one: Vec<u8> = (0..=length).map(|i| (i * 31) as u8).collect();
            let compared = |other: &[u8]| {
                // SAFETY: both have so many bytes.
                let both = unsafe {
                    let (one, other) = (one.as_ptr(), other.as_ptr());
                    (memcmp(one, other, length), bcmp(one, other, length))
                };
                assert_eq!(both.0 == 0, both.1 == 0);
                both.0.signum()
            };
            let mut other = one.clone();
            other[length] ^= 1;
            assert_eq!(compared(&other), 0, "what lies behind is not looked at");
            for at in 0..length {
                let mut other = other.clone();
                for more in [1, 127, 255_u8] {
                    other[at] = one[at].wrapping_add(more);
                    other[at + 1..length].fill(more);
                    let wanted = one[at].cmp(&other[at]) as c_int;
                    assert_eq!(compared(&other), wanted, "{length} bytes, the one at {at}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn any_overlap_is_right(length in 0_usize..6_000, from in 0_usize..6_000, to in 0_usize..6_000) {
            copies(length, from, to, true);
            copies(length, from % 64, to % 64, false);
        }
    }
}
