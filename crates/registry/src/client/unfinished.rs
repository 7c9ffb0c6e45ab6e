//! Where an upload goes on that an earlier process did not finish.
//!
//! It is a help and no more: what cannot be kept or read is as good as never kept. A registry that
//! has forgotten the upload says so, and it begins anew.

use std::path::Path;

use deploy_spec::Digest;

use crate::folder::Folder;
use crate::http::Url;

/// The longest URL that is kept, in bytes; registries put their own state into it.
const URL_MAX: u64 = 16 * 1024;

/// One file: the URL that the next piece of one blob goes to, in one repository.
pub(super) struct Unfinished(Option<(Folder, String)>);

impl Unfinished {
    /// `place` is the repository. Without a folder nothing is kept.
    pub(super) fn new(folder: Option<&Path>, place: &str, blob: &Digest) -> Self {
        let name = Digest::of(format!("{place} {blob}").as_bytes()).hex().to_owned();
        Self(folder.and_then(|folder| Some((Folder::make(folder).ok()?, name))))
    }

    pub(super) fn recall(&self) -> Option<Url> {
        let (folder, name) = self.0.as_ref()?;
        let text = folder.read_small(name, URL_MAX).ok()??;
        Url::parse(std::str::from_utf8(&text).ok()?).ok()
    }

    /// Remembers the URL; none forgets.
    pub(super) fn keep(&self, url: Option<&Url>) {
        let Some((folder, name)) = &self.0 else { return };
        let _ = match url {
            Some(url) => folder.write(name, format!("{}{}", url.origin, url.target).as_bytes()),
            None => folder.remove(name),
        };
    }
}
