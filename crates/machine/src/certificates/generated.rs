//! The certificates that were made on the machine, as far as they are sound.

use std::fs;
use std::path::{Path, PathBuf};

use deploy_spec::{Fault, Timestamp};
use rustls::pki_types::CertificateDer;
use single_vm::resource::Role;
use single_vm::{CertificateFacts, Id, Issued, Recorded};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::checked::{For, Pair, is_by, is_good, is_its_key, read_chain, read_key, validity};
use super::make::{CERTIFICATE_FILE, KEY_FILE, common_name};

const ROLES: [(&str, Role); 3] =
    [("authority", Role::Authority), ("server", Role::Server), ("client", Role::Client)];

/// What `folder`, the directory of a deployment's certificates, holds.
///
/// # Errors
/// `unavailable` when it cannot be read.
pub(crate) fn generated(
    folder: &Path,
    recorded: &Recorded,
    now: Timestamp,
) -> Result<CertificateFacts, Fault> {
    let mut found = on_disk(folder)?;
    found.sort_by_key(|(_, serial)| std::cmp::Reverse(*serial));
    let known = recorded.entries.keys().filter_map(|id| match id {
        Id::Certificate(path) => Some(parse(path.as_str().rsplit('/').next()?)?.1),
        _ => None,
    });
    let last_serial = found.iter().map(|(_, serial)| *serial).chain(known).max().unwrap_or(0);
    let newest = |role: Role| {
        let of_role = found.iter().filter(|(it, _)| *it == role);
        of_role.filter_map(|(_, serial)| sound(folder, role, *serial, now)).next()
    };
    Ok(CertificateFacts::Generated {
        now,
        last_serial,
        authority: newest(Role::Authority),
        server: newest(Role::Server),
        client: newest(Role::Client),
    })
}

fn on_disk(folder: &Path) -> Result<Vec<(Role, u32)>, Fault> {
    let failed = crate::local::failed("reading", folder);
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let name = entry.map_err(&failed)?.file_name();
        found.extend(name.to_str().and_then(parse));
    }
    Ok(found)
}

fn parse(name: &str) -> Option<(Role, u32)> {
    let (role, serial) = name.rsplit_once('-')?;
    let (_, role) = ROLES.iter().find(|(it, _)| *it == role)?;
    Some((*role, serial.parse().ok()?))
}

fn directory(folder: &Path, role: Role, serial: u32) -> PathBuf {
    let name = ROLES.iter().find(|(_, it)| *it == role).map_or("", |(name, _)| name);
    folder.join(format!("{name}-{serial}"))
}

/// One certificate, if it can be used at all.
fn sound(folder: &Path, role: Role, serial: u32, now: Timestamp) -> Option<Issued> {
    let path = directory(folder, role, serial);
    let pair = pair(&path)?;
    let certificate = &pair.chain[0];
    let not_after = is_good(certificate, now).ok()?;
    let by = parse(issuer(certificate)?.rsplit(' ').next()?)?.1;
    let authority = directory(folder, Role::Authority, by);
    let of_it = read_chain(&authority.join(CERTIFICATE_FILE)).ok()?.into_iter().next()?;
    if issuer(certificate)? != common_name(&authority) || !is_whole(&pair, role, &of_it, now) {
        return None;
    }
    Some(Issued { serial, by, not_after })
}

fn pair(path: &Path) -> Option<Pair> {
    let chain = read_chain(&path.join(CERTIFICATE_FILE)).ok()?;
    Some(Pair { chain, key: read_key(&path.join(KEY_FILE)).ok()? })
}

fn is_whole(pair: &Pair, role: Role, by: &CertificateDer<'static>, now: Timestamp) -> bool {
    let is_by = |whom| is_by(&pair.chain, by, now, whom).is_ok();
    is_its_key(pair).is_ok()
        && match role {
            Role::Authority => pair.chain[0] == *by,
            Role::Server => is_by(For::Servers),
            Role::Client => is_by(For::Clients),
        }
}

/// When the first certificate of a PEM file ends.
pub(crate) fn not_after(path: &Path) -> Option<Timestamp> {
    Some(validity(read_chain(path).ok()?.first()?)?.1)
}

/// The common name of whoever issued it.
fn issuer(certificate: &CertificateDer<'_>) -> Option<String> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    let name = parsed.issuer().iter_common_name().next()?.as_str().ok()?;
    Some(name.to_owned())
}
