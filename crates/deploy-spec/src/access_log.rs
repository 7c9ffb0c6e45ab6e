//! A line of the access log: what became of one request.
//!
//! It holds neither the query of a request nor its cookies nor any other header but `User-Agent`,
//! because secrets travel in those.

use std::net::IpAddr;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use crate::slug::{BundleId, CustomerId, EnvironmentId, TeamId, TenantId};
use crate::ulid_id::{DeploymentId, RevisionId};

crate::schema_tag!(
    /// `greentic.access-log.v1`
    AccessLogSchema = "greentic.access-log.v1"
);

/// Why a revision was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// A trusted peer asked for it.
    Forced,
    /// It brings a preview of it.
    Preview,
    /// The cookie names it.
    Cookie,
    /// It is what the session is remembered to have.
    Pinned,
    /// It owns the slot of the session.
    Slot,
    /// It owns the slot that was drawn for a request without a session.
    Drawn,
}

impl Why {
    /// The name used in documents.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Forced => "forced",
            Self::Preview => "preview",
            Self::Cookie => "cookie",
            Self::Pinned => "pinned",
            Self::Slot => "slot",
            Self::Drawn => "drawn",
        }
    }
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Ended {
    /// All of the answer was there to be sent.
    Complete,
    /// The client went away before that, or took nothing for too long, or broke a rule within its
    /// body.
    ClientGone,
    /// The workload broke off in the middle of its answer.
    Failed,
    /// Its revision drained, and it was told to come back.
    Drained,
    /// Its revision had drained for as long as it may, and it was cut.
    Cut,
}

impl Ended {
    /// The name used in documents.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::ClientGone => "client-gone",
            Self::Failed => "failed",
            Self::Drained => "drained",
            Self::Cut => "cut",
        }
    }
}

/// Whose revision answers: what is known of it before any request comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Served {
    /// Who it is run for.
    pub customer: CustomerId,
    /// The tenant that the deployment is for, if it is for one.
    pub tenant: Option<TenantId>,
    /// The team of the tenant, if it is for one.
    pub team: Option<TeamId>,
    /// What is run.
    pub bundle: BundleId,
    /// Where.
    pub deployment: DeploymentId,
    /// Which version of it.
    pub revision: RevisionId,
    /// What `r1` means.
    pub sequence: u64,
}

/// One request.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AccessLine<'a> {
    /// Which document this is.
    pub schema: AccessLogSchema,
    /// When the head of the request was here, to the millisecond.
    #[serde(serialize_with = "milliseconds")]
    pub timestamp: Timestamp,
    /// Who asked, as far as trusted peers say so.
    pub client_ip: IpAddr,
    /// Who the connection came from, where that is somebody else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer_ip: Option<IpAddr>,
    /// What was asked for: GET, POST …; this, the host and the path are absent where the request
    /// could not be read, and was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<&'a str>,
    /// `http` or `https`.
    pub scheme: &'a str,
    /// The host, with its port if one was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<&'a str>,
    /// The path, normalised, without the query; the first 1 024 bytes of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<&'a str>,
    /// `HTTP/1.1`, `HTTP/1.0` or `HTTP/2`.
    pub protocol: &'a str,
    /// What the client says that it is; the first 256 bytes of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<&'a str>,
    /// The status of the answer; absent where none had begun.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Bytes of the request's body that were read.
    pub bytes_in: u64,
    /// Bytes of the answer's body.
    pub bytes_out: u64,
    /// From the head of the request to the end of the answer, in milliseconds.
    pub duration_ms: f64,
    /// How it ended.
    pub ended: Ended,
    /// Why the data plane answered itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<&'a str>,
    /// The environment.
    pub environment: &'a EnvironmentId,
    /// Who the deployment is run for; this and what follows is absent where no revision was chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer: Option<&'a CustomerId>,
    /// The tenant that the deployment is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<&'a TenantId>,
    /// The team of that tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team: Option<&'a TeamId>,
    /// What is run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bundle: Option<&'a BundleId>,
    /// Where.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deployment: Option<DeploymentId>,
    /// Which version of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<RevisionId>,
    /// What `r1` means.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sequence: Option<u64>,
    /// The pack that answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pack: Option<&'a str>,
    /// The generation of the traffic split.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generation: Option<u64>,
    /// Why this revision was chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<Why>,
    /// The trace that the request belongs to (W3C Trace Context): 32 hexadecimal digits.
    pub trace_id: &'a str,
}

fn milliseconds<S: Serializer>(at: &Timestamp, s: S) -> Result<S::Ok, S::Error> {
    s.collect_str(&at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ"))
}
