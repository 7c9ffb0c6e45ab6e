//! A layer into a file: streamed, hashed on the way, and gone on with where it broke off.

use bytes::{Bytes, BytesMut};
use deploy_spec::Fault;
use http::header::{CONTENT_RANGE, RANGE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};

use super::part::{Begin, Part};
use super::session::{Session, mismatch};
use super::{OnProgress, Progress};
use crate::document::Descriptor;
use crate::failure::may_pass;
use crate::folder::Folder;
use crate::http::{Answer, Ask};

/// What is gathered before it is written.
const GATHER: usize = 1 << 20;

/// What is fetched, and to where.
pub(super) struct Download<'a> {
    pub(super) session: &'a Session<'a>,
    pub(super) layer: &'a Descriptor,
    pub(super) folder: &'a Folder,
    pub(super) name: &'a str,
    pub(super) progress: OnProgress<'a>,
}

/// How to go on.
#[derive(PartialEq, Eq)]
enum From {
    WhereItBrokeOff,
    TheBeginning,
}

impl Download<'_> {
    /// Fetches what is missing; says how many bytes were there.
    ///
    /// # Errors
    /// `refused` when other bytes arrive; `unavailable` when it breaks off too often or takes too
    /// long, and then what has arrived is kept for the next attempt.
    pub(super) async fn run(&self) -> Result<u64, Fault> {
        let patience = self.session.limits().transfer;
        match tokio::time::timeout(patience, self.fetch()).await {
            Ok(fetched) => fetched,
            Err(_) => Err(Fault::unavailable(format!(
                "{} was not whole after {} s",
                self.what(),
                patience.as_secs()
            ))),
        }
    }

    async fn fetch(&self) -> Result<u64, Fault> {
        let (folder, name, layer) = (self.folder.clone(), self.name.to_owned(), self.layer.clone());
        let begin = self
            .blocking(move || Begin::look(&folder, &name, &layer.digest, layer.size))
            .await?;
        let part = match begin {
            Begin::Whole => {
                self.tell(self.layer.size);
                return Ok(self.layer.size);
            }
            Begin::Part(part) => part,
        };
        let mut reused = part.length;
        self.tell(reused);
        let mut part = self.complete(part, From::WhereItBrokeOff).await?;
        if reused > 0 && part.digest() != self.layer.digest {
            // What was there may have been spoilt here; that says nothing about the registry.
            part = self.complete(part, From::TheBeginning).await?;
            reused = 0;
        }
        let found = part.digest();
        let (folder, name) = (self.folder.clone(), self.name.to_owned());
        if found != self.layer.digest {
            self.blocking(move || part.give_up(&folder)).await?;
            return Err(mismatch(&self.what(), self.layer.digest.as_str(), &found));
        }
        self.blocking(move || part.finish(&folder, &name)).await?;
        Ok(reused)
    }

    /// Asks until all bytes are there, whatever they are.
    async fn complete(&self, part: Part, mut from: From) -> Result<Part, Fault> {
        let limits = *self.session.limits();
        let mut holder = Some(part);
        let (mut best, mut tries) = (0, 0);
        loop {
            let Some(mut part) = holder.take() else {
                return Err(Fault::internal("a download lost its file"));
            };
            if from == From::TheBeginning {
                part = self.blocking(move || part.restart().map(|()| part)).await?;
            }
            if part.length == self.layer.size {
                return Ok(part);
            }
            let length = part.length;
            let fault = match self.request(length).await {
                Ok(Reply::Nothing) => {
                    from = From::TheBeginning;
                    holder = Some(part);
                    Fault::unavailable(format!("{} cannot be gone on with", self.what()))
                }
                Ok(Reply::Whole(answer)) => {
                    let empty = self.blocking(move || part.restart().map(|()| part)).await?;
                    from = From::WhereItBrokeOff;
                    self.take(answer, empty, &mut holder).await?
                }
                Ok(Reply::Rest(answer)) => {
                    from = From::WhereItBrokeOff;
                    self.take(answer, part, &mut holder).await?
                }
                Err(fault) if may_pass(&fault) => {
                    holder = Some(part);
                    fault
                }
                Err(fault) => return Err(fault),
            };
            let now = holder.as_ref().map_or(0, |part| part.length);
            if now == self.layer.size {
                continue;
            }
            tries = if now > best { 1 } else { tries + 1 };
            best = best.max(now);
            if tries > limits.attempts {
                return Err(fault.hint("what has arrived is kept: the same command goes on from there"));
            }
            tokio::time::sleep(limits.pause * (1 << (tries - 1).min(6))).await;
        }
    }

    /// Writes what arrives. The part is put back whatever happens; what stopped it is returned.
    async fn take(
        &self,
        mut answer: Answer,
        mut part: Part,
        holder: &mut Option<Part>,
    ) -> Result<Fault, Fault> {
        let mut gathered = BytesMut::with_capacity(GATHER);
        let stopped = loop {
            let piece = answer.piece().await;
            let (piece, stopped) = match piece {
                Ok(Some(piece)) => (piece, None),
                Ok(None) => (Bytes::new(), Some(self.short())),
                Err(fault) => (Bytes::new(), Some(fault)),
            };
            let more = (gathered.len() + piece.len()) as u64;
            if part.length + more > self.layer.size {
                let folder = self.folder.clone();
                self.blocking(move || part.give_up(&folder)).await?;
                let size = self.layer.size;
                return Err(Fault::refused(format!("{}: more than {size} bytes arrive", self.what())));
            }
            gathered.extend_from_slice(&piece);
            let whole = part.length + more == self.layer.size;
            if gathered.len() >= GATHER || stopped.is_some() || whole {
                let bytes = gathered.split().freeze();
                part = self.blocking(move || part.append(&bytes).map(|()| part)).await?;
                self.tell(part.length);
            }
            if let Some(stopped) = stopped {
                break stopped;
            }
        };
        *holder = Some(part);
        Ok(stopped)
    }

    async fn request(&self, length: u64) -> Result<Reply, Fault> {
        let mut headers = HeaderMap::new();
        if length > 0 {
            let range = HeaderValue::from_str(&format!("bytes={length}-"));
            headers.insert(RANGE, range.map_err(|error| Fault::internal(error.to_string()))?);
        }
        let url = self.session.url(&format!("blobs/{}", self.layer.digest));
        let ask = Ask { method: Method::GET, url, headers, body: Bytes::new() };
        let answer = self.session.send(ask).await?;
        let size = self.layer.size;
        let (promised, reply): (u64, fn(Answer) -> Reply) = match answer.status() {
            StatusCode::OK => (size, Reply::Whole),
            StatusCode::PARTIAL_CONTENT => {
                let expected = format!("bytes {length}-{}/{size}", size - 1);
                if answer.header(CONTENT_RANGE) != Some(&expected) {
                    return Ok(Reply::Nothing);
                }
                (size - length, Reply::Rest)
            }
            StatusCode::RANGE_NOT_SATISFIABLE => return Ok(Reply::Nothing),
            _ => return Err(self.session.failure(&self.what(), answer).await),
        };
        if let Some(other) = answer.length().filter(|other| *other != promised) {
            return Err(Fault::refused(format!(
                "{}: {other} bytes are sent where {promised} are expected",
                self.what()
            )));
        }
        Ok(reply(answer))
    }

    fn short(&self) -> Fault {
        Fault::unavailable(format!("{} ended too early", self.what()))
    }

    fn what(&self) -> String {
        format!("reading {} of {}", self.layer.digest, self.session.place())
    }

    fn tell(&self, done_bytes: u64) {
        (self.progress)(Progress { done_bytes, total_bytes: self.layer.size });
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
    ) -> Result<T, Fault> {
        let place = self.folder.path().join(self.name);
        crate::blocking::file(&place, work).await
    }
}

/// What a registry answers to being asked for a layer from some byte on.
enum Reply {
    /// From the beginning, whatever was asked.
    Whole(Answer),
    /// The rest that was asked for.
    Rest(Answer),
    /// Not that.
    Nothing,
}
