//! The texts of the units, as systemd.unit(5) and its neighbours describe them.

mod container;
mod mount;
mod native;
mod service;
mod socket;

use crate::desired::Place;

pub(crate) use mount::mount;
pub(crate) use service::service;
pub(crate) use socket::socket;

/// The first line of every file, for whoever finds one.
const HEAD: &str =
    "# Written by `gtc single-vm apply`, which also mends what is changed by hand.\n";

/// tmpfiles.d(5): the directory for what is temporary, empty after each start of the machine, and
/// without what nobody touched for ten days.
pub(crate) fn tmpfiles(place: &Place<'_>) -> String {
    let (owner, temp) = (place.owner(), &place.deployment.spec.storage.temp_dir);
    format!("{HEAD}D {temp} 0700 {} {} 10d\n", owner.user, owner.group)
}

/// logrotate(8): the service keeps its files open, so they are copied and cut.
pub(crate) fn logrotate(place: &Place<'_>) -> String {
    let (owner, logs) = (place.owner(), &place.deployment.spec.storage.log_dir);
    format!(
        "{HEAD}{logs}/*.log {{\n    su {} {}\n    daily\n    maxsize 50M\n    rotate 14\n    \
         compress\n    delaycompress\n    missingok\n    notifempty\n    copytruncate\n}}\n",
        owner.user, owner.group
    )
}
