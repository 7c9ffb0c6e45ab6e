//! Blobs that fit in memory: configurations, signatures, catalogs.

use bytes::Bytes;
use deploy_spec::{Digest, Fault};
use http::{HeaderMap, Method, StatusCode};

use super::session::{Session, mismatch};
use crate::document::Descriptor;
use crate::http::Ask;

impl Session<'_> {
    /// Whether the repository holds these bytes.
    ///
    /// # Errors
    /// As [`Session::send`].
    pub(super) async fn has(&self, digest: &Digest) -> Result<bool, Fault> {
        let url = self.url(&format!("blobs/{digest}"));
        let ask = Ask { method: Method::HEAD, url, headers: HeaderMap::new(), body: Bytes::new() };
        let answer = self.send(ask).await?;
        match answer.status() {
            StatusCode::OK => Ok(true),
            StatusCode::NOT_FOUND => Ok(false),
            _ => Err(self
                .failure(&format!("looking for {digest} in {}", self.place()), answer)
                .await),
        }
    }

    /// The bytes of a small blob, proven.
    ///
    /// # Errors
    /// `refused` when it is longer than `most` or not what it says; else as [`Session::send`].
    pub(super) async fn small(&self, blob: &Descriptor, most: u64) -> Result<Bytes, Fault> {
        let what = format!("reading {} of {}", blob.digest, self.place());
        if blob.size > most {
            let size = blob.size;
            return Err(Fault::refused(format!("{what}: it has {size} bytes; {most} may be")));
        }
        let url = self.url(&format!("blobs/{}", blob.digest));
        let ask = Ask { method: Method::GET, url, headers: HeaderMap::new(), body: Bytes::new() };
        let answer = self.send(ask).await?;
        if answer.status() != StatusCode::OK {
            return Err(self.failure(&what, answer).await);
        }
        let most = usize::try_from(blob.size).unwrap_or(usize::MAX);
        let bytes = answer.whole(most).await?;
        let found = Digest::of(&bytes);
        if found != blob.digest {
            return Err(mismatch(&what, blob.digest.as_str(), &found));
        }
        Ok(bytes)
    }
}
