//! What a person may write where a bundle, a pack or a catalog is asked for: five spellings of two
//! things, a file here or an artifact in an OCI registry. Pure text.

mod oci;

use std::path::{Path, PathBuf};

use deploy_spec::{Digest, Fault};

use crate::text;

pub use oci::{HostPort, OciReference};

/// What may stand before `://`, for messages.
const ACCEPTED: &str = "a path, `file://`, `oci://`, `repo://` or `store://`";

/// Where something is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reference {
    /// A file of this machine, which may be absent.
    File(PathBuf),
    /// An artifact in an OCI registry.
    Oci(OciReference),
}

/// What `repo://` and `store://` are short for: `[oci://]host[:port][/path]`. The caller reads the
/// environment variables.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bases {
    /// The value of `GREENTIC_REPO_REGISTRY_BASE`.
    pub repo: Option<String>,
    /// The value of `GREENTIC_STORE_REGISTRY_BASE`.
    pub store: Option<String>,
}

impl Reference {
    /// Reads a reference:
    ///
    /// * `some/path` and `file://` before a path, whose `%xx` are decoded (RFC 8089),
    /// * `oci://host[:port]/repository[:tag][@digest]`,
    /// * `repo://x` and `store://x`: `x` below its base, unless `x` names a registry itself, with
    ///   `oci://` or as Docker tells one, by a first part that is `localhost` or holds `.` or `:`.
    ///
    /// # Errors
    /// `invalid-input` when it is none of these, or when the base it needs is missing or no base.
    pub fn parse(text: &str, bases: &Bases) -> Result<Self, Fault> {
        if text.is_empty() || text.contains('\0') {
            return Err(Fault::invalid(format!("{} names nothing: give {ACCEPTED}", shown(text))));
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            return Ok(Self::File(text.into()));
        };
        match scheme.to_ascii_lowercase().as_str() {
            "file" => file(text, rest).map(Self::File),
            "oci" => oci(text, rest),
            "repo" => below(text, rest, "GREENTIC_REPO_REGISTRY_BASE", bases.repo.as_deref()),
            "store" => below(text, rest, "GREENTIC_STORE_REGISTRY_BASE", bases.store.as_deref()),
            // A folder may be called `a:`.
            _ if !is_scheme(scheme) => Ok(Self::File(text.into())),
            other => Err(Fault::invalid(format!(
                "{} cannot be taken from: `{other}://` is not accepted, only {ACCEPTED}",
                shown(text)
            ))
            .detail("accepted", vec!["path", "file://", "oci://", "repo://", "store://"])),
        }
    }

    /// What to use when a file may be named explicitly and a reference besides: the file wins.
    ///
    /// # Errors
    /// As [`Reference::parse`]; `invalid-input` when neither is given.
    pub fn choose(
        file: Option<&Path>,
        reference: Option<&str>,
        bases: &Bases,
    ) -> Result<Self, Fault> {
        match (file, reference) {
            (Some(file), _) => Ok(Self::File(file.to_owned())),
            (None, Some(reference)) => Self::parse(reference, bases),
            (None, None) => Err(Fault::invalid(format!("nothing is named: give {ACCEPTED}"))),
        }
    }
}

impl std::fmt::Display for Reference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Oci(reference) => write!(f, "{reference}"),
        }
    }
}

/// A reference for a message: bounded, and without what somebody put in place of a password.
fn shown(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text::shown(text) };
    let host = rest.split('/').next().unwrap_or_default();
    match host.rsplit_once('@').filter(|(_, after)| after.parse::<Digest>().is_err()) {
        Some((user, _)) => text::shown(&format!("{scheme}://…{}", &rest[user.len()..])),
        None => text::shown(text),
    }
}

/// RFC 3986, section 3.1.
fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
}

fn file(text: &str, rest: &str) -> Result<PathBuf, Fault> {
    let path = match rest.strip_prefix("localhost/") {
        Some(path) => format!("/{path}"),
        None => rest.to_owned(),
    };
    let bad = |why: &str| Fault::invalid(format!("{} names no file: {why}", shown(text)));
    let escapes = path.match_indices('%').all(|(at, _)| {
        path.as_bytes().get(at + 1..at + 3).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit))
    });
    if !escapes {
        return Err(bad("`%` stands before two hex digits, and is itself written `%25`"));
    }
    let decoded: Vec<u8> = percent_encoding::percent_decode_str(&path).collect();
    if decoded.is_empty() || decoded.contains(&0) {
        return Err(bad("the path is empty or holds a zero byte"));
    }
    String::from_utf8(decoded).map(PathBuf::from).map_err(|_| bad("the path is not UTF-8"))
}

fn oci(text: &str, rest: &str) -> Result<Reference, Fault> {
    let reference = OciReference::parse(rest);
    reference.map(Reference::Oci).map_err(|why| {
        Fault::invalid(format!(
            "{} is not like `oci://host[:port]/repository[:tag][@sha256:…]`: {why}",
            shown(text)
        ))
    })
}

fn below(text: &str, target: &str, variable: &str, base: Option<&str>) -> Result<Reference, Fault> {
    if let Some(explicit) = target.strip_prefix("oci://") {
        return oci(text, explicit);
    }
    if target.split_once('/').is_some_and(|(first, _)| is_registry(first)) {
        return oci(text, target);
    }
    let Some(base) = base.filter(|base| !base.is_empty()) else {
        return Err(Fault::invalid(format!(
            "{} is below a registry that is not known: {variable} is not set",
            shown(text)
        ))
        .hint(format!("export {variable}=oci://host/path, or name it whole: oci://host/path/…")));
    };
    let place = base.strip_prefix("oci://").unwrap_or(base).trim_end_matches('/');
    // Any name below it tells whether the base itself is one, and who is to be blamed otherwise.
    if let Err(why) = OciReference::parse(&format!("{place}/x")) {
        return Err(Fault::invalid(format!(
            "{variable} is {}, which is not like `oci://host[:port][/path]`: {why}",
            shown(base)
        )));
    }
    oci(text, &format!("{place}/{target}"))
}

/// Whether the first part of a path names a registry and not a part of the path, as Docker tells.
fn is_registry(first: &str) -> bool {
    first == "localhost" || first.contains(['.', ':'])
}

#[cfg(test)]
mod tests;
