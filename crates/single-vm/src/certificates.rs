//! Which certificates the machine should have: given ones, or ones that are made there and made anew
//! before they end.

use deploy_spec::{Digest, Timestamp};

use crate::desired::Place;
use crate::facts::{CertificateFacts, Issued, certificate_directory};
use crate::fields::KEY_MODE;
use crate::layout::{Layout, short};
use crate::resource::{Artifact, Content, Holds, Mode, Owner, Resource, Role};
use crate::spec::MachinePath;

/// How long an authority is good, in days.
const AUTHORITY_DAYS: u16 = 3650;
/// How long a server's or client's certificate is good, in days.
const DAYS: u16 = 397;
/// How long before its end a certificate is made anew, in days.
const RENEW_DAYS: u16 = 30;

/// The files that the admin endpoint reads.
#[derive(Debug, Clone)]
pub(crate) struct AdminFiles {
    pub(crate) authority: MachinePath,
    pub(crate) certificate: MachinePath,
    pub(crate) key: MachinePath,
}

/// What holds the certificates, in the order in which it can be made, and what is read of it.
pub(crate) fn certificates(
    place: &Place<'_>,
    facts: &CertificateFacts,
) -> (Vec<Resource>, AdminFiles) {
    match facts {
        CertificateFacts::Given { authority, certificate, key } => {
            given(place, [authority, certificate, key])
        }
        CertificateFacts::Generated { now, last_serial, authority, server, client } => {
            generated(place, *now, last_serial + 1, [*authority, *server, *client])
        }
    }
}

/// Given ones stand in a directory that is named after them, so that those before them stay until
/// nothing uses them.
fn given(
    place: &Place<'_>,
    [authority, certificate, key]: [&Digest; 3],
) -> (Vec<Resource>, AdminFiles) {
    let folder = given_directory(&place.layout, [authority, certificate, key]);
    let owner = place.reader();
    let file = |name: &str, of, digest: &Digest| Resource::File {
        path: folder.join(name),
        owner: owner.clone(),
        mode: KEY_MODE,
        content: Content::Copy { of, digest: digest.clone() },
    };
    let resources = vec![
        directory(folder.clone(), owner.clone()),
        file("ca.pem", Artifact::Authority, authority),
        file("cert.pem", Artifact::Certificate, certificate),
        file("key.pem", Artifact::Key, key),
    ];
    let files = AdminFiles {
        authority: folder.join("ca.pem"),
        certificate: folder.join("cert.pem"),
        key: folder.join("key.pem"),
    };
    (resources, files)
}

/// Where given certificates are on the machine.
pub(crate) fn given_directory(layout: &Layout<'_>, of: [&Digest; 3]) -> MachinePath {
    let [authority, certificate, key] = of;
    let together = Digest::of(format!("{authority}{certificate}{key}").as_bytes());
    layout.certificates().join(&format!("given-{}", short(&together)))
}

fn directory(path: MachinePath, owner: Owner) -> Resource {
    Resource::Directory { path, owner, mode: Mode::new(0o700), holds: Holds::Parts }
}

fn generated(
    place: &Place<'_>,
    now: Timestamp,
    next: u32,
    [authority, server, client]: [Option<Issued>; 3],
) -> (Vec<Resource>, AdminFiles) {
    let root = place.layout.certificates();
    // An authority that ended before what it issued would end that as well.
    let needed = DAYS + RENEW_DAYS;
    let authority = authority.filter(|issued| lasts(issued, now, needed));
    let authority = authority.map_or(next, |issued| issued.serial);
    let leaf = |issued: Option<Issued>| {
        let good = issued.filter(|it| it.by == authority && lasts(it, now, RENEW_DAYS));
        good.map_or(next, |issued| issued.serial)
    };
    let path = |role, serial| certificate_directory(&root, role, serial);
    let issuer = path(Role::Authority, authority);
    let made = |role, path: &MachinePath, days, owner| Resource::Certificate {
        path: path.clone(),
        role,
        issuer: (role != Role::Authority).then(|| issuer.clone()),
        days,
        owner,
    };
    let (server, client) = (path(Role::Server, leaf(server)), path(Role::Client, leaf(client)));
    // Clients' certificates are by the authority, whose key the service must not read.
    let files = AdminFiles {
        authority: server.join("ca.pem"),
        certificate: server.join("cert.pem"),
        key: server.join("key.pem"),
    };
    let resources = vec![
        made(Role::Authority, &issuer, AUTHORITY_DAYS, Owner::root()),
        made(Role::Server, &server, DAYS, place.reader()),
        made(Role::Client, &client, DAYS, Owner::root()),
    ];
    (resources, files)
}

fn lasts(issued: &Issued, now: Timestamp, days: u16) -> bool {
    issued.not_after.as_second() >= now.as_second() + i64::from(days) * 86_400
}
