//! `gtc`: parse, call, print. Nothing is decided here.

mod answers;
mod bundle_command;
mod cli;
mod completing;
#[cfg(windows)]
mod elsewhere;
mod environment;
mod everyday;
mod explain;
mod globals;
mod instant;
mod manual;
mod mutate;
mod op;
mod outcome;
mod policy_command;
mod preview;
mod programs;
mod progress;
mod registries;
mod registry_command;
mod render;
mod single_vm_command;
#[cfg_attr(windows, path = "start/elsewhere.rs")]
mod start;

use std::process::ExitCode;

// The linker takes what it needs of them.
use {memcopy as _, small_pages as _};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    if programs::is_shim() {
        return process::shim_main();
    }
    cli::run()
}
