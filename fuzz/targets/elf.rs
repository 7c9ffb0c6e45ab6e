//! Bytes that begin as an ELF file of 64 bits does: what runs here runs somewhere.
#![no_main]

const MAGIC: &[u8] = &[0x7f, b'E', b'L', b'F', 2, 1, 1, 0];

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let bytes = [MAGIC, bytes.get(MAGIC.len()..).unwrap_or_default()].concat();
    if elf::check(&bytes).is_ok() {
        assert_eq!(elf::check_for_any_machine(&bytes), Ok(()));
    }
});
