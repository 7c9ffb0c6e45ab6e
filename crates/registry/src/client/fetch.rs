//! A file of a web server, which says nothing of itself: its digest is known beforehand.

use bytes::Bytes;
use deploy_spec::{Digest, Fault};
use http::{HeaderMap, Method, StatusCode};

use super::part::{Part, is_there};
use super::{Client, OnProgress, Progress};
use crate::blocking;
use crate::failure;
use crate::folder::{Folder, is_name};
use crate::http::{Answer, Ask, Scheme, Url};
use crate::text::shown;

impl Client {
    /// Fetches `url`, whose bytes must be those of `digest`, into the file `name` of a folder. One
    /// that is there and right is left alone.
    ///
    /// # Errors
    /// `invalid-input` when the URL is not of `https`; `not-found`; `refused` when the server does
    /// not let us, or sends too much or other bytes; `unavailable` when it cannot be reached or
    /// breaks off.
    pub async fn fetch(
        &self,
        url: &str,
        digest: &Digest,
        folder: &Folder,
        name: &str,
        progress: OnProgress<'_>,
    ) -> Result<(), Fault> {
        if !is_name(name) {
            return Err(Fault::invalid(format!("{} is not the name of a file", shown(name))));
        }
        let url = Url::parse(url).ok().filter(|url| url.origin.scheme == Scheme::Https);
        let url = url.ok_or_else(|| Fault::invalid("the URL of a file begins with https://"))?;
        let place = folder.path().join(name);
        let (held, named, wanted) = (folder.clone(), name.to_owned(), digest.clone());
        let look = move || is_there(&held, &named, &wanted);
        if blocking::file(&place, look).await? {
            return Ok(());
        }
        let what = format!("fetching {}{}", url.origin, url.target);
        let patience = self.inner.http.limits().transfer;
        let arrived = self.arrived(url, &what, digest, folder, progress);
        let part = tokio::time::timeout(patience, arrived).await.unwrap_or_else(|_| {
            let seconds = patience.as_secs();
            Err(Fault::unavailable(format!("{what} was not done after {seconds} s")))
        })?;
        let (folder, name) = (folder.clone(), name.to_owned());
        let found = part.digest();
        if found != *digest {
            blocking::file(&place, move || part.give_up(&folder)).await?;
            return Err(Fault::refused(format!("{what}: it is {found}, and not {digest}")));
        }
        blocking::file(&place, move || part.finish(&folder, &name)).await
    }

    /// All that the server sends.
    async fn arrived(
        &self,
        url: Url,
        what: &str,
        digest: &Digest,
        folder: &Folder,
        progress: OnProgress<'_>,
    ) -> Result<Part, Fault> {
        let (limits, host) = (self.inner.http.limits(), url.origin.host.clone());
        let ask = Ask { method: Method::GET, url, headers: HeaderMap::new(), body: Bytes::new() };
        let mut answer = self.inner.http.send(ask).await?;
        if answer.status() != StatusCode::OK {
            let status = answer.status();
            let body = answer.whole(limits.answer_bytes).await.unwrap_or_default();
            return Err(failure::of(what, &host, status, &body));
        }
        let most = limits.layer_bytes;
        let total_bytes = answer.length().unwrap_or_default();
        let (held, wanted) = (folder.clone(), digest.clone());
        let mut part = blocking::file(folder.path(), move || Part::begin(&held, &wanted)).await?;
        while let Some(piece) = next(&mut answer, what, part.length, most).await? {
            let write = move || part.append(&piece).map(|()| part);
            part = blocking::file(folder.path(), write).await?;
            progress(Progress { done_bytes: part.length, total_bytes });
        }
        match total_bytes > part.length {
            true => Err(Fault::unavailable(format!("{what} ended too early"))),
            false => Ok(part),
        }
    }
}

async fn next(
    answer: &mut Answer,
    what: &str,
    length: u64,
    most: u64,
) -> Result<Option<Bytes>, Fault> {
    let piece = answer.piece().await?;
    let added = piece.as_ref().map_or(0, Bytes::len) as u64;
    match length + added > most {
        true => Err(Fault::refused(format!("{what}: more than {most} bytes come"))),
        false => Ok(piece),
    }
}
