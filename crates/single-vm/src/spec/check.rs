//! What must hold between fields.

use crate::layout::Layout;
use crate::read::{At, Problems};

use super::source::BundleSource;
use super::text::{AdminBind, DeploymentName, Listen, MachinePath};

/// What was read, where it stands, as far as rules compare it.
#[derive(Debug, Default)]
pub(super) struct Written {
    pub(super) writable: Vec<(&'static str, At<MachinePath>)>,
    pub(super) listen: Option<At<Listen>>,
    pub(super) admin: Option<At<AdminBind>>,
}

/// Directories of the system: the service would own them.
const OF_THE_SYSTEM: &[&str] = &[
    "/home",
    "/media",
    "/mnt",
    "/opt",
    "/srv",
    "/srv/greentic",
    "/var",
    "/var/cache",
    "/var/lib",
    "/var/log",
    "/var/lib/greentic",
    "/var/cache/greentic",
    "/var/log/greentic",
    "/var/mail",
    "/var/spool",
];

/// What the service cannot write to, wherever below it is, and why.
const OUT_OF_REACH: &[(&str, &str)] = &[
    ("/bin", "holds the system's programs"),
    ("/boot", "is the kernel's"),
    ("/dev", "is the kernel's"),
    ("/etc", "holds the system's settings"),
    ("/home", "is hidden from the service"),
    ("/lib", "holds the system's programs"),
    ("/lib64", "holds the system's programs"),
    ("/proc", "is the kernel's"),
    (concat!("/ro", "ot"), "is hidden from the service"),
    ("/run", "is empty after each start of the machine"),
    ("/sbin", "holds the system's programs"),
    ("/sys", "is the kernel's"),
    ("/tmp", "is private to the service and gone with it"),
    ("/usr", "holds the system's programs"),
    ("/var/run", "is empty after each start of the machine"),
    ("/var/tmp", "is private to the service and gone with it"),
];

const TYPE_DIRECTORY: &str = "name a directory of its own, such as `/data/hello/state`";

/// The rules between fields. What could not be read is left out.
pub(super) fn together(name: Option<&DeploymentName>, written: &Written, problems: &Problems) {
    for (i, (field, at)) in written.writable.iter().enumerate() {
        system(field, at, problems);
        for (other_field, other) in &written.writable[..i] {
            apart((field, at), (other_field, other), problems);
        }
        if let Some(name) = name {
            read_only(field, at, &Layout::of(name), problems);
        }
    }
    ports(written, problems);
}

fn system(field: &str, At { value, spot }: &At<MachinePath>, problems: &Problems) {
    if OF_THE_SYSTEM.contains(&value.as_str()) {
        let why = format!("`{field}` is `{value}`, which others use too; the service would own it");
        problems.add(spot, why, TYPE_DIRECTORY);
        return;
    }
    let below = |place: &str| value.is_within(&MachinePath::ours(place));
    if let Some((place, why)) = OUT_OF_REACH.iter().find(|(place, _)| below(place)) {
        let message = format!("`{field}` is in `{place}`, which {why}");
        problems.add(spot, message, TYPE_DIRECTORY);
    }
}

fn apart(
    (field, at): (&str, &At<MachinePath>),
    (other_field, other): (&str, &At<MachinePath>),
    problems: &Problems,
) {
    let message = if at.value == other.value {
        format!("`{field}` and `{other_field}` are both `{}`", at.value)
    } else if at.value.is_within(&other.value) {
        format!("`{field}` `{}` is inside `{other_field}` `{}`", at.value, other.value)
    } else if other.value.is_within(&at.value) {
        format!("`{other_field}` `{}` is inside `{field}` `{}`", other.value, at.value)
    } else {
        return;
    };
    let why = "they are kept, emptied and removed apart, so none may hold another";
    problems.add(&at.spot, format!("{message}; {why}"), TYPE_DIRECTORY);
}

/// What the service serves and is must not be where it writes.
fn read_only(field: &str, at: &At<MachinePath>, layout: &Layout, problems: &Problems) {
    let (At { value, spot }, mounts) = (at, layout.mounts());
    let (message, why) = if value.is_within(&mounts) {
        let message = format!("`{field}` `{value}` is inside the bundle's mount `{mounts}`");
        (message, "a bundle is mounted read-only, and nothing can be written there")
    } else if mounts.is_within(value) {
        let message = format!("the bundle's mount `{mounts}` is inside `{field}` `{value}`");
        (message, "the service could replace what it is to serve")
    } else if value.is_within(&layout.programs()) || layout.programs().is_within(value) {
        let message = format!("`{field}` `{value}` and `{}` overlap", layout.programs());
        (message, "the service could replace its own program")
    } else {
        return;
    };
    problems.add(spot, format!("{message}; {why}"), TYPE_DIRECTORY);
}

fn ports(written: &Written, problems: &Problems) {
    let listen = written.listen.as_ref().map_or(Listen::DEFAULT, |at| at.value).address();
    let admin = written.admin.as_ref().map_or(AdminBind::DEFAULT, |at| at.value);
    // An IPv6 address takes the port for IPv4 as well, unless it is a particular one.
    let overlaps =
        listen.ip().is_unspecified() || listen.ip().to_canonical().to_string() == "127.0.0.1";
    let spot = written.listen.as_ref().map(|at| &at.spot);
    let spot = spot.or(written.admin.as_ref().map(|at| &at.spot));
    if let Some(spot) = spot.filter(|_| overlaps && listen.port() == admin.port()) {
        let why =
            format!("requests and the admin endpoint cannot both have port {}", listen.port());
        problems.add(spot, why, "give one of `listen` and `admin.bind` another port");
    }
}

/// What comes over the web is known by its digest only.
pub(super) fn pinned(source: &At<BundleSource>, has_digest: bool, problems: &Problems) {
    if matches!(source.value, BundleSource::Https(_)) && !has_digest {
        let why = "a server may send something else tomorrow; a bundle from the web is taken by \
                   its digest only";
        let hint = "add `digest: sha256:…`; `gtc bundle inspect FILE` prints it";
        problems.add(&source.spot, why, hint);
    }
}
