//! Makes certificates: a private authority, and by it a server's and a client's.

use std::fs;
use std::path::Path;

use deploy_spec::{Fault, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose,
};
use single_vm::resource::Role;

/// The files in the directory of a certificate. That of a server's holds its authority's as well,
/// whose key it must not read.
pub(crate) const CERTIFICATE_FILE: &str = "cert.pem";
pub(crate) const KEY_FILE: &str = "key.pem";
pub(crate) const AUTHORITY_FILE: &str = "ca.pem";

const DAY: i64 = 86_400;

/// What is to be made.
pub(crate) struct Made<'a> {
    /// The directory it will be in, whose name is also its own.
    pub(crate) path: &'a Path,
    pub(crate) role: Role,
    /// The directory of its authority; none for an authority.
    pub(crate) issuer: Option<&'a Path>,
    pub(crate) days: u16,
    pub(crate) now: Timestamp,
}

/// Makes it in `folder`, which is private: the files with mode 0600.
///
/// # Errors
/// `unavailable` when the authority cannot be read or a file cannot be written.
pub(crate) fn make(made: &Made<'_>, folder: &Path) -> Result<(), Fault> {
    let key = KeyPair::generate().map_err(|error| refused(made.path, &error))?;
    let params = params(made)?;
    let certificate = match made.issuer {
        None => params.self_signed(&key),
        Some(issuer) => {
            let text = |file| -> Result<String, Fault> {
                let path = issuer.join(file);
                fs::read_to_string(&path).map_err(crate::local::failed("reading", &path))
            };
            let authority = text(CERTIFICATE_FILE)?;
            let by = KeyPair::from_pem(&text(KEY_FILE)?)
                .and_then(|key| Issuer::from_ca_cert_pem(&authority, key))
                .map_err(|error| refused(issuer, &error))?;
            write(&folder.join(AUTHORITY_FILE), &authority)?;
            params.signed_by(&key, &by)
        }
    };
    let certificate = certificate.map_err(|error| refused(made.path, &error))?;
    write(&folder.join(CERTIFICATE_FILE), &certificate.pem())?;
    write(&folder.join(KEY_FILE), &key.serialize_pem())
}

fn refused(path: &Path, error: &rcgen::Error) -> Fault {
    Fault::unavailable(format!("no certificate can be made by `{}`: {error}", path.display()))
}

fn params(made: &Made<'_>) -> Result<CertificateParams, Fault> {
    let names: &[&str] = match made.role {
        Role::Server => &["localhost", "127.0.0.1"],
        Role::Authority | Role::Client => &[],
    };
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let params = CertificateParams::new(names);
    let mut params = params.map_err(|error| refused(made.path, &error))?;
    params.distinguished_name = name(made.path);
    params.use_authority_key_identifier_extension = made.issuer.is_some();
    // A day earlier, for clocks that are behind; and whole days.
    let day = |days: i64| {
        let at = Timestamp::from_second(made.now.as_second() + days * DAY).unwrap_or(made.now);
        let (year, month, day) = ymd(at);
        rcgen::date_time_ymd(year, month, day)
    };
    params.not_before = day(-1);
    params.not_after = day(i64::from(made.days) + 1);
    match made.role {
        Role::Authority => {
            params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
            params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        }
        Role::Server => purposes(&mut params, ExtendedKeyUsagePurpose::ServerAuth),
        Role::Client => purposes(&mut params, ExtendedKeyUsagePurpose::ClientAuth),
    }
    Ok(params)
}

fn purposes(params: &mut CertificateParams, purpose: ExtendedKeyUsagePurpose) {
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![purpose];
}

/// The common name of what is in `path`: `greentic hello authority-1`. Its number is how the
/// certificates by an authority name it.
pub(super) fn common_name(path: &Path) -> String {
    let part = |path: Option<&Path>| {
        path.and_then(Path::file_name).unwrap_or_default().to_string_lossy().into_owned()
    };
    let deployment = part(path.parent().and_then(Path::parent));
    format!("greentic {deployment} {}", part(Some(path)))
}

fn name(path: &Path) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name(path));
    name
}

/// Year, month and day of a time, which is written `2026-01-31T…`.
fn ymd(at: Timestamp) -> (i32, u8, u8) {
    let text = at.to_string();
    let mut parts = text.split(['-', 'T']).map(|part| part.parse().unwrap_or(1));
    let mut next = || parts.next().unwrap_or(1);
    let (year, month, day): (i32, i32, i32) = (next(), next(), next());
    let small = |number: i32| u8::try_from(number).unwrap_or(1);
    (year, small(month), small(day))
}

fn write(path: &Path, text: &str) -> Result<(), Fault> {
    use std::io::Write as _;
    let file = host_fs::private().write(true).create_new(true).open(path);
    let written = file.and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    written.map_err(crate::local::failed("writing", path))
}
