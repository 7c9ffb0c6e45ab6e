//! Listing the folder that is packed, without following links.

use std::ffi::OsString;
use std::fs::{self, DirEntry};
use std::path::{Path, PathBuf};

use deploy_spec::Fault;

use super::leave_out::LeaveOut;
use super::{LeftOut, in_folder};
use crate::entry::{Entry, EntryKind};
use crate::image::io_fault;
use crate::limits::Limits;
use crate::manifest;
use crate::names::{checked_path, refuse};

/// One entry to pack, and where it is on disk.
pub(super) struct Item {
    pub(super) entry: Entry,
    pub(super) source: PathBuf,
}

/// What goes in, and what does not; both sorted by path.
pub(super) struct Gathered {
    pub(super) items: Vec<Item>,
    pub(super) left_out: Vec<LeftOut>,
}

/// Lists `dir`. `output` is passed over when it is inside.
pub(super) fn gather(dir: &Path, output: &Path, limits: &Limits) -> Result<Gathered, Fault> {
    let root = dir.canonicalize().map_err(|error| io_fault("read", dir, &error))?;
    if !root.is_dir() {
        return Err(Fault::invalid(format!("`{}` is not a folder", dir.display()))
            .hint("name the folder that holds bundle.yaml"));
    }
    let leave_out = LeaveOut::of(&root, limits.manifest_bytes)?;
    let mut gathered = Gathered { items: Vec::new(), left_out: Vec::new() };
    let output = real(output);
    let mut todo = vec![(String::new(), root)];
    while let Some((folder, place)) = todo.pop() {
        let failed = |error| io_fault("read", &place, &error);
        for child in fs::read_dir(&place).map_err(failed)? {
            let child = child.map_err(failed)?;
            if output.as_deref() == Some(&child.path()) {
                continue;
            }
            if let Some(folder) = gathered.add(&folder, &child, &leave_out, limits)? {
                todo.push((folder, child.path()));
            }
        }
        crate::tree::too_many(gathered.items.len(), limits).map_err(in_folder)?;
    }
    gathered.items.sort_by(|a, b| a.entry.path.cmp(&b.entry.path));
    gathered.left_out.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(gathered)
}

impl Gathered {
    /// Adds one directory entry; gives its path when it is a folder to go into.
    fn add(
        &mut self,
        folder: &str,
        child: &DirEntry,
        leave_out: &LeaveOut,
        limits: &Limits,
    ) -> Result<Option<String>, Fault> {
        let source = child.path();
        let failed = |error| io_fault("read", &source, &error);
        let path = joined(folder, child.file_name(), limits).map_err(in_folder)?;
        let kind = child.file_type().map_err(failed)?;
        if let Some(reason) = leave_out.reason(&path, &source, kind).map_err(failed)? {
            let path = if kind.is_dir() { path + "/" } else { path };
            self.left_out.push(LeftOut { path, reason });
            return Ok(None);
        }
        let entry = if kind.is_dir() {
            Entry::directory(path.clone())
        } else if kind.is_symlink() {
            let target = fs::read_link(&source).map_err(failed)?.into_os_string();
            let not_text = |_| in_folder(refuse(&path, "is a link to a name that is not UTF-8"));
            Entry::symlink(path.clone(), target.into_string().map_err(not_text)?)
        } else if kind.is_file() {
            let meta = child.metadata().map_err(failed)?;
            Entry::file(
                path.clone(),
                meta.len(),
                host_fs::is_program(&source, &meta).map_err(failed)?,
            )
        } else {
            return Err(in_folder(refuse(&path, "is a device, a pipe or a socket")));
        };
        self.items.push(Item { entry, source });
        Ok(kind.is_dir().then_some(path))
    }
}

/// The text of `bundle.yaml`.
///
/// # Errors
/// `invalid-input` when there is none.
pub(super) fn manifest_text(
    gathered: &Gathered,
    dir: &Path,
    limits: &Limits,
) -> Result<Vec<u8>, Fault> {
    let name = manifest::NAME;
    let items = &gathered.items;
    if let Some(left) = gathered.left_out.iter().find(|left| left.path == name) {
        let message = format!("`{name}` would be left out of its own bundle: {}", left.reason);
        return Err(Fault::invalid(message).hint("take that line out of .gtbundleignore"));
    }
    let found = items.binary_search_by(|item| item.entry.path.as_str().cmp(name));
    let item = found.ok().map(|i| &items[i]).filter(|item| item.entry.kind == EntryKind::File);
    let Some(item) = item else {
        let message = format!("there is no file `{name}` in `{}`", dir.display());
        return Err(Fault::invalid(message).hint(format!("write `{name}` at its root")));
    };
    if item.entry.size > limits.manifest_bytes {
        let why = format!("is larger than {} bytes", limits.manifest_bytes);
        return Err(in_folder(refuse(name, why)));
    }
    fs::read(&item.source).map_err(|error| io_fault("read", &item.source, &error))
}

fn joined(folder: &str, name: OsString, limits: &Limits) -> Result<String, Fault> {
    let name = name.into_string().map_err(|name| {
        refuse(&format!("{folder}/{}", name.to_string_lossy()), "is not a UTF-8 name")
    })?;
    let path = if folder.is_empty() { name } else { format!("{folder}/{name}") };
    checked_path(path.as_bytes(), limits).map(str::to_owned)
}

/// Where `output` will be, with the links on the way to it resolved.
fn real(output: &Path) -> Option<PathBuf> {
    let parent = match output.parent()? {
        parent if parent.as_os_str().is_empty() => Path::new("."),
        parent => parent,
    };
    Some(parent.canonicalize().ok()?.join(output.file_name()?))
}
