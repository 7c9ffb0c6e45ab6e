//! What Windows does not have: its words are taken as they are typed, and the answer says where it is.

use std::ffi::OsString;

use clap::Args;
use deploy_spec::Fault;

/// The words of a verb that is not here.
#[derive(Debug, Args)]
pub(crate) struct NotHere {
    #[arg(hide = true, trailing_var_arg = true, allow_hyphen_values = true)]
    _words: Vec<OsString>,
}

/// Why it is not here.
pub(crate) fn refusal(what: &str) -> Fault {
    Fault::refused(format!("{what}, and this is Windows"))
        .hint("it works in WSL; gtc single-vm bootstrap brings a bundle to a machine with Linux")
}
