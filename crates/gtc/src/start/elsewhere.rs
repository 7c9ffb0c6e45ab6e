//! `gtc start`, where it does not serve.

use deploy_spec::Fault;

pub(crate) use crate::elsewhere::NotHere as Start;
use crate::elsewhere::refusal;
use crate::globals::Globals;
use crate::outcome::{Named, Success};

impl Start {
    pub(crate) fn run(self, _: &Globals) -> (Named, Result<Success, Fault>) {
        let named = Named { noun: "start", op: "serve" };
        (named, Err(refusal("gtc start serves on Linux and macOS")))
    }
}
