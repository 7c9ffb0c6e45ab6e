//! `env render`: the projection of an environment as one document.

use deploy_spec::{Fault, RuntimeConfig};

use crate::project::project;
use crate::view::View;

/// What a data plane serves from.
///
/// # Errors
/// `not-found` when there is no such environment; or when its records cannot be read.
pub fn render(view: &dyn View) -> Result<RuntimeConfig, Fault> {
    project(view)
}
