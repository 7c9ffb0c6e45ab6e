//! What is said where no program of a bundle runs.

use deploy_spec::Fault;

/// Why none does.
pub(crate) fn refusal() -> Fault {
    Fault::refused(format!(
        "programs and containers of bundles run on Linux, and this is {}",
        std::env::consts::OS
    ))
    .hint("gtc single-vm bootstrap brings the bundle to a machine with Linux")
}
