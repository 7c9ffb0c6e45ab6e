//! How a server behind a pack is spoken to: which HTTP, and who it must prove to be.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::upstream::is_name;
use super::{InnerPath, Pack, PackKind};
use crate::fault::Fault;

/// Which HTTP a `process`, a `container` or an `upstream` is spoken to in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// Over TLS, HTTP/2 where both sides can (ALPN); in the clear, HTTP/1.1.
    #[default]
    Auto,
    /// HTTP/1.1.
    Http1,
    /// HTTP/2 in the clear, from the first byte on (prior knowledge), as servers of gRPC want it.
    H2c,
}

impl Protocol {
    /// Whether it is what holds when nothing is said.
    #[must_use]
    pub const fn is_auto(&self) -> bool {
        matches!(self, Self::Auto)
    }
}

/// Who an `upstream` must prove to be, and who vouches for it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct UpstreamTls {
    /// A PEM file in the bundle: the certificates of the only authorities that are believed.
    /// Default: those that the system trusts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca: Option<InnerPath>,
    /// The name that its certificate must be for, and that is asked for (SNI). Default: the host of
    /// the `url`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_name: Option<String>,
}

/// The rules for the pack at `index`.
pub(super) fn check(pack: &Pack, index: usize) -> Result<(), Fault> {
    let wrong = |why: &str, field: &str| {
        Err(Fault::invalid(why.to_owned()).at(format!("/packs/{index}/{field}")))
    };
    let is_https = pack.url.as_ref().is_some_and(super::UpstreamUrl::is_https);
    let is_server =
        matches!(pack.kind, PackKind::Process | PackKind::Container | PackKind::Upstream);
    match (pack.protocol, &pack.tls) {
        (Protocol::Http1 | Protocol::H2c, _) if !is_server => wrong(
            "only a server is spoken to in a protocol: `process`, `container`, `upstream`",
            "protocol",
        ),
        (Protocol::H2c, _) if is_https => wrong(
            "`h2c` is HTTP/2 in the clear; over `https:` it is agreed on without being named",
            "protocol",
        ),
        (_, Some(_)) if !is_https => {
            wrong("only an `upstream` at `https:` proves who it is", "tls")
        }
        (_, Some(UpstreamTls { server_name: Some(name), .. }))
            if !is_name(name) && name.parse::<std::net::IpAddr>().is_err() =>
        {
            wrong("a server is called by a name of DNS or an address", "tls/server_name")
        }
        _ => Ok(()),
    }
}
