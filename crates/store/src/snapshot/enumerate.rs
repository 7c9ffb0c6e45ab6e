//! Every record of an environment by name: what a backup holds.

use std::collections::BTreeSet;

use control::{Folder, Key, Lookup as _, RouteClaim, View as _};
use deploy_spec::{DeploymentId, Fault, document};

use super::Snapshot;
use crate::corrupt::{io_fault, record_fault};
use crate::layout::{self, ROUTES};

impl Snapshot {
    /// The records that have files, and those of a deployment that only the commit in flight has.
    pub(super) fn records_on_disk(&self) -> Result<BTreeSet<Key>, Fault> {
        let mut keys = BTreeSet::new();
        if self.find_environment()?.is_some() {
            keys.insert(Key::Environment);
        }
        for id in self.deployment_ids()? {
            keys.insert(Key::Deployment(id));
            self.of_deployment(id, &mut keys)?;
        }
        for id in self.retired_ids()? {
            keys.insert(Key::Retired(id));
            self.of_deployment(id, &mut keys)?;
        }
        self.routes(&mut keys)?;
        if self.roster()?.is_some() {
            keys.insert(Key::Roster);
        }
        let pages = self.list(&Folder::RosterPages)?;
        keys.extend(pages.iter().filter_map(|page| page.parse().ok()).map(Key::RosterPage));
        for revision in self.revision_home_ids()? {
            keys.insert(Key::RevisionHome(revision));
        }
        keys.extend(self.secret_paths()?.into_iter().map(Key::Secret));
        keys.extend(self.backup_ids()?.into_iter().map(Key::Backup));
        Ok(keys)
    }

    fn of_deployment(&self, id: DeploymentId, keys: &mut BTreeSet<Key>) -> Result<(), Fault> {
        keys.extend(self.revision_ids(id)?.into_iter().map(|revision| Key::Revision(id, revision)));
        for name in self.names(&layout::past_splits(id))? {
            let generation = name.strip_suffix(".json").and_then(|stem| stem.parse().ok());
            keys.extend(generation.map(|generation| Key::PastSplit(id, generation)));
        }
        if let Some(record) = self.deployment(id)? {
            let bundle = record.deployment.bundle_id;
            if self.deployments_of(&bundle)?.contains(&id) {
                keys.insert(Key::BundleMember(bundle, id));
            }
        }
        Ok(())
    }

    /// A route's file is named by a digest, so the route stands only inside it.
    fn routes(&self, keys: &mut BTreeSet<Key>) -> Result<(), Fault> {
        for name in self.names(ROUTES)?.into_iter().filter(|name| is_route(name)) {
            let path = format!("{ROUTES}/{name}");
            let text = self
                .disk
                .read(&path)
                .map_err(|error| io_fault(&self.environment_id, "reading", &path, &error))?;
            let Some(text) = text else { continue };
            let claim: RouteClaim = document::from_json(&text)
                .map_err(|why| record_fault(&self.environment_id, &*self.disk, &path, &why))?;
            keys.insert(Key::Route(claim.route));
        }
        Ok(())
    }
}

/// Whether a file is named as route claims are: by a digest.
fn is_route(name: &str) -> bool {
    let hex = name.strip_suffix(".json").unwrap_or_default();
    hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_hexdigit())
}
