//! A disk in memory that forgets what nobody made durable.
//!
//! Bytes are durable once their file is synced, names once their folder is. A rename is two
//! changes of names, which a loss of power may part. What fails as a sync fails for good: syncing
//! again says that all is well and keeps nothing of what was lost, as Linux does.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use store::{Disk, Guard, LockMode};

use crate::dice::Dice;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Entry {
    Folder,
    File(usize),
}

#[derive(Debug, Clone, Default)]
struct File {
    now: Arc<Vec<u8>>,
    durable: Arc<Vec<u8>>,
    /// Bytes behind this offset were lost by a sync that failed.
    lost_from: Option<usize>,
}

#[derive(Debug, Clone)]
struct NameChange {
    path: String,
    entry: Option<Entry>,
}

/// What goes wrong, counted in steps from now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Nothing.
    None,
    /// This step fails, the following ones do not.
    FailOnce(usize),
    /// From this step on nothing can be written.
    FullFrom(usize),
    /// Nothing can ever be written, for this reason.
    Never(io::ErrorKind),
    /// From this step on nothing can be done at all.
    PowerOff(usize),
}

/// What a restart finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reboot {
    /// Everything: only the process died.
    Process,
    /// What was made durable and nothing else.
    Strict,
    /// What was made durable, and some of the rest, perhaps torn.
    Random(u64),
}

impl Reboot {
    pub(crate) fn all(seeds: u64) -> impl Iterator<Item = Self> {
        [Self::Process, Self::Strict].into_iter().chain((0..seeds).map(Self::Random))
    }
}

#[derive(Debug, Clone)]
struct State {
    files: Vec<File>,
    names: BTreeMap<String, Entry>,
    durable: BTreeMap<String, Entry>,
    pending: Vec<NameChange>,
    trouble: Trouble,
    steps: Vec<String>,
    dice: Dice,
}

/// A disk in memory; clones are the same disk.
#[derive(Clone)]
pub(crate) struct SimDisk(Arc<Mutex<State>>);

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

fn absent() -> io::Error {
    io::ErrorKind::NotFound.into()
}

impl SimDisk {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(State {
            files: Vec::new(),
            names: BTreeMap::new(),
            durable: BTreeMap::new(),
            pending: Vec::new(),
            trouble: Trouble::None,
            steps: Vec::new(),
            dice: Dice::new(0),
        })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// Another disk with the same on it.
    pub(crate) fn copy(&self) -> Self {
        Self(Arc::new(Mutex::new(self.state().clone())))
    }

    /// Counts steps anew and lets `trouble` come.
    pub(crate) fn expect(&self, trouble: Trouble, seed: u64) {
        let mut state = self.state();
        state.trouble = trouble;
        state.steps.clear();
        state.dice = Dice::new(seed);
    }

    /// The steps since [`SimDisk::expect`].
    pub(crate) fn steps(&self) -> Vec<String> {
        self.state().steps.clone()
    }

    /// Begins again with what is left.
    pub(crate) fn reboot(&self, reboot: Reboot) {
        let mut state = self.state();
        state.trouble = Trouble::None;
        match reboot {
            Reboot::Process => {}
            Reboot::Strict => state.lose(None),
            Reboot::Random(seed) => state.lose(Some(Dice::new(seed))),
        }
    }

    /// A file as it is now, without counting a step.
    pub(crate) fn peek(&self, path: &str) -> Option<Vec<u8>> {
        let state = self.state();
        match state.names.get(path)? {
            Entry::File(id) => Some(state.files[*id].now.to_vec()),
            Entry::Folder => None,
        }
    }

    /// All files, without counting a step.
    pub(crate) fn paths(&self) -> Vec<String> {
        let state = self.state();
        let is_file = |entry: &Entry| matches!(entry, Entry::File(_));
        state.names.iter().filter(|(_, e)| is_file(e)).map(|(path, _)| path.clone()).collect()
    }
}

