//! What is: the records of one environment, read one at a time so that a verb pays for what it
//! touches and no more.

use deploy_spec::{
    Backup, BackupId, BundleId, DeploymentId, DeploymentRecord, Environment, EnvironmentId, Fault,
    Revision, RevisionId, RouteKey, Secret, SecretPath, TrafficSplit,
};

use crate::record::{Answered, Folder, Key, Record};
use crate::roster::{Roster, RosterPage};

/// The records of one environment at one moment. Two reads of one view never disagree.
pub trait View {
    /// Whose records.
    fn environment_id(&self) -> &EnvironmentId;

    /// The sequence of the newest commit; 0 before the first.
    fn sequence(&self) -> u64;

    /// One record.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    fn get(&self, key: &Key) -> Result<Option<Record>, Fault>;

    /// The names of a folder's records, in order.
    ///
    /// # Errors
    /// When the folder is there and cannot be read.
    fn list(&self, folder: &Folder) -> Result<Vec<String>, Fault>;

    /// The names of all records, in order; remembered answers apart. It costs what the environment
    /// holds: only what is about the whole of it may ask.
    ///
    /// # Errors
    /// When a folder is there and cannot be read.
    fn all(&self) -> Result<Vec<Key>, Fault>;
}

macro_rules! typed {
    ($view:expr, $key:expr, $variant:ident) => {
        Ok($view.get(&$key)?.and_then(|record| match record {
            Record::$variant(record) => Some(record),
            _ => None,
        }))
    };
}

/// Typed look-ups on any [`View`].
pub trait Lookup: View {
    /// The environment.
    ///
    /// # Errors
    /// `not-found` when there is none; otherwise as [`View::get`].
    fn environment(&self) -> Result<Environment, Fault> {
        self.find_environment()?.ok_or_else(|| {
            let id = self.environment_id();
            let make = if id.is_local() { "init".to_owned() } else { format!("create {id}") };
            Fault::not_found(format!("there is no environment `{id}`"))
                .hint(format!("gtc op env {make}"))
        })
    }

    /// The environment, if there is one.
    ///
    /// # Errors
    /// As [`View::get`].
    fn find_environment(&self) -> Result<Option<Environment>, Fault> {
        typed!(self, Key::Environment, Environment)
    }

    /// A deployment with its current split.
    ///
    /// # Errors
    /// As [`View::get`].
    fn deployment(&self, id: DeploymentId) -> Result<Option<DeploymentRecord>, Fault> {
        typed!(self, Key::Deployment(id), Deployment)
    }

    /// A deployment that was removed, with its last split.
    ///
    /// # Errors
    /// As [`View::get`].
    fn retired(&self, id: DeploymentId) -> Result<Option<DeploymentRecord>, Fault> {
        typed!(self, Key::Retired(id), Retired)
    }

    /// A revision of a deployment.
    ///
    /// # Errors
    /// As [`View::get`].
    fn revision(&self, of: DeploymentId, id: RevisionId) -> Result<Option<Revision>, Fault> {
        typed!(self, Key::Revision(of, id), Revision)
    }

    /// A split that is no longer current.
    ///
    /// # Errors
    /// As [`View::get`].
    fn past_split(&self, of: DeploymentId, generation: u64) -> Result<Option<TrafficSplit>, Fault> {
        typed!(self, Key::PastSplit(of, generation), PastSplit)
    }

    /// Which deployments there are; none without any, and where this was not kept yet.
    ///
    /// # Errors
    /// As [`View::get`].
    fn roster(&self) -> Result<Option<Roster>, Fault> {
        typed!(self, Key::Roster, Roster)
    }

    /// A page of the deployments.
    ///
    /// # Errors
    /// As [`View::get`].
    fn roster_page(&self, page: u64) -> Result<Option<RosterPage>, Fault> {
        typed!(self, Key::RosterPage(page), RosterPage)
    }

    /// What is known of a secret.
    ///
    /// # Errors
    /// As [`View::get`].
    fn secret(&self, path: &SecretPath) -> Result<Option<Secret>, Fault> {
        typed!(self, Key::Secret(path.clone()), Secret)
    }

