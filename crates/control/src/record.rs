//! What is stored: one record per noun, and the small records that make look-ups cheap.

use deploy_spec::{
    Backup, BackupId, BundleId, DeploymentId, DeploymentRecord, Digest, Environment, Fault,
    IdempotencyKey, Revision, RevisionId, RouteKey, Secret, SecretPath, Timestamp, TrafficSplit,
};
use deploy_spec::{document, schema_tag};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::mechanism::{Reply, Verb};
use crate::roster::{Roster, RosterPage};

schema_tag!(
    /// `greentic.route-claim.v1`
    RouteClaimSchema = "greentic.route-claim.v1"
);
schema_tag!(
    /// `greentic.bundle-member.v1`
    BundleMemberSchema = "greentic.bundle-member.v1"
);
schema_tag!(
    /// `greentic.revision-home.v1`
    RevisionHomeSchema = "greentic.revision-home.v1"
);
schema_tag!(
    /// `greentic.answered.v1`
    AnsweredSchema = "greentic.answered.v1"
);

/// Which deployment answers a route: what makes a route conflict cheap to find.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouteClaim {
    /// Which document this is.
    pub schema: RouteClaimSchema,
    /// The route.
    pub route: RouteKey,
    /// Who claims it.
    pub deployment_id: DeploymentId,
}

/// That a deployment is of a bundle: what makes a bundle id a usable name for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BundleMember {
    /// Which document this is.
    pub schema: BundleMemberSchema,
    /// The bundle.
    pub bundle_id: BundleId,
    /// A deployment of it.
    pub deployment_id: DeploymentId,
}

/// Which deployment a revision belongs to: what makes a revision id enough.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RevisionHome {
    /// Which document this is.
    pub schema: RevisionHomeSchema,
    /// The revision.
    pub revision_id: RevisionId,
    /// Its deployment.
    pub deployment_id: DeploymentId,
}

/// What a command with an idempotency key was answered: what makes a retry safe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answered {
    /// Which document this is.
    pub schema: AnsweredSchema,
    /// The key.
    pub key: IdempotencyKey,
    /// The noun of the command.
    pub noun: String,
    /// The verb of the command.
    pub op: String,
    /// The digest of what was asked.
    pub body_digest: Digest,
    /// The first answer, byte for byte.
    pub reply: Reply,
    /// When.
    pub at: Timestamp,
}

impl Answered {
    /// Whether this is the answer to that command with that body.
    pub(crate) fn is_for<V: Verb>(&self, body: &Digest) -> bool {
        self.noun == V::NOUN && self.op == V::OP && self.body_digest == *body
    }
}

/// The name of a record within its environment.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Key {
    /// The environment itself.
    Environment,
    /// A deployment and its current split.
    Deployment(DeploymentId),
    /// A deployment that was removed.
    Retired(DeploymentId),
    /// A revision.
    Revision(DeploymentId, RevisionId),
    /// A split that is no longer current.
    PastSplit(DeploymentId, u64),
    /// Who answers a route.
    Route(RouteKey),
    /// That a deployment is of a bundle.
    BundleMember(BundleId, DeploymentId),
    /// Where a revision belongs.
    RevisionHome(RevisionId),
    /// Which deployments there are.
    Roster,
    /// A page of them.
    RosterPage(u64),
    /// What is known of a secret.
    Secret(SecretPath),
    /// What is known of a backup.
    Backup(BackupId),
    /// What a key was answered.
    Answered(IdempotencyKey),
}

/// A set of records that can be listed by name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Folder {
    /// The ids of all deployments.
    Deployments,
    /// The ids of the deployments that were removed.
    Retired,
    /// The ids of a deployment's revisions.
    Revisions(DeploymentId),
    /// The ids of all revisions of the environment.
    RevisionHomes,
    /// The ids of a bundle's deployments.
    BundleMembers(BundleId),
    /// The numbers of the pages of deployments.
    RosterPages,
    /// The paths of all secrets.
    Secrets,
    /// The ids of all backups.
    Backups,
}

/// A record.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Record {
    /// See [`Key::Environment`].
    Environment(Environment),
    /// See [`Key::Deployment`].
    Deployment(DeploymentRecord),
    /// See [`Key::Retired`].
    Retired(DeploymentRecord),
    /// See [`Key::Revision`].
    Revision(Revision),
    /// See [`Key::PastSplit`].
    PastSplit(TrafficSplit),
    /// See [`Key::Route`].
    Route(RouteClaim),
    /// See [`Key::BundleMember`].
    BundleMember(BundleMember),
    /// See [`Key::RevisionHome`].
    RevisionHome(RevisionHome),
    /// See [`Key::Roster`].
    Roster(Roster),
    /// See [`Key::RosterPage`].
    RosterPage(RosterPage),
    /// See [`Key::Secret`].
    Secret(Secret),
    /// See [`Key::Backup`].
    Backup(Backup),
    /// See [`Key::Answered`].
    Answered(Answered),
}

impl Record {
    /// The name of this record.
    #[must_use]
    pub fn key(&self) -> Key {
        match self {
            Self::Environment(_) => Key::Environment,
            Self::Deployment(r) => Key::Deployment(r.deployment.deployment_id),
            Self::Retired(r) => Key::Retired(r.deployment.deployment_id),
            Self::Revision(r) => Key::Revision(r.deployment_id, r.revision_id),
            Self::PastSplit(r) => Key::PastSplit(r.deployment_id, r.generation),
            Self::Route(r) => Key::Route(r.route.clone()),
            Self::BundleMember(r) => Key::BundleMember(r.bundle_id.clone(), r.deployment_id),
            Self::RevisionHome(r) => Key::RevisionHome(r.revision_id),
            Self::Roster(_) => Key::Roster,
            Self::RosterPage(r) => Key::RosterPage(r.page),
            Self::Secret(r) => Key::Secret(r.path.clone()),
            Self::Backup(r) => Key::Backup(r.backup_id),
            Self::Answered(r) => Key::Answered(r.key.clone()),
        }
    }

    /// Reads the record that `key` names out of JSON text.
    ///
    /// # Errors
    /// `invalid-input` when the text is not that document, or is another record's.
    pub fn parse(key: &Key, text: &[u8]) -> Result<Self, Fault> {
        fn read<T: DeserializeOwned>(text: &[u8], wrap: fn(T) -> Record) -> Result<Record, Fault> {
            document::from_json(text).map(wrap)
        }
        let record = match key {
            Key::Environment => read(text, Self::Environment),
            Key::Deployment(_) => read(text, Self::Deployment),
            Key::Retired(_) => read(text, Self::Retired),
            Key::Revision(..) => read(text, Self::Revision),
            Key::PastSplit(..) => read(text, Self::PastSplit),
            Key::Route(_) => read(text, Self::Route),
            Key::BundleMember(..) => read(text, Self::BundleMember),
            Key::RevisionHome(_) => read(text, Self::RevisionHome),
            Key::Roster => read(text, Self::Roster),
            Key::RosterPage(_) => read(text, Self::RosterPage),
            Key::Secret(_) => read(text, Self::Secret),
            Key::Backup(_) => read(text, Self::Backup),
            Key::Answered(_) => read(text, Self::Answered),
        }?;
        if record.key() == *key {
            Ok(record)
        } else {
            Err(Fault::invalid("the record is another one's").at(""))
        }
    }
}
