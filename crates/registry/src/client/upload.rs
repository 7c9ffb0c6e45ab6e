//! A blob into a repository: skipped when it is there, sent in pieces when it is large, and gone on
//! with where it broke off, as far as the registry remembers
//! (<https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-blobs>).

use bytes::Bytes;
use deploy_spec::Fault;
use http::header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, LOCATION, RANGE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};

use super::patience::Patience;
use super::session::Session;
use super::unfinished::Unfinished;
use super::{OnProgress, Progress};
use crate::document::Descriptor;
use crate::failure::status;
use crate::http::{Answer, Ask, Moved, Outgoing, Url};
use crate::source::Source;

pub(super) struct Upload<'a> {
    session: &'a Session<'a>,
    blob: &'a Descriptor,
    source: &'a Source,
    progress: OnProgress<'a>,
    manner: Manner,
    unfinished: Unfinished,
    /// Where the next piece goes; none before the registry has opened an upload.
    location: Option<Url>,
    offset: u64,
    /// The registry may have more than we know, or have forgotten.
    is_unsure: bool,
    sent: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Manner {
    AtOnce,
    InPieces,
}

impl<'a> Upload<'a> {
    pub(super) fn new(
        session: &'a Session<'a>,
        blob: &'a Descriptor,
        source: &'a Source,
        progress: OnProgress<'a>,
    ) -> Self {
        let small = blob.size <= session.limits().chunk_bytes;
        let manner = if small { Manner::AtOnce } else { Manner::InPieces };
        let folder = session.uploads.filter(|_| !small);
        let unfinished = Unfinished::new(folder, &session.place(), &blob.digest);
        let location = unfinished.recall();
        let (offset, is_unsure, sent) = (0, location.is_some(), 0);
        Self {
            session,
            blob,
            source,
            progress,
            manner,
            unfinished,
            location,
            offset,
            is_unsure,
            sent,
        }
    }

    /// Brings the blob there; says how many bytes were sent for it.
    ///
    /// # Errors
    /// `refused` when the registry does not take it; `unavailable` when it breaks off too often or
    /// takes too long.
    pub(super) async fn run(mut self) -> Result<u64, Fault> {
        // Not tried again: a registry that is out of reach from the beginning is no broken transfer.
        if self.session.has(&self.blob.digest).await? {
            self.tell(self.blob.size);
            return Ok(0);
        }
        let patience = self.session.limits().transfer;
        match tokio::time::timeout(patience, self.attempts()).await {
            Ok(Ok(())) => {
                self.unfinished.keep(None);
                Ok(self.sent)
            }
            Ok(Err(fault)) => Err(fault),
            Err(_) => Err(Fault::unavailable(format!(
                "{} was not done after {} s",
                self.what(),
                patience.as_secs()
            ))),
        }
    }

    async fn attempts(&mut self) -> Result<(), Fault> {
        let mut patience = Patience::new(*self.session.limits());
        while let Err(fault) = self.attempt().await {
            patience.after(fault, self.offset).await?;
            self.is_unsure = true;
        }
        self.tell(self.blob.size);
        Ok(())
    }

    async fn attempt(&mut self) -> Result<(), Fault> {
        if self.is_unsure {
            self.ask_how_far().await?;
            // The last attempt may have succeeded without our hearing of it.
            if self.location.is_none() && self.session.has(&self.blob.digest).await? {
                return Ok(());
            }
            self.is_unsure = false;
        }
        if self.location.is_none() {
            self.open().await?;
        }
        if self.manner == Manner::InPieces {
            while self.offset < self.blob.size {
                self.piece().await?;
            }
        }
        self.close().await
    }

    async fn open(&mut self) -> Result<(), Fault> {
        let url = self.session.url("blobs/uploads/");
        let ask = Ask { method: Method::POST, url, headers: sized(0), body: Bytes::new() };
        let answer = self.session.send(ask).await?;
        if answer.status() != StatusCode::ACCEPTED {
            return Err(self.session.failure(&self.what(), answer).await);
        }
        self.offset = 0;
        self.follow(&self.session.url("blobs/uploads/"), answer).await
    }

    /// Each answer says where the next request goes.
    async fn follow(&mut self, from: &Url, answer: Answer) -> Result<(), Fault> {
        self.location = Some(from.join(answer.header(LOCATION).unwrap_or_default())?);
        self.unfinished.keep(self.location.as_ref());
        answer.discard().await;
        Ok(())
    }