impl State {
    /// One step; an error is what the caller gets instead.
    fn step(&mut self, what: &str, path: &str, writes: bool) -> io::Result<()> {
        self.steps.push(format!("{what} {path}"));
        let n = self.steps.len() - 1;
        match self.trouble {
            Trouble::FailOnce(at) if n == at => Err(io::ErrorKind::StorageFull.into()),
            Trouble::Never(why) if writes => Err(why.into()),
            Trouble::FullFrom(at) if n >= at && writes => Err(io::ErrorKind::StorageFull.into()),
            Trouble::PowerOff(at) if n >= at => Err(io::Error::other("the power is off")),
            _ => Ok(()),
        }
    }

    /// How many of the bytes still reach the disk.
    fn how_much(&mut self, step: &io::Result<()>, bytes: &[u8]) -> Option<usize> {
        match self.trouble {
            _ if step.is_ok() => Some(bytes.len()),
            Trouble::PowerOff(at) if self.steps.len() - 1 > at => None,
            _ => Some(self.dice.below(bytes.len() + 1)),
        }
    }

    fn id(&self, path: &str) -> io::Result<usize> {
        match self.names.get(path) {
            Some(Entry::File(id)) => Ok(*id),
            Some(Entry::Folder) => Err(io::ErrorKind::IsADirectory.into()),
            None => Err(absent()),
        }
    }

    fn folder(&self, path: &str) -> io::Result<()> {
        match self.names.get(path) {
            _ if path.is_empty() => Ok(()),
            Some(Entry::Folder) => Ok(()),
            Some(Entry::File(_)) => Err(io::ErrorKind::NotADirectory.into()),
            None => Err(absent()),
        }
    }

    fn name(&mut self, path: &str, entry: Option<Entry>) {
        match entry {
            Some(entry) => self.names.insert(path.to_owned(), entry),
            None => self.names.remove(path),
        };
        self.pending.push(NameChange { path: path.to_owned(), entry });
    }

    fn make_file(&mut self, path: &str) -> io::Result<usize> {
        self.folder(parent(path))?;
        if let Ok(id) = self.id(path) {
            return Ok(id);
        }
        self.files.push(File::default());
        self.name(path, Some(Entry::File(self.files.len() - 1)));
        Ok(self.files.len() - 1)
    }

    fn persist(&mut self, change: &NameChange) {
        match change.entry {
            Some(entry) => self.durable.insert(change.path.clone(), entry),
            None => self.durable.remove(&change.path),
        };
    }

    fn lose(&mut self, mut dice: Option<Dice>) {
        for change in std::mem::take(&mut self.pending) {
            if dice.as_mut().is_some_and(Dice::coin) {
                self.persist(&change);
            }
        }
        for file in &mut self.files {
            if file.now != file.durable {
                file.now = match &mut dice {
                    Some(dice) => torn(file, dice).into(),
                    None => file.durable.clone(),
                };
                file.durable = file.now.clone();
            }
            file.lost_from = None;
        }
        // What stands in a folder that is gone is gone as well.
        self.names.clear();
        for (path, entry) in &self.durable {
            if parent(path).is_empty() || self.names.get(parent(path)) == Some(&Entry::Folder) {
                self.names.insert(path.clone(), *entry);
            }
        }
        self.durable.clone_from(&self.names);
    }
}

/// What may be found of a file: the old bytes, the new, or something between.
fn torn(file: &File, dice: &mut Dice) -> Vec<u8> {
    let same = file.now.iter().zip(&*file.durable).take_while(|(a, b)| a == b).count();
    let (kept, new) = file.now.split_at(same);
    match dice.below(4) {
        0 => file.durable.to_vec(),
        1 if file.lost_from.is_none() => file.now.to_vec(),
        2 => [kept, &new[..dice.below(new.len() + 1)]].concat(),
        _ => {
            // The end was written, something before it was not.
            let mut found = file.now.to_vec();
            let hole = same + dice.below(new.len() + 1);
            let from = same + dice.below(hole - same + 1);
            found[from..hole].fill(0);
            found
        }
    }
}

