//! What a reader sees: the records at one moment, with the commit in flight laid over them, so
//! that a reader never has to write.

use std::collections::BTreeMap;
use std::sync::Arc;

use control::{Folder, Key, Record, View};
use deploy_spec::{EnvironmentId, Fault};
use serde_json::value::RawValue;

use crate::commit::Commit;
use crate::corrupt::{io_fault, record_fault};
use crate::disk::Disk;
use crate::layout::{self, JOURNAL};
use crate::lock::Guard;

mod enumerate;

/// The records of an environment at one moment. Nobody writes while it lives: keep it short.
pub struct Snapshot {
    environment_id: EnvironmentId,
    disk: Arc<dyn Disk>,
    sequence: u64,
    overlay: BTreeMap<Key, Option<Box<RawValue>>>,
    _guard: Option<Guard>,
}

impl Snapshot {
    pub(crate) fn take(
        environment_id: EnvironmentId,
        disk: Arc<dyn Disk>,
        guard: Option<Guard>,
    ) -> Result<Self, Fault> {
        let (newest, in_flight) = Commit::newest(&environment_id, &*disk)?;
        let sequence = in_flight.as_ref().map_or(newest, |commit| commit.sequence);
        let files = in_flight.into_iter().flat_map(|commit| commit.files);
        let overlay = files.map(|file| (file.key, file.content)).collect();
        Ok(Self { environment_id, disk, sequence, overlay, _guard: guard })
    }

    fn path(&self, key: &Key) -> Result<Option<String>, Fault> {
        let Key::Answered(of) = key else { return Ok(Some(layout::path(key))) };
        let folder = layout::answers_folder(of);
        let suffix = layout::answer_suffix(of);
        let names = self.names(&folder)?;
        Ok(names
            .into_iter()
            .find(|name| name.ends_with(&suffix))
            .map(|name| format!("{folder}/{name}")))
    }

    pub(crate) fn text(&self, path: &str) -> Result<Option<Vec<u8>>, Fault> {
        self.disk
            .read(path)
            .map_err(|error| io_fault(&self.environment_id, "reading", path, &error))
    }

    pub(crate) fn names(&self, folder: &str) -> Result<Vec<String>, Fault> {
        self.disk
            .list(folder)
            .map_err(|error| io_fault(&self.environment_id, "listing", folder, &error))
    }
}

impl View for Snapshot {
    fn environment_id(&self) -> &EnvironmentId {
        &self.environment_id
    }

    fn sequence(&self) -> u64 {
        self.sequence
    }

    fn get(&self, key: &Key) -> Result<Option<Record>, Fault> {
        let (path, text) = match self.overlay.get(key) {
            Some(content) => {
                let path = format!("{JOURNAL}/{}", layout::commit_name(self.sequence));
                (path, content.as_ref().map(|text| text.get().as_bytes().to_vec()))
            }
            None => {
                let Some(path) = self.path(key)? else { return Ok(None) };
                let text = self.text(&path)?;
                (path, text)
            }
        };
        let parse = |text: Vec<u8>| {
            Record::parse(key, &text)
                .map_err(|why| record_fault(&self.environment_id, &*self.disk, &path, &why))
        };
        text.map(parse).transpose()
    }

    fn list(&self, folder: &Folder) -> Result<Vec<String>, Fault> {
        let path = layout::folder(folder);
        let files = self.names(&path)?.into_iter();
        let mut names: Vec<String> =
            files.filter_map(|file| layout::name_of(folder, &file)).collect();
        for (key, content) in &self.overlay {
            let file = layout::path(key);
            let file = file.strip_prefix(&path).and_then(|rest| rest.strip_prefix('/'));
            let Some(name) = file.and_then(|file| layout::name_of(folder, file)) else { continue };
            names.retain(|known| *known != name);
            if content.is_some() {
                names.push(name);
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    fn all(&self) -> Result<Vec<Key>, Fault> {
        let mut keys = self.records_on_disk()?;
        for (key, content) in &self.overlay {
            if matches!(key, Key::Answered(_)) {
                continue;
            }
            if content.is_some() {
                keys.insert(key.clone());
            } else {
                keys.remove(key);
            }
        }
        Ok(keys.into_iter().collect())
    }
}
