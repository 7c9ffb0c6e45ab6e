//! `gtc`: parse, call, print. Nothing is decided here.

mod answers;
mod bundle_command;
mod cli;
mod environment;
mod globals;
mod mutate;
mod op;
mod outcome;
mod render;
mod start;

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::run()
}
