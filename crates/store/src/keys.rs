//! Every record of an environment, for who must have all of them: a backup.

use std::collections::BTreeSet;
use std::io;

use control::{Folder, Key, Lookup as _, Record, View as _};
use deploy_spec::{DeploymentId, Fault};

use crate::corrupt::{io_fault, record_fault};
use crate::snapshot::Snapshot;

impl Snapshot {
    /// The keys of all records but the answers by idempotency key, in order.
    ///
    /// # Errors
    /// `unavailable` when a folder or a route claim cannot be read.
    pub fn keys(&self) -> Result<Vec<Key>, Fault> {
        let mut keys = BTreeSet::new();
        if self.get(&Key::Environment)?.is_some() {
            keys.insert(Key::Environment);
        }
        for id in self.deployment_ids()? {
            keys.insert(Key::Deployment(id));
            keys.extend(self.revision_ids(id)?.into_iter().map(|r| Key::Revision(id, r)));
        }
        for (of, generation) in self.below("splits", |name| name.parse::<u64>().ok())? {
            if let Ok(of) = of.parse::<DeploymentId>() {
                keys.insert(Key::PastSplit(of, generation));
            }
        }
        for (bundle, of) in self.below("index/bundles", |name| name.parse::<DeploymentId>().ok())? {
            if let Ok(bundle) = bundle.parse() {
                keys.insert(Key::BundleMember(bundle, of));
            }
        }
        let homes = self.list(&Folder::RevisionHomes)?;
        keys.extend(homes.iter().filter_map(|name| name.parse().ok()).map(Key::RevisionHome));
        keys.extend(self.routes()?);
        for (key, is_there) in self.in_flight().filter(|(key, _)| !matches!(key, Key::Answered(_)))
        {
            if is_there {
                keys.insert(key.clone());
            } else {
                keys.remove(key);
            }
        }
        Ok(keys.into_iter().collect())
    }

    /// The names of the records two folders down, with the folder of each.
    fn below<T>(
        &self,
        folder: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Vec<(String, T)>, Fault> {
        let mut found = Vec::new();
        for of in self.names(folder)? {
            let path = format!("{folder}/{of}");
            let names = match self.disk().list(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotADirectory => continue,
                listed => listed
                    .map_err(|error| io_fault(self.environment_id(), "listing", &path, &error))?,
            };
            let parsed = names.iter().filter_map(|name| parse(name.strip_suffix(".json")?));
            found.extend(parsed.map(|name| (of.clone(), name)));
        }
        Ok(found)
    }

    /// The file of a route claim is named by a hash, so what it is of stands only in it.
    fn routes(&self) -> Result<Vec<Key>, Fault> {
        const FOLDER: &str = "index/routes";
        let mut keys = Vec::new();
        for name in self.names(FOLDER)? {
            let hex = name.strip_suffix(".json").unwrap_or_default();
            if hex.len() != 64 || !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
                continue;
            }
            let path = format!("{FOLDER}/{name}");
            let Some(text) = self.text(&path)? else { continue };
            let claim = deploy_spec::document::from_json::<control::RouteClaim>(&text)
                .map_err(|why| record_fault(self.environment_id(), self.disk(), &path, &why))?;
            keys.push(Record::Route(claim).key());
        }
        Ok(keys)
    }
}
