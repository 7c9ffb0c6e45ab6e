//! What refers to a manifest: the registry's own list, or where it keeps none, the list under a tag
//! that stands for it
//! (<https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-referrers>).

use bytes::Bytes;
use deploy_spec::{Digest, Fault, Kind};
use http::header::{CONTENT_TYPE, LINK};
use http::{HeaderMap, Method, StatusCode};

use super::session::Session;
use crate::document::{Descriptor, Index, encode, media};
use crate::http::{Answer, Ask, Url};

/// How often the list under a tag is written until it holds what was added: somebody else may write
/// it at the same time, and registries cannot compare.
const WRITES: usize = 5;

impl Session<'_> {
    /// What refers to a manifest.
    ///
    /// # Errors
    /// `refused` when it is no list, or too long; else as [`Session::send`].
    pub(super) async fn referrers(&self, subject: &Digest) -> Result<Vec<Descriptor>, Fault> {
        let mut all = Vec::new();
        let mut next = Some(self.url(&format!("referrers/{subject}")));
        for _ in 0..self.limits().pages {
            let Some(url) = next else { return Ok(all) };
            let headers = HeaderMap::new();
            let ask = Ask { method: Method::GET, url: url.clone(), headers, body: Bytes::new() };
            let answer = self.send(ask).await?;
            match answer.status() {
                StatusCode::OK => {}
                StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED if all.is_empty() => {
                    answer.discard().await;
                    return Ok(self.listed_by_tag(subject).await?.manifests);
                }
                _ => return Err(self.failure(&self.listing(subject), answer).await),
            }
            next = next_page(&url, &answer)?;
            let kind = answer.header(CONTENT_TYPE).unwrap_or_default().to_owned();
            let bytes = answer.whole(self.limits().manifest_bytes).await?;
            all.extend(self.index(subject, &kind, &bytes)?.manifests);
        }
        Err(Fault::refused(format!("{}: it has no end", self.listing(subject))))
    }

    async fn listed_by_tag(&self, subject: &Digest) -> Result<Index, Fault> {
        match self.manifest(&tag(subject)).await {
            Ok(fetched) => self.index(subject, &fetched.media_type, &fetched.bytes),
            Err(fault) if fault.kind == Kind::NotFound => Ok(Index::empty()),
            Err(fault) => Err(fault),
        }
    }

    /// Adds to the list under the tag, for registries that keep none themselves.
    ///
    /// # Errors
    /// As [`Session::referrers`]; `unavailable` when others keep writing over it.
    pub(super) async fn list_by_tag(
        &self,
        subject: &Digest,
        referrer: &Descriptor,
    ) -> Result<(), Fault> {
        for _ in 0..WRITES {
            let mut index = self.listed_by_tag(subject).await?;
            if index.manifests.iter().any(|listed| listed.digest == referrer.digest) {
                return Ok(());
            }
            index.manifests.push(referrer.clone());
            let bytes = encode(&index)?;
            self.put_manifest(&tag(subject), media::INDEX, bytes.into()).await?;
        }
        Err(Fault::unavailable(format!(
            "{}: others write over what is added to it",
            self.listing(subject)
        )))
    }

    fn index(&self, subject: &Digest, kind: &str, bytes: &[u8]) -> Result<Index, Fault> {
        let refused = |why: &str| Fault::refused(format!("{}: {why}", self.listing(subject)));
        if kind.split(';').next().unwrap_or_default().trim() != media::INDEX {
            return Err(refused("what is sent is no list of manifests"));
        }
        serde_json::from_slice(bytes).map_err(|error| refused(&error.to_string()))
    }

    fn listing(&self, subject: &Digest) -> String {
        format!("the list of what refers to {subject} in {}", self.place())
    }
}

/// The tag that stands for the list.
fn tag(subject: &Digest) -> String {
    format!("sha256-{}", subject.hex())
}

/// `Link: <…>; rel="next"` (RFC 8288).
fn next_page(url: &Url, answer: &Answer) -> Result<Option<Url>, Fault> {
    let link = answer.header(LINK).filter(|link| link.contains("rel=\"next\""));
    let target = link.and_then(|link| link.split_once('<')?.1.split_once('>'));
    target.map(|(target, _)| url.join(target)).transpose()
}
