//! Whether a file may be run at all: a static ELF executable for this machine, and nothing that
//! would bring in an interpreter or libraries of the host.
//!
//! Formats and constants: System V ABI, "Object Files" and "Program Loading". The kernel checks a
//! program again when it is run; what is checked here is what the kernel would accept and we do not.

use deploy_spec::Fault;
use object::LittleEndian;
use object::elf::{
    DT_NEEDED, DT_NULL, EM_AARCH64, EM_RISCV, EM_X86_64, ET_DYN, ET_EXEC, FileHeader64, PF_X,
    PT_DYNAMIC, PT_INTERP, PT_LOAD, ProgramHeader64,
};
use object::read::elf::{Dyn as _, FileHeader as _, ProgramHeader as _};

/// The machine that this program was built for, as `e_machine`, and its name.
const MACHINE: (u16, &str) = if cfg!(target_arch = "x86_64") {
    (EM_X86_64, "x86-64")
} else if cfg!(target_arch = "aarch64") {
    (EM_AARCH64, "AArch64")
} else if cfg!(target_arch = "riscv64") {
    (EM_RISCV, "RISC-V")
} else {
    (0, "this machine")
};

/// The most program headers that are looked at; linkers make about ten.
const HEADERS_MAX: usize = 256;

/// How much of a shebang line is shown, in bytes; the kernel reads no more than 255.
const SHEBANG_MAX: usize = 80;

const HINT: &str = "link it statically, for example with \
                    `cargo build --target x86_64-unknown-linux-musl` or `CGO_ENABLED=0 go build`";

type Header = FileHeader64<LittleEndian>;
type Segment = ProgramHeader64<LittleEndian>;

/// Whether `bytes` are a static ELF executable for this machine. Reads headers only.
///
/// # Errors
/// `invalid-input`, saying what it is instead: a script (with its shebang), another format, for
/// another machine, dynamically linked, or damaged.
pub fn check(bytes: &[u8]) -> Result<(), Fault> {
    check_for_any_machine(bytes)?;
    let machine = header(bytes)?.e_machine(LittleEndian);
    if machine != MACHINE.0 {
        let what = format!("it is for machine {machine} of the ELF list");
        return Err(wrong(&format!("{what}, and this one is {} ({})", MACHINE.0, MACHINE.1)));
    }
    Ok(())
}

/// Whether `bytes` are a static ELF executable, of 64 bits and little-endian. Reads headers only.
///
/// # Errors
/// As [`check`], but for the machine.
pub fn check_for_any_machine(bytes: &[u8]) -> Result<(), Fault> {
    if let Some(what) = not_elf(bytes) {
        return Err(Fault::invalid(format!("{what}; a program is an ELF executable")).hint(HINT));
    }
    let header = header(bytes)?;
    let segments = header.program_headers(LittleEndian, bytes).map_err(damaged)?;
    if segments.len() > HEADERS_MAX {
        return Err(damaged(format!("more than {HEADERS_MAX} program headers")));
    }
    refuse_dynamic(segments, bytes)?;
    check_layout(header, segments, bytes)
}

/// Which machine an ELF executable is for, by the name that uname(1) has for it. Reads no more than
/// the first 64 bytes.
///
/// # Errors
/// `invalid-input`, saying what it is instead: a script, another format, or damaged.
pub fn machine(bytes: &[u8]) -> Result<&'static str, Fault> {
    if let Some(what) = not_elf(bytes) {
        return Err(Fault::invalid(format!("{what}; a program is an ELF executable")).hint(HINT));
    }
    Ok(match header(bytes)?.e_machine(LittleEndian) {
        EM_X86_64 => "x86_64",
        EM_AARCH64 => "aarch64",
        EM_RISCV => "riscv64",
        _ => "another",
    })
}