    async fn ask_how_far(&mut self) -> Result<(), Fault> {
        let Some(url) = self.location.clone().filter(|_| self.manner == Manner::InPieces) else {
            self.location = None;
            return Ok(());
        };
        let ask = Ask {
            method: Method::GET,
            url: url.clone(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
        };
        let answer = self.session.send(ask).await?;
        if answer.status() != StatusCode::NO_CONTENT {
            // A registry that keeps no broken piece drops the whole upload: from the beginning.
            self.location = None;
            self.offset = 0;
            answer.discard().await;
            return Ok(());
        }
        self.offset = held(&answer).unwrap_or(0).min(self.blob.size);
        self.follow(&url, answer).await
    }

    async fn piece(&mut self) -> Result<(), Fault> {
        let Some(url) = self.location.clone() else {
            return Err(Fault::internal("an upload has no location"));
        };
        let length = self.session.limits().chunk_bytes.min(self.blob.size - self.offset);
        let range = format!("{}-{}", self.offset, self.offset + length - 1);
        let mut headers = sized(length);
        let range = HeaderValue::from_str(&range);
        headers.insert(CONTENT_RANGE, range.map_err(|error| Fault::internal(error.to_string()))?);
        let ask = Ask { method: Method::PATCH, url: url.clone(), headers, body: Bytes::new() };
        let answer = self.stream(ask, length).await?;
        if answer.status() == StatusCode::ACCEPTED {
            self.offset = held(&answer).unwrap_or(self.offset + length).min(self.blob.size);
            return self.follow(&url, answer).await;
        }
        let fault = self.session.failure(&self.what(), answer).await;
        self.judge(fault)
    }

    /// What a refused piece means: some registries take none at all, and some forget.
    fn judge(&mut self, fault: Fault) -> Result<(), Fault> {
        let first = self.offset == 0;
        match status(&fault) {
            400 | 405 | 411 | 413 | 501 if first && self.manner == Manner::InPieces => {
                self.manner = Manner::AtOnce;
            }
            404 | 416 => {}
            _ => return Err(fault),
        }
        self.location = None;
        self.offset = 0;
        Err(Fault::unavailable(fault.message))
    }

    async fn close(&mut self) -> Result<(), Fault> {
        let Some(url) = self.location.clone() else {
            return Err(Fault::internal("an upload has no location"));
        };
        let url = url.with("digest", self.blob.digest.as_str());
        let length = self.blob.size - self.offset;
        let ask = Ask { method: Method::PUT, url, headers: sized(length), body: Bytes::new() };
        let answer = self.stream(ask, length).await?;
        if answer.status() == StatusCode::CREATED {
            answer.discard().await;
            return Ok(());
        }
        let fault = self.session.failure(&self.what(), answer).await;
        self.judge(fault)
    }

    /// Sends the next `length` bytes of the source.
    async fn stream(&mut self, ask: Ask, length: u64) -> Result<Answer, Fault> {
        let moved = Moved::default();
        let tick = self.session.limits().tick;
        let body =
            Outgoing::streamed(self.source.pieces(self.offset, length), length, moved.clone());
        let sending = self.session.stream(ask, body);
        tokio::pin!(sending);
        let answer = loop {
            tokio::select! {
                answer = &mut sending => break answer,
                () = tokio::time::sleep(tick) => self.tell(self.offset + moved.bytes()),
            }
        };
        self.sent += moved.bytes();
        self.tell(self.offset + moved.bytes());
        answer
    }

    fn tell(&self, done_bytes: u64) {
        (self.progress)(Progress { done_bytes, total_bytes: self.blob.size });
    }

    fn what(&self) -> String {
        format!("sending {} to {}", self.blob.digest, self.session.place())
    }
}

/// How many bytes of an upload the registry says it has: `0-<last>`, and `0-0` when it has none.
fn held(answer: &Answer) -> Option<u64> {
    let (_, last) = answer.header(RANGE)?.rsplit_once('-')?;
    let last: u64 = last.parse().ok()?;
    Some(if last == 0 { 0 } else { last.saturating_add(1) })
}

fn sized(length: u64) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers
}
