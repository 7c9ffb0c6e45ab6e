//! An environment in memory: what tests decide against, and the model that a store is held to.

use std::collections::BTreeMap;

use deploy_spec::{EnvironmentId, Fault};

use crate::change::Change;
use crate::record::{Folder, Key, Record};
use crate::view::View;

/// An environment in memory.
#[derive(Debug, Clone, PartialEq)]
pub struct Memory {
    environment_id: EnvironmentId,
    sequence: u64,
    records: BTreeMap<Key, Record>,
}

impl Memory {
    /// Nothing yet.
    #[must_use]
    pub const fn new(environment_id: EnvironmentId) -> Self {
        Self { environment_id, sequence: 0, records: BTreeMap::new() }
    }

    /// What is after `changes`.
    pub fn apply(&mut self, changes: &[Change]) {
        for change in changes {
            match change {
                Change::Put { key, record } => self.records.insert(key.clone(), record.clone()),
                Change::Delete { key } => self.records.remove(key),
            };
        }
        self.sequence += 1;
    }

    /// Every record.
    #[must_use]
    pub const fn records(&self) -> &BTreeMap<Key, Record> {
        &self.records
    }
}

impl View for Memory {
    fn environment_id(&self) -> &EnvironmentId {
        &self.environment_id
    }

    fn sequence(&self) -> u64 {
        self.sequence
    }

    fn get(&self, key: &Key) -> Result<Option<Record>, Fault> {
        Ok(self.records.get(key).cloned())
    }

    fn list(&self, folder: &Folder) -> Result<Vec<String>, Fault> {
        let name = |key: &Key| match (folder, key) {
            (Folder::Deployments, Key::Deployment(id)) => Some(id.to_string()),
            (Folder::Retired, Key::Retired(id)) => Some(id.to_string()),
            (Folder::Revisions(of), Key::Revision(d, id)) if of == d => Some(id.to_string()),
            (Folder::RevisionHomes, Key::RevisionHome(id)) => Some(id.to_string()),
            (Folder::BundleMembers(of), Key::BundleMember(b, id)) if of == b => {
                Some(id.to_string())
            }
            (Folder::RosterPages, Key::RosterPage(page)) => Some(page.to_string()),
            (Folder::Secrets, Key::Secret(path)) => Some(path.to_string()),
            (Folder::Backups, Key::Backup(id)) => Some(id.to_string()),
            _ => None,
        };
        Ok(self.records.keys().filter_map(name).collect())
    }
    fn all(&self) -> Result<Vec<Key>, Fault> {
        let is_record = |key: &&Key| !matches!(key, Key::Answered(_));
        Ok(self.records.keys().filter(is_record).cloned().collect())
    }
}