/// What these bytes are, if they do not begin as ELF does.
fn not_elf(bytes: &[u8]) -> Option<String> {
    let what = match bytes {
        [0x7f, b'E', b'L', b'F', ..] => return None,
        [] => "it is empty",
        [b'#', b'!', rest @ ..] => return Some(script(rest)),
        [b'M', b'Z', ..] => "it is a program for Windows",
        [0xfe, 0xed, 0xfa, 0xce | 0xcf, ..] | [0xce | 0xcf, 0xfa, 0xed, 0xfe, ..] => {
            "it is a program for macOS"
        }
        [0xca, 0xfe, 0xba, 0xbe, ..] => "it is a program for macOS or for Java",
        [0, b'a', b's', b'm', ..] => "it is WebAssembly; that is the pack kind `http-component`",
        _ => "it is not a program",
    };
    Some(what.to_owned())
}

fn script(rest: &[u8]) -> String {
    let line = rest.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = String::from_utf8_lossy(&line[..line.len().min(SHEBANG_MAX)]).trim().to_owned();
    format!("it is a script for `{}`", line.escape_default())
}

/// The header of an executable.
fn header(bytes: &[u8]) -> Result<&Header, Fault> {
    if bytes.get(4) == Some(&1) {
        return Err(wrong("it is a 32-bit program"));
    }
    if bytes.get(5) == Some(&2) {
        return Err(wrong("it is a big-endian program"));
    }
    let header = Header::parse(bytes).map_err(damaged)?;
    match header.e_type(LittleEndian) {
        ET_EXEC | ET_DYN => Ok(header),
        other => Err(wrong(&format!("it is an ELF file of type {other}, not an executable"))),
    }
}

fn refuse_dynamic(segments: &[Segment], bytes: &[u8]) -> Result<(), Fault> {
    for segment in segments {
        match segment.p_type(LittleEndian) {
            PT_INTERP => {
                let interpreter = segment.interpreter(LittleEndian, bytes).map_err(damaged)?;
                let name = String::from_utf8_lossy(interpreter.unwrap_or_default());
                let name = name.escape_default();
                return Err(wrong(&format!("it is linked dynamically, by `{name:.200}`")));
            }
            PT_DYNAMIC => {
                let entries = segment.dynamic(LittleEndian, bytes).map_err(damaged)?;
                let mut entries = entries.unwrap_or_default().iter();
                let mut tags = entries.by_ref().map(|entry| entry.tag(LittleEndian));
                if tags.by_ref().take_while(|tag| *tag != DT_NULL).any(|tag| tag == DT_NEEDED) {
                    return Err(wrong("it needs shared libraries"));
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// What is loaded lies in the file, and the entry point in what is loaded as code.
fn check_layout(header: &Header, segments: &[Segment], bytes: &[u8]) -> Result<(), Fault> {
    let entry = header.e_entry.get(LittleEndian);
    let mut entry_is_code = false;
    for segment in segments.iter().filter(|segment| segment.p_type(LittleEndian) == PT_LOAD) {
        segment.data(LittleEndian, bytes).map_err(|()| damaged("it is cut short"))?;
        let (begin, memory) =
            (segment.p_vaddr.get(LittleEndian), segment.p_memsz.get(LittleEndian));
        if memory < segment.p_filesz.get(LittleEndian) {
            return Err(damaged("a segment is larger in the file than in memory"));
        }
        let end = begin.checked_add(memory).ok_or_else(|| damaged("a segment has no end"))?;
        let is_code = segment.p_flags(LittleEndian) & PF_X != 0;
        entry_is_code |= is_code && (begin..end).contains(&entry);
    }
    match entry_is_code {
        true => Ok(()),
        false => Err(damaged("its entry point is not in its code")),
    }
}

fn wrong(what: &str) -> Fault {
    Fault::invalid(format!("{what}; a program is a static ELF executable")).hint(HINT)
}

fn damaged(why: impl std::fmt::Display) -> Fault {
    Fault::invalid(format!("the ELF file is damaged: {why}")).hint("build it again")
}

#[cfg(test)]
mod tests;