impl Disk for SimDisk {
    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        let mut state = self.state();
        state.step("read", path, false)?;
        match state.id(path) {
            Ok(id) => Ok(Some(state.files[id].now.to_vec())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn read_tail(&self, path: &str, most: u64) -> io::Result<(Vec<u8>, u64)> {
        let mut state = self.state();
        state.step("read-tail", path, false)?;
        let Ok(id) = state.id(path) else { return Ok((Vec::new(), 0)) };
        let all = &state.files[id].now;
        let from = all.len().saturating_sub(usize::try_from(most).unwrap());
        Ok((all[from..].to_vec(), all.len() as u64))
    }

    fn read_part(&self, path: &str, from: u64, most: u64) -> io::Result<Vec<u8>> {
        let mut state = self.state();
        state.step("read-part", path, false)?;
        let id = state.id(path)?;
        let rest = state.files[id].now.iter().skip(usize::try_from(from).unwrap());
        Ok(rest.take(usize::try_from(most).unwrap()).copied().collect())
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        let mut state = self.state();
        state.step("list", folder, false)?;
        let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let below = state.names.range(prefix.clone()..).map(|(path, _)| path);
        let below = below.map_while(|path| path.strip_prefix(&prefix));
        Ok(below.filter(|name| !name.contains('/')).map(str::to_owned).collect())
    }

    fn make_folder(&self, folder: &str) -> io::Result<bool> {
        let mut state = self.state();
        state.step("make-folder", folder, true)?;
        state.folder(parent(folder))?;
        if state.names.contains_key(folder) {
            return Ok(false);
        }
        state.name(folder, Some(Entry::Folder));
        Ok(true)
    }

    fn write(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        let step = state.step("write", path, true);
        let Some(length) = state.how_much(&step, bytes) else { return step };
        let id = state.make_file(path)?;
        let file = &mut state.files[id];
        file.now = bytes[..length].to_vec().into();
        file.lost_from = None;
        step
    }

    fn append(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        let step = state.step("append", path, true);
        let Some(length) = state.how_much(&step, bytes) else { return step };
        let id = state.make_file(path)?;
        Arc::make_mut(&mut state.files[id].now).extend_from_slice(&bytes[..length]);
        step
    }

    fn truncate(&self, path: &str, length: u64) -> io::Result<()> {
        let mut state = self.state();
        state.step("truncate", path, false)?;
        let id = state.id(path)?;
        let length = usize::try_from(length).unwrap();
        let file = &mut state.files[id];
        Arc::make_mut(&mut file.now).truncate(length);
        file.lost_from = file.lost_from.filter(|lost| *lost < length);
        Ok(())
    }

    fn sync(&self, path: &str) -> io::Result<()> {
        let mut state = self.state();
        let step = state.step("sync", path, false);
        if matches!(state.trouble, Trouble::PowerOff(_)) && step.is_err() {
            return step;
        }
        let id = state.id(path)?;
        let file = &mut state.files[id];
        if step.is_err() {
            let same = file.now.iter().zip(&*file.durable).take_while(|(a, b)| a == b).count();
            if file.now.len() > same {
                file.lost_from.get_or_insert(same);
            }
        } else if let Some(lost) = file.lost_from {
            file.durable = file.now[..lost].to_vec().into();
        } else {
            file.durable = file.now.clone();
        }
        step
    }

    fn sync_folder(&self, folder: &str) -> io::Result<()> {
        let mut state = self.state();
        state.step("sync-folder", folder, false)?;
        state.folder(folder)?;
        let (mine, others): (Vec<_>, Vec<_>) = std::mem::take(&mut state.pending)
            .into_iter()
            .partition(|change| parent(&change.path) == folder);
        state.pending = others;
        for change in mine {
            state.persist(&change);
        }
        Ok(())
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.state();
        state.step("rename", &format!("{from} {to}"), true)?;
        let id = state.id(from)?;
        state.folder(parent(to))?;
        state.name(to, Some(Entry::File(id)));
        state.name(from, None);
        Ok(())
    }

    fn link(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.state();
        state.step("link", &format!("{from} {to}"), true)?;
        let id = state.id(from)?;
        state.folder(parent(to))?;
        if !state.names.contains_key(to) {
            state.name(to, Some(Entry::File(id)));
        }
        Ok(())
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        let mut state = self.state();
        state.step("remove", path, false)?;
        if state.id(path).is_ok() {
            state.name(path, None);
        }
        Ok(())
    }

    fn lock(&self, _: LockMode, _: Duration) -> io::Result<Guard> {
        Ok(Guard::of_nothing())
    }
}
