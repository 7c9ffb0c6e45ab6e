//! What is noted of our containers, so that those whose keeper was killed are found: a file for each,
//! locked by its keeper. Locks end with a process, however it ends.

use std::ffi::OsStr;
use std::fs::{File, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use deploy_spec::ContainerEngine;

use super::Containers;

/// How long the removal of a container may take.
const REMOVAL: Duration = Duration::from_secs(30);

/// The note of one container, held.
#[derive(Debug)]
pub(crate) struct Note {
    path: PathBuf,
    _held: File,
}

impl Note {
    /// Forgets the container, which is gone.
    pub(crate) fn forget(self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

impl Containers {
    /// Notes a container that is about to be made, who keeps it, and the folder that vanishes with it.
    pub(crate) fn note(&self, name: &str, its_folder: &Path) -> io::Result<Note> {
        host_fs::private_folder().recursive(true).create(&self.folder)?;
        let path = self.folder.join(name);
        // It has its name only once it is held: nobody takes it for one that was left behind.
        let unnamed = self.folder.join(format!(".{name}"));
        let mut held = host_fs::private().write(true).create_new(true).open(&unnamed)?;
        held.lock()?;
        writeln!(held, "{}\n{}", std::process::id(), its_folder.display())?;
        std::fs::rename(&unnamed, &path)?;
        Ok(Note { path, _held: held })
    }

    /// Removes the containers of this environment that nobody keeps any more, and no others. Blocks
    /// as long as that takes; where none was left, nothing is asked of the engine.
    pub fn clear_up(&self) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        match runtime {
            Ok(runtime) => runtime.block_on(self.remove_left()),
            Err(error) => tracing::warn!("containers are not cleared up: {error}"),
        }
    }

    /// The same. What cannot be removed stays noted.
    pub(crate) async fn remove_left(&self) {
        let Ok(notes) = std::fs::read_dir(&self.folder) else { return };
        for note in notes.filter_map(Result::ok) {
            let name = note.file_name();
            let Some(name) = name.to_str().filter(|name| !name.starts_with('.')) else { continue };
            let Ok(mut file) = File::open(note.path()) else { continue };
            if matches!(file.try_lock(), Err(TryLockError::WouldBlock)) {
                continue;
            }
            let mut noted = String::new();
            let _ = file.read_to_string(&mut noted);
            match self.remove(name).await {
                Ok(()) => {
                    tracing::warn!("the container `{name}` was left behind, and is removed");
                    let folder = noted.lines().nth(1).map(Path::new);
                    let _ = folder.filter(|it| is_of(name, it)).map(std::fs::remove_dir_all);
                    let _ = std::fs::remove_file(note.path());
                }
                Err(error) => tracing::warn!("the container `{name}` was left behind: {error}"),
            }
        }
    }

    /// Kills and removes a container; that there is none is as well.
    pub(crate) async fn remove(&self, name: &str) -> io::Result<()> {
        let at_once: &[&str] = match self.engine {
            ContainerEngine::Podman => &["--time", "0"],
            ContainerEngine::Docker => &[],
        };
        let words = [&["rm", "--force", "--volumes"], at_once, &[name]].concat();
        let said = self.ask(self.command(&words), REMOVAL).await?;
        if said.is_good() || said.knows_no_container() {
            return Ok(());
        }
        Err(io::Error::other(said.why()))
    }
}

/// Whether a container of this name has this folder: names begin with that of the folder.
fn is_of(name: &str, folder: &Path) -> bool {
    folder.file_name().and_then(OsStr::to_str).is_some_and(|its| name.starts_with(its))
}
