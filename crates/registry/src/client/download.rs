//! A layer into a file: streamed, hashed on the way, and gone on with where it broke off.

use bytes::{Bytes, BytesMut};
use deploy_spec::{Fault, Kind};
use http::header::{CONTENT_RANGE, RANGE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};

use super::part::{Begin, Part};
use super::patience::Patience;
use super::session::{Session, mismatch};
use super::{OnProgress, Progress};
use crate::document::Descriptor;
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
        let look = move || Begin::look(&folder, &name, &layer.digest, layer.size);
        let part = match self.blocking(look).await? {
            Begin::Part(part) => part,
            Begin::Whole => {
                self.tell(self.layer.size);
                return Ok(self.layer.size);
            }
        };
        let mut held = Held { length: part.length, part: Some(part) };
        self.tell(held.length);
        let fetched = self.prove(&mut held).await;
        let folder = self.folder.clone();
        match (fetched, held.part) {
            (Ok(reused), Some(part)) => {
                let name = self.name.to_owned();
                self.blocking(move || part.finish(&folder, &name)).await?;
                Ok(reused)
            }
            (Err(fault), Some(part)) if part.length == 0 => {
                self.blocking(move || part.give_up(&folder)).await?;
                Err(fault)
            }
            (Err(fault), _) => Err(fault),
            (Ok(_), None) => Err(lost()),
        }
    }

    /// Brings all bytes there, and the right ones; says how many were there.
    async fn prove(&self, held: &mut Held) -> Result<u64, Fault> {
        let mut reused = held.length;
        self.complete(held).await?;
        if reused > 0 && self.with(held, |part| Ok(part.digest())).await? != self.layer.digest {
            // What was there may have been spoilt here; that says nothing about the registry.
            self.with(held, Part::restart).await?;
            reused = 0;
            self.complete(held).await?;
        }
        let found = self.with(held, |part| Ok(part.digest())).await?;
        if found != self.layer.digest {
            self.with(held, Part::restart).await?;
            return Err(mismatch(&self.what(), self.layer.digest.as_str(), &found));
        }
        Ok(reused)
    }

    /// Asks until as many bytes are there as there are to be.
    async fn complete(&self, held: &mut Held) -> Result<(), Fault> {
        let mut patience = Patience::new(*self.session.limits());
        while held.length < self.layer.size {
            let attempt = self.attempt(held).await;
            if let Err(fault) = attempt.and_then(|()| self.short(held)) {
                let kept = "what has arrived is kept: the same command goes on from there";
                let is_kept = held.length > 0 && fault.kind == Kind::Unavailable;
                let fault = if is_kept { fault.hint(kept) } else { fault };
                patience.after(fault, held.length).await?;
            }
        }
        Ok(())
    }

    async fn attempt(&self, held: &mut Held) -> Result<(), Fault> {
        match self.request(held.length).await? {
            Reply::Rest(answer) => self.take(answer, held).await,
            Reply::Whole(answer) => {
                self.with(held, Part::restart).await?;
                self.take(answer, held).await
            }
            Reply::Nothing => {
                self.with(held, Part::restart).await?;
                Err(Fault::unavailable(format!("{} cannot be gone on with", self.what())))
            }
        }
    }

    /// Writes what arrives, as far as it does.
    async fn take(&self, mut answer: Answer, held: &mut Held) -> Result<(), Fault> {
        let mut gathered = BytesMut::with_capacity(GATHER);
        loop {
            let (piece, ended) = match answer.piece().await {
                Ok(Some(piece)) => (piece, None),
                Ok(None) => (Bytes::new(), Some(Ok(()))),
                Err(fault) => (Bytes::new(), Some(Err(fault))),
            };
            gathered.extend_from_slice(&piece);
            let arrived = held.length + gathered.len() as u64;
            if arrived > self.layer.size {
                self.with(held, Part::restart).await?;
                let size = self.layer.size;
                return Err(Fault::refused(format!(
                    "{}: more than {size} bytes come",
                    self.what()
                )));
            }
            let is_whole = arrived == self.layer.size;
            if gathered.len() >= GATHER || ended.is_some() || is_whole {
                let bytes = gathered.split().freeze();
                self.with(held, move |part| part.append(&bytes)).await?;
                self.tell(held.length);
            }
            if is_whole {
                return Ok(());
            }
            if let Some(ended) = ended {
                return ended;
            }
        }
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

    fn short(&self, held: &Held) -> Result<(), Fault> {
        let is_short = held.length < self.layer.size;
        let fault = || Err(Fault::unavailable(format!("{} ended too early", self.what())));
        if is_short { fault() } else { Ok(()) }
    }

    fn what(&self) -> String {
        format!("reading {} of {}", self.layer.digest, self.session.place())
    }

    fn tell(&self, done_bytes: u64) {
        (self.progress)(Progress { done_bytes, total_bytes: self.layer.size });
    }

    async fn with<T: Send + 'static>(
        &self,
        held: &mut Held,
        work: impl FnOnce(&mut Part) -> std::io::Result<T> + Send + 'static,
    ) -> Result<T, Fault> {
        let mut part = held.part.take().ok_or_else(lost)?;
        let work = move || {
            let done = work(&mut part);
            Ok((part, done))
        };
        let (part, done) = self.blocking(work).await?;
        held.length = part.length;
        held.part = Some(part);
        done.map_err(|error| crate::blocking::failed(&self.folder.path().join(self.name), &error))
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
    ) -> Result<T, Fault> {
        let place = self.folder.path().join(self.name);
        crate::blocking::file(&place, work).await
    }
}

/// The part that is being fetched; it is away while a thread works with it.
struct Held {
    part: Option<Part>,
    length: u64,
}

fn lost() -> Fault {
    Fault::internal("a download lost its file")
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
