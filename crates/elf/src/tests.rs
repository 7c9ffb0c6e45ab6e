//! What may be run, and how everything else is refused.

use proptest::prelude::*;

use super::*;

/// A little static executable: a header, one segment that holds all of it, and code.
fn small() -> Vec<u8> {
    let mut bytes = vec![0u8; 0x100];
    bytes[..8].copy_from_slice(&[0x7f, b'E', b'L', b'F', 2, 1, 1, 0]);
    put(&mut bytes, 16, &ET_EXEC.to_le_bytes());
    put(&mut bytes, 18, &MACHINE.0.to_le_bytes());
    put(&mut bytes, 20, &1u32.to_le_bytes());
    put(&mut bytes, 24, &0x40_00f0u64.to_le_bytes());
    put(&mut bytes, 32, &64u64.to_le_bytes());
    for (at, value) in [(52, 64u16), (54, 56), (56, 2)] {
        put(&mut bytes, at, &value.to_le_bytes());
    }
    segment(&mut bytes, 0, PT_LOAD, 5, 0, 0x100);
    segment(&mut bytes, 1, 0, 0, 0, 0);
    bytes
}

fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    bytes[at..at + value.len()].copy_from_slice(value);
}

fn segment(bytes: &mut [u8], index: usize, kind: u32, flags: u32, offset: u64, size: u64) {
    let at = 64 + index * 56;
    put(bytes, at, &kind.to_le_bytes());
    put(bytes, at + 4, &flags.to_le_bytes());
    for (field, value) in [(8, offset), (16, 0x40_0000 + offset), (32, size), (40, size)] {
        put(bytes, at + field, &value.to_le_bytes());
    }
}

fn refusal(bytes: &[u8]) -> String {
    check(bytes).unwrap_err().message
}

#[test]
fn a_static_executable_is_accepted() {
    assert_eq!(check(&small()), Ok(()));
    let mut relocatable = small();
    put(&mut relocatable, 16, &ET_DYN.to_le_bytes());
    segment(&mut relocatable, 1, PT_DYNAMIC, 4, 0xc0, 0x20);
    assert_eq!(check(&relocatable), Ok(()), "a static PIE has a dynamic section and needs nothing");
}

#[test]
fn what_is_no_program_is_named() {
    let cases: [(&[u8], &str); 10] = [
        (b"", "it is empty"),
        (b"#!/bin/sh\nrm -rf /\n", "it is a script for `/bin/sh`"),
        (b"#! /usr/bin/env python3", "it is a script for `/usr/bin/env python3`"),
        (b"#!\x1b[31m\xff", r"it is a script for `\u{1b}[31m\u{fffd}`"),
        (b"#!", "it is a script for ``"),
        (b"MZ\x90\0", "it is a program for Windows"),
        (b"\xcf\xfa\xed\xfe", "it is a program for macOS"),
        (b"\xca\xfe\xba\xbe", "it is a program for macOS or for Java"),
        (b"\0asm\x0d\0\x01\0", "it is WebAssembly; that is the pack kind `http-component`"),
        (b"PK\x03\x04", "it is not a program"),
    ];
    for (bytes, what) in cases {
        assert_eq!(refusal(bytes), format!("{what}; a program is an ELF executable"));
    }
}

#[test]
fn an_executable_that_cannot_run_here_is_refused() {
    let cases: [(usize, &[u8], &str); 6] = [
        (4, &[1], "32-bit"),
        (5, &[2], "big-endian"),
        (18, &[8, 0], "machine 8 of the ELF list"),
        (16, &[1, 0], "an ELF file of type 1"),
        (16, &[4, 0], "an ELF file of type 4"),
        (6, &[9], "damaged"),
    ];
    for (at, value, why) in cases {
        let mut bytes = small();
        put(&mut bytes, at, value);
        assert!(refusal(&bytes).contains(why), "{at}: {}", refusal(&bytes));
    }
}

#[test]
fn a_program_for_another_machine_is_a_program() {
    let mut bytes = small();
    put(&mut bytes, 18, &[8, 0]);
    assert_eq!(check_for_any_machine(&bytes), Ok(()));
    put(&mut bytes, 4, &[1]);
    assert!(check_for_any_machine(&bytes).is_err());
}

#[test]
fn an_executable_that_needs_the_host_is_refused() {
    let mut interpreted = small();
    put(&mut interpreted, 0xc0, b"/lib64/ld-linux-x86-64.so.2\0");
    segment(&mut interpreted, 1, PT_INTERP, 4, 0xc0, 28);
    assert_eq!(
        refusal(&interpreted),
        "it is linked dynamically, by `/lib64/ld-linux-x86-64.so.2`; \
         a program is a static ELF executable"
    );
    let mut needy = small();
    put(&mut needy, 0xc0, &[DT_NEEDED as u8]);
    segment(&mut needy, 1, PT_DYNAMIC, 4, 0xc0, 0x20);
    assert_eq!(refusal(&needy), "it needs shared libraries; a program is a static ELF executable");
}

#[test]
fn a_damaged_executable_is_refused() {
    let good = small();
    for length in 4..good.len() {
        assert!(check(&good[..length]).is_err(), "cut to {length}");
    }
    let cases: [(usize, u64, &str); 5] = [
        (24, 0x50_0000, "entry point"),
        (24, 0, "entry point"),
        (32, u64::MAX, "damaged"),
        (64 + 40, 0x10, "larger in the file than in memory"),
        (64 + 16, u64::MAX - 8, "has no end"),
    ];
    for (at, value, why) in cases {
        let mut bytes = small();
        put(&mut bytes, at, &value.to_le_bytes());
        assert!(refusal(&bytes).contains(why), "{at}: {}", refusal(&bytes));
    }
    let mut data_only = small();
    segment(&mut data_only, 0, PT_LOAD, 6, 0, 0x100);
    assert!(refusal(&data_only).contains("entry point"));
}

#[test]
fn this_test_itself_is_judged_by_how_it_was_linked() {
    let bytes = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    let verdict = check(&bytes);
    match cfg!(target_feature = "crt-static") {
        true => assert_eq!(verdict, Ok(())),
        false => assert!(verdict.unwrap_err().message.contains("linked dynamically")),
    }
}

proptest! {
    #[test]
    fn no_bytes_are_too_strange(bytes in prop::collection::vec(any::<u8>(), 0..512)) {
        let _ = check(&bytes);
        let mut elf = small();
        elf.truncate(8);
        elf.extend(&bytes);
        let _ = check(&elf);
    }

    #[test]
    fn no_damage_is_too_strange(at in prop::collection::vec((0usize..0x100, any::<u8>()), 1..12)) {
        let mut bytes = small();
        for (at, value) in at {
            bytes[at] = value;
        }
        let _ = check(&bytes);
    }
}
