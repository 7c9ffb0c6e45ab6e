//! Following what should be served: the store's commits, or one document.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use control::{Key, Lookup as _, View, project, project_deployment};
use deploy_spec::{DeploymentId, Fault, RuntimeConfig, document};
use notify::Watcher as _;
use store::{EnvironmentStore, Feed};

use crate::keys;
use crate::plane::Plane;
use crate::{sessions, usage};

/// How long after the last look the follower looks again without being told to: the system may
/// lose a notice, never a commit.
const LOOK_ANYWAY: Duration = Duration::from_secs(2);

/// Serves what the store holds, then follows it for as long as the plane lives.
///
/// # Errors
/// When the store cannot be read or watched at the start.
pub fn follow_store(plane: &Arc<Plane>, store: EnvironmentStore) -> Result<(), Fault> {
    let (tell, told) = bell();
    let watch = store.watch(tell)?;
    plane.reads_secrets_of(&store);
    read_all(plane, &store)?;
    keys::look_after(plane, &store)?;
    usage::keep_noting(plane, &store)?;
    let plane = Arc::downgrade(plane);
    spawn("follow-store", move || {
        let _watch = watch;
        while wait(&told) {
            let Some(plane) = plane.upgrade() else { return };
            if let Err(fault) = catch_up(&plane, &store) {
                plane.set_problem(fault);
            }
        }
    })
}

fn read_all(plane: &Arc<Plane>, store: &EnvironmentStore) -> Result<(), Fault> {
    let view = store.read()?;
    let config = project(&view)?;
    share_sessions(plane, store, &view);
    plane.replace(&config)
}

/// Sessions that cannot be shared are no reason to answer nobody.
fn share_sessions(plane: &Plane, store: &EnvironmentStore, view: &dyn View) {
    if let Err(fault) = plane.share_sessions(store, view) {
        tracing::error!(%fault, "with whom sessions are shared stays as it was");
    }
}

/// Reads what the commits since the last look have changed, and nothing else.
fn catch_up(plane: &Arc<Plane>, store: &EnvironmentStore) -> Result<(), Fault> {
    let Feed::Commits(commits) = store.commits_after(plane.progress().0)? else {
        return read_all(plane, store);
    };
    if commits.is_empty() {
        return Ok(());
    }
    let keys: BTreeSet<&Key> = commits.iter().flat_map(|commit| &commit.keys).collect();
    let deployments: BTreeSet<DeploymentId> = keys.iter().filter_map(|key| concerns(key)).collect();
    let view = store.read()?;
    if keys.contains(&Key::Environment) {
        let environment = view.find_environment()?;
        plane.set_host_config(environment.map(|found| found.host_config).unwrap_or_default());
    }
    if sessions::are_concerned(&keys) {
        share_sessions(plane, store, &view);
    }
    let read = |id| Ok((id, project_deployment(&view, id)?));
    let changes = deployments.into_iter().map(read).collect::<Result<_, Fault>>()?;
    let sequence = view.sequence();
    drop(view);
    plane.apply(changes, sequence);
    Ok(())
}

/// The deployment that a record is about, as far as a data plane cares.
const fn concerns(key: &Key) -> Option<DeploymentId> {
    match key {
        Key::Deployment(id) | Key::Revision(id, _) => Some(*id),
        Key::Environment
        | Key::Retired(_)
        | Key::PastSplit(..)
        | Key::Route(_)
        | Key::BundleMember(..)
        | Key::RevisionHome(_)
        | Key::Roster
        | Key::RosterPage(_)
        | Key::Secret(_)
        | Key::Backup(_)
        | Key::Answered(_) => None,
    }
}

/// The document at `path`, checked as far as it can be by itself.
///
/// # Errors
/// `unavailable` when it cannot be read; `invalid-input` when it is wrong.
pub fn read_document(path: &Path) -> Result<RuntimeConfig, Fault> {
    let text = std::fs::read(path).map_err(|error| {
        Fault::unavailable(format!("reading `{}` failed: {error}", path.display()))
    })?;
    let config: RuntimeConfig = document::from_json(&text)?;
    config.check()?;
    Ok(config)
}

/// Serves what the document at `path` says, then follows it for as long as the plane lives. A
/// document that is wrong is refused, and the last good one is still served.
///
/// # Errors
/// When the document is wrong at the start, or cannot be watched.
pub fn follow_document(plane: &Arc<Plane>, path: PathBuf) -> Result<(), Fault> {
    let (tell, told) = bell();
    let watcher = watch_folder_of(&path, tell)?;
    serve_document(plane, &path)?;
    let plane = Arc::downgrade(plane);
    let mut last = std::fs::read(&path).ok();
    spawn("follow-document", move || {
        let _watcher = watcher;
        while wait(&told) {
            let Some(plane) = plane.upgrade() else { return };
            let now = std::fs::read(&path).ok();
            if now == last {
                continue;
            }
            last = now;
            if let Err(fault) = serve_document(&plane, &path) {
                plane.set_problem(fault);
            }
        }
    })
}

fn serve_document(plane: &Arc<Plane>, path: &Path) -> Result<(), Fault> {
    let config = read_document(path)?;
    plane.check_artifacts(&config)?;
    plane.replace(&config)
}

/// Calls `tell` whenever a file in the folder of `path` may have changed.
///
/// Editors and ConfigMaps replace files by renaming, so it is the folder that is watched.
pub(crate) fn watch_folder_of(
    path: &Path,
    tell: impl Fn() + Send + 'static,
) -> Result<notify::RecommendedWatcher, Fault> {
    let cannot = |error: notify::Error| {
        Fault::unavailable(format!("watching `{}` failed: {error}", path.display()))
    };
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut watcher = notify::recommended_watcher(move |_| tell()).map_err(cannot)?;
    watcher.watch(folder, notify::RecursiveMode::NonRecursive).map_err(cannot)?;
    Ok(watcher)
}

/// A bell that can be rung often and is heard at least once.
fn bell() -> (impl Fn() + Send + Sync + 'static, Receiver<()>) {
    let (ring, heard): (SyncSender<()>, Receiver<()>) = sync_channel(1);
    let tell = move || {
        let _ = ring.try_send(());
    };
    (tell, heard)
}

fn wait(told: &Receiver<()>) -> bool {
    !matches!(told.recv_timeout(LOOK_ANYWAY), Err(RecvTimeoutError::Disconnected))
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<(), Fault> {
    let spawned = std::thread::Builder::new().name(name.to_owned()).spawn(run);
    spawned
        .map(drop)
        .map_err(|error| Fault::unavailable(format!("no thread for `{name}`: {error}")))
}
