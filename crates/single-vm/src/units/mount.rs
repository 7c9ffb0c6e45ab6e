//! The mount of a bundle, read-only.

use crate::desired::Place;
use crate::facts::MountBy;

use super::HEAD;

/// The mount unit of the bundle. Nothing in it is run from the mount: programs of a bundle are run
/// out of memory.
pub(crate) fn mount(place: &Place<'_>) -> String {
    let (bundle, layout) = (&place.facts.bundle, &place.layout);
    let (kind, options) = match place.facts.machine.mounts {
        MountBy::Squashfuse => ("fuse.squashfuse", "ro,nosuid,nodev,noexec,allow_other"),
        MountBy::Kernel | MountBy::Nothing => ("squashfs", "loop,ro,nosuid,nodev,noexec"),
    };
    let service = layout.service();
    format!(
        "{HEAD}[Unit]\n\
         Description=Bundle {bundle} of Greentic deployment {name}\n\
         Before={service}\n\
         \n\
         [Mount]\n\
         What={what}\n\
         Where={target}\n\
         Type={kind}\n\
         Options={options}\n\
         TimeoutSec=30\n\
         \n\
         [Install]\n\
         WantedBy={service}\n",
        name = place.deployment.metadata.name,
        what = layout.bundle(bundle),
        target = layout.mount(bundle),
    )
}
