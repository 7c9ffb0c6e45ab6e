//! `gtc op env migrate-dev` and `migrate-state`, where no older install is moved.

use deploy_spec::Fault;

use crate::elsewhere::{NotHere, refusal};
use crate::globals::Globals;
use crate::outcome::Success;

pub(crate) type DevArgs = NotHere;
pub(crate) type StateArgs = NotHere;

const WHY: &str = "what an older install left is moved on Linux and macOS";

pub(super) fn dev(_: &Globals, _: DevArgs) -> Result<Success, Fault> {
    Err(refusal(WHY))
}

pub(super) fn state(_: &Globals, _: &StateArgs) -> Result<Success, Fault> {
    Err(refusal(WHY))
}
