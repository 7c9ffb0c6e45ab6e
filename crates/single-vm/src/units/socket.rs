//! The socket on which requests come in. systemd holds it, so that a restart of the service makes
//! connections wait and refuses none.

use crate::desired::Place;

use super::HEAD;

/// The socket unit.
pub(crate) fn socket(place: &Place<'_>) -> String {
    format!(
        "{HEAD}[Unit]\n\
         Description=Socket of Greentic deployment {name}\n\
         \n\
         [Socket]\n\
         ListenStream={listen}\n\
         FileDescriptorName=http\n\
         NoDelay=yes\n\
         Backlog=4096\n\
         # An address of the machine that it does not have yet when it starts.\n\
         FreeBind=yes\n\
         \n\
         [Install]\n\
         WantedBy=sockets.target\n",
        name = place.deployment.metadata.name,
        listen = place.deployment.spec.runtime.listen.address(),
    )
}
