//! The policy files of a store.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

/// The largest policy file, in bytes.
const FILE_MAX: u64 = 1024 * 1024;

/// The name of a policy file, and what stands in it.
pub(crate) type Text = (String, String);

/// The account that owns the store; none while there is no store, and where accounts have no numbers.
pub(crate) fn owner(root: &Path) -> Option<u32> {
    host_fs::owner(&fs::metadata(root).ok()?)
}

/// The policies, in order of their files' names. A file that somebody else could have written is
/// as good as one that cannot be read.
pub(crate) fn read(root: &Path) -> Result<Vec<Text>, String> {
    let entries = match fs::read_dir(root) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(format!("`{}` cannot be listed: {error}", root.display())),
        Ok(entries) => entries,
    };
    let mut texts = Vec::new();
    let meta = fs::metadata(root).map_err(|error| error.to_string())?;
    for entry in entries {
        let entry = entry.map_err(|error| error.to_string())?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.ends_with(".cedar") && !name.starts_with('.') {
            texts.push((name.clone(), text(&entry.path(), &name, host_fs::owner(&meta))?));
        }
    }
    // Who may write the folder may put a policy into it. A folder without policies says nothing.
    if !texts.is_empty() && host_fs::others_may_write(&meta) {
        let folder = root.display();
        return Err(format!("others may write to `{folder}` (chmod go-w {folder})"));
    }
    texts.sort();
    Ok(texts)
}

fn text(path: &Path, name: &str, owner: Option<u32>) -> Result<String, String> {
    let failed = |error: std::io::Error| format!("`{name}` cannot be read: {error}");
    let meta = fs::symlink_metadata(path).map_err(failed)?;
    if !meta.is_file() {
        return Err(format!("`{name}` is no plain file"));
    }
    if host_fs::others_may_write(&meta) || host_fs::owner(&meta) != owner {
        return Err(format!("others than the owner of the store may write `{name}` (chmod go-w)"));
    }
    if meta.len() > FILE_MAX {
        return Err(format!("`{name}` is larger than {FILE_MAX} bytes"));
    }
    fs::read_to_string(path).map_err(failed)
}
