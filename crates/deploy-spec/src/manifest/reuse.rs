//! Whether an instance of a component serves more than one request.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Pack, PackKind};
use crate::fault::Fault;

/// The most requests that one instance may serve.
const REQUESTS_MAX: u32 = 1_000_000;

/// An instance of an `http-component` serves several requests, one after the other.
///
/// Faster than a fresh one for each, and what one request leaves in the component's memory is there
/// for the next, whoever sends it: only for components that keep nothing of a request, or may show it
/// to anybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reuse {
    /// After how many requests an instance is thrown away (2 to 1 000 000).
    #[schemars(range(min = 2, max = 1_000_000))]
    pub requests: u32,
}

/// The rules for the pack at `index`.
pub(super) fn check(pack: &Pack, index: usize) -> Result<(), Fault> {
    let wrong =
        |why: String, field: &str| Err(Fault::invalid(why).at(format!("/packs/{index}/{field}")));
    match (pack.kind, pack.reuse) {
        (_, None) => Ok(()),
        (PackKind::HttpComponent, Some(Reuse { requests: 2..=REQUESTS_MAX })) => Ok(()),
        (PackKind::HttpComponent, Some(_)) => {
            let why = "an instance is reused for 2 to 1000000 requests; without `reuse`, each request \
                       gets a fresh one";
            wrong(why.to_owned(), "reuse/requests")
        }
        (kind, Some(_)) => {
            let kind = kind.as_str();
            wrong(format!("only an `http-component` has instances, a `{kind}` has none"), "reuse")
        }
    }
}