    /// What is known of a backup.
    ///
    /// # Errors
    /// As [`View::get`].
    fn backup(&self, id: BackupId) -> Result<Option<Backup>, Fault> {
        typed!(self, Key::Backup(id), Backup)
    }

    /// The paths of all secrets, in order.
    ///
    /// # Errors
    /// As [`View::list`].
    fn secret_paths(&self) -> Result<Vec<SecretPath>, Fault> {
        ids(self.list(&Folder::Secrets)?)
    }

    /// The ids of all backups, oldest first.
    ///
    /// # Errors
    /// As [`View::list`].
    fn backup_ids(&self) -> Result<Vec<BackupId>, Fault> {
        ids(self.list(&Folder::Backups)?)
    }

    /// The ids of all revisions of the environment, oldest first.
    ///
    /// # Errors
    /// As [`View::list`].
    fn revision_home_ids(&self) -> Result<Vec<RevisionId>, Fault> {
        ids(self.list(&Folder::RevisionHomes)?)
    }

    /// What a key was answered.
    ///
    /// # Errors
    /// As [`View::get`].
    fn answered(&self, key: &deploy_spec::IdempotencyKey) -> Result<Option<Answered>, Fault> {
        typed!(self, Key::Answered(key.clone()), Answered)
    }

    /// Who answers a route.
    ///
    /// # Errors
    /// As [`View::get`].
    fn route_owner(&self, route: &RouteKey) -> Result<Option<DeploymentId>, Fault> {
        let claim: Result<_, Fault> = typed!(self, Key::Route(route.clone()), Route);
        Ok(claim?.map(|claim| claim.deployment_id))
    }

    /// Which deployment a revision belongs to.
    ///
    /// # Errors
    /// As [`View::get`].
    fn revision_home(&self, id: RevisionId) -> Result<Option<DeploymentId>, Fault> {
        let home: Result<_, Fault> = typed!(self, Key::RevisionHome(id), RevisionHome);
        Ok(home?.map(|home| home.deployment_id))
    }

    /// The ids of all deployments, oldest first. It costs what the environment holds.
    ///
    /// # Errors
    /// As [`View::list`].
    fn deployment_ids(&self) -> Result<Vec<DeploymentId>, Fault> {
        ids(self.list(&Folder::Deployments)?)
    }

    /// The ids of the deployments that were removed, oldest first.
    ///
    /// # Errors
    /// As [`View::list`].
    fn retired_ids(&self) -> Result<Vec<DeploymentId>, Fault> {
        ids(self.list(&Folder::Retired)?)
    }

    /// The ids of a bundle's deployments, oldest first.
    ///
    /// # Errors
    /// As [`View::list`].
    fn deployments_of(&self, bundle: &BundleId) -> Result<Vec<DeploymentId>, Fault> {
        ids(self.list(&Folder::BundleMembers(bundle.clone()))?)
    }

    /// The ids of a deployment's revisions, oldest first.
    ///
    /// # Errors
    /// As [`View::list`].
    fn revision_ids(&self, of: DeploymentId) -> Result<Vec<RevisionId>, Fault> {
        ids(self.list(&Folder::Revisions(of))?)
    }

    /// All revisions of a deployment, oldest first.
    ///
    /// # Errors
    /// As [`View::get`] and [`View::list`].
    fn revisions(&self, of: DeploymentId) -> Result<Vec<Revision>, Fault> {
        let ids = self.revision_ids(of)?;
        ids.into_iter().filter_map(|id| self.revision(of, id).transpose()).collect()
    }
}

impl<V: View + ?Sized> Lookup for V {}

fn ids<T: std::str::FromStr<Err = String>>(names: Vec<String>) -> Result<Vec<T>, Fault> {
    let parse = |name: String| {
        name.parse().map_err(|why| Fault::internal(format!("a record is named wrongly: {why}")))
    };
    names.into_iter().map(parse).collect()
}
