//! Packs that are folders of files, read in place from the archive.

mod answer;
mod cache;
mod encoding;
mod etag;
mod head;
mod kind;
mod multipart;
mod path;
mod range;
mod stream;

pub(crate) use answer::Site;
pub(crate) use cache::FileCache;
pub(crate) use stream::FileBody;
