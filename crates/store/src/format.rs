//! Which gtc may touch a store: a marker that a later layout will raise.

use deploy_spec::{EnvironmentId, Fault, document, schema_tag};
use serde::{Deserialize, Serialize};

use crate::corrupt::{io_fault, record_fault};
use crate::disk::Disk;

/// Where the marker is.
pub(crate) const FORMAT: &str = "format.json";

schema_tag!(
    /// `greentic.store.v1`
    FormatSchema = "greentic.store.v1"
);

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Format {
    schema: FormatSchema,
}

/// Whether the store is marked; a store without a marker is of the first layout.
///
/// # Errors
/// `unavailable` when a newer gtc made the store, or the marker cannot be read.
pub(crate) fn check(environment: &EnvironmentId, disk: &dyn Disk) -> Result<bool, Fault> {
    let text = disk.read(FORMAT).map_err(|e| io_fault(environment, "reading", FORMAT, &e))?;
    let Some(text) = text else { return Ok(false) };
    document::from_json::<Format>(&text)
        .map(|_| true)
        .map_err(|why| record_fault(environment, disk, FORMAT, &why))
}

/// Marks the store durably.
pub(crate) fn mark(environment: &EnvironmentId, disk: &dyn Disk) -> Result<(), Fault> {
    let draft = format!("{FORMAT}.draft");
    let put = || {
        // A draft that a loss of power left may be a second name of the marker.
        disk.remove(&draft)?;
        disk.write(&draft, &document::to_line(&Format { schema: FormatSchema }))?;
        disk.sync(&draft)?;
        disk.rename(&draft, FORMAT)?;
        disk.sync_folder("")
    };
    put().map_err(|error| io_fault(environment, "writing", FORMAT, &error))
}
