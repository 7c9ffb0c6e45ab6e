//! Who does something.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Who does something, as far as this machine can tell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Actor {
    /// How the actor was recognised.
    pub kind: ActorKind,
    /// The account's name, or the common name of the certificate.
    pub user: String,
    /// The number of the account that acts: of the data plane, for a certificate.
    pub uid: u32,
    /// The machine.
    pub host: String,
}

/// How an actor was recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ActorKind {
    /// An account of the operating system.
    OsUser,
    /// A client certificate, by an authority that the operator named to the data plane.
    ClientCertificate,
}

impl Actor {
    /// What policies call this actor. The name of no account holds a colon (passwd(5)), so no
    /// certificate passes for one.
    ///
    /// ```
    /// use deploy_spec::{Actor, ActorKind};
    /// let kind = ActorKind::ClientCertificate;
    /// let actor = Actor { kind, user: "ada".into(), uid: 900, host: "vm".into() };
    /// assert_eq!(actor.principal(), "certificate:ada");
    /// assert_eq!(Actor { kind: ActorKind::OsUser, ..actor }.principal(), "ada");
    /// ```
    #[must_use]
    pub fn principal(&self) -> Cow<'_, str> {
        match self.kind {
            ActorKind::OsUser => Cow::Borrowed(&self.user),
            ActorKind::ClientCertificate => Cow::Owned(format!("certificate:{}", self.user)),
        }
    }
}
