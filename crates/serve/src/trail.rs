//! What is told of a request: gathered while it is answered, told when it is over, however that is.

use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use deploy_spec::{Ended, Served, Why};
use http::header::{HOST, USER_AGENT};
use http::{Response, StatusCode, Version};
use http_body::{Body as _, Frame, SizeHint};
use ingress::codec::Reject;
use ingress::{BoxError, Peer};
use telemetry::{Record, Recorder, Sampler, Trace};
use workload::{Body, Failure, PackInfo};

use crate::ambient;
use crate::answer::OwnAnswer;
use crate::forward::{TRACEPARENT, X_FORWARDED_FOR};
use crate::plan::Client;
use crate::says::{Says, text};
use crate::service::Front;

/// What is told of one request; nothing where nobody wants to hear of it.
#[derive(Debug, Default)]
pub(crate) struct Trail(Option<Box<Open>>);

#[derive(Debug)]
struct Open {
    recorder: Arc<Recorder>,
    begun: Instant,
    /// Bytes of the request's body that were read.
    read: Arc<AtomicU64>,
    /// Taken when it is told.
    record: Option<Record>,
}

/// What a request is, whichever way it goes.
pub(crate) struct Asked<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) version: Version,
}

impl Front {
    /// Where a request is in its trace. Of two parents none is the right one.
    pub(crate) fn trace(&self, said: &impl Says, random: u128) -> Trace {
        let mut came = said.each(&TRACEPARENT);
        let only = came.next().filter(|_| came.next().is_none());
        let sampler = self.plane.recorder().map_or(Sampler::Off, |recorder| recorder.sampler());
        Trace::begin(only, random, sampler)
    }

    /// Begins to tell of a request.
    pub(crate) fn trail(&self, asked: &Asked<'_>, said: &impl Says, client: &Client<'_>) -> Trail {
        let recorder = self.plane.recorder().filter(|recorder| recorder.wants(&client.trace));
        let Some(recorder) = recorder else { return Trail(None) };
        let trusted = &self.plane.host_config().trusted_peers;
        let record = Record {
            client: who_asks(said, client.peer.address.ip().to_canonical(), trusted),
            version: asked.version,
            method: Record::method(asked.method),
            host: Record::text(said.first(&HOST).unwrap_or_default()),
            path: Record::path(asked.path),
            user_agent: said.first(&USER_AGENT).map(Record::text),
            ..begun(client.peer, client.trace)
        };
        Trail::open(recorder, record)
    }

    /// Tells of a request that is none.
    pub(crate) fn tell_refused(&self, reject: Reject, peer: &Peer) {
        self.plane.unrouted().record(reject.status().as_u16(), Duration::ZERO);
        let Some(recorder) = self.plane.recorder() else { return };
        let trace = Trace::begin(None, rand::random(), Sampler::Off);
        if !recorder.wants(&trace) {
            return;
        }
        let mut trail = Trail::open(recorder, begun(peer, trace));
        trail.tell(|record| {
            record.status = Some(reject.status().as_u16());
            record.error = Some(reject.message().into());
            record.ended = Ended::Complete;
        });
    }
}

/// A request of which nothing is known yet. Its client is gone unless somebody says otherwise.
fn begun(peer: &Peer, trace: Trace) -> Record {
    Record {
        at: ambient::now(),
        took: Duration::ZERO,
        trace,
        client: peer.address.ip().to_canonical(),
        peer: peer.address,
        is_tls: peer.tls,
        version: Version::HTTP_11,
        method: Box::default(),
        host: Box::default(),
        path: Box::default(),
        user_agent: None,
        route: None,
        served: None,
        pack: None,
        generation: None,
        why: None,
        status: None,
        bytes_in: 0,
        bytes_out: 0,
        ended: Ended::ClientGone,
        error: None,
    }
}

/// Who asks: the last of those a request came by whom nobody trusted speaks for.
fn who_asks(said: &impl Says, peer: IpAddr, trusted: &[IpAddr]) -> IpAddr {
    let hops = said.each(&X_FORWARDED_FOR).filter_map(text).flat_map(|list| list.split(','));
    let hops: smallvec::SmallVec<[&str; 4]> = hops.collect();
    let mut client = peer;
    for hop in hops.iter().rev() {
        if !trusted.contains(&client) {
            break;
        }
        let Ok(address) = hop.trim().parse::<IpAddr>() else { break };
        client = address.to_canonical();
    }
    client
}

/// Who answers a request.
pub(crate) struct Chosen<'a> {
    pub(crate) served: Option<Arc<Served>>,
    pub(crate) prefix: &'a str,
    pub(crate) generation: Option<u64>,
    pub(crate) why: Why,
}

impl Trail {
    fn open(recorder: &Arc<Recorder>, record: Record) -> Self {
        let (recorder, read) = (Arc::clone(recorder), Arc::default());
        let (begun, record) = (Instant::now(), Some(record));
        Self(Some(Box::new(Open { recorder, begun, read, record })))
    }

    fn tell(&mut self, tell: impl FnOnce(&mut Record)) {
        if let Some(record) = self.0.as_mut().and_then(|open| open.record.as_mut()) {
            tell(record);
        }
    }

    /// Counts what is read of a request's body.
    pub(crate) fn counted(&self, body: ingress::Body) -> Received {
        Received { body, read: self.0.as_ref().map(|open| Arc::clone(&open.read)) }
    }

    /// A body that was read already.
    pub(crate) fn has_read(&mut self, bytes: usize) {
        if let Some(open) = &self.0 {
            open.read.store(bytes as u64, Relaxed);
        }
    }

    pub(crate) fn is_for<'c>(&mut self, chosen: impl FnOnce() -> Chosen<'c>) {
        self.tell(|record| {
            let chosen = chosen();
            record.served = chosen.served;
            record.route = Some(chosen.prefix.into());
            record.generation = chosen.generation;
            record.why = Some(chosen.why);
        });
    }

    /// The pack that answers.
    pub(crate) fn goes_to(&mut self, pack: &PackInfo) {
        self.tell(|record| {
            record.pack = Some(pack.pack_id.as_str().into());
            let prefix = record.route.as_deref().unwrap_or_default().trim_end_matches('/');
            record.route = Some(match (prefix, pack.public_path.as_str()) {
                ("", path) => path.into(),
                (prefix, "/") => prefix.into(),
                (prefix, path) => format!("{prefix}{path}").into(),
            });
        });
    }

    /// The head of the answer is here.
    pub(crate) fn answers(&mut self, response: &Response<Body>) {
        self.tell(|record| {
            let status = response.status();
            record.status = Some(status.as_u16());
            let extensions = response.extensions();
            let own = extensions.get::<OwnAnswer>().map(|own| own.0.into());
            let failure = || extensions.get::<Failure>().map(|failure| failure.to_string().into());
            record.error = own.or_else(failure);
            let has_no_body = &*record.method == "HEAD"
                || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
                || response.body().is_end_stream();
            if has_no_body {
                record.ended = Ended::Complete;
            }
        });
    }

    /// All of the answer was written at once.
    pub(crate) fn is_written(&mut self, status: StatusCode, bytes: usize) {
        self.tell(|record| {
            record.status = Some(status.as_u16());
            record.bytes_out = bytes as u64;
            record.ended = Ended::Complete;
        });
    }

    /// So much of the answer went out.
    pub(crate) fn sends(&mut self, bytes: usize) {
        self.tell(|record| record.bytes_out += bytes as u64);
    }

    pub(crate) fn ends(&mut self, how: Ended) {
        self.tell(|record| record.ended = how);
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let Some(mut record) = self.record.take() else { return };
        record.took = self.begun.elapsed();
        record.bytes_in = self.read.load(Relaxed);
        if std::thread::panicking() {
            // What `ingress` makes of it.
            record.status = Some(StatusCode::INTERNAL_SERVER_ERROR.as_u16());
            record.ended = Ended::Failed;
        }
        self.recorder.take(record);
    }
}

/// The body of a request, counted as it is read.
#[derive(Debug)]
pub(crate) struct Received {
    body: ingress::Body,
    read: Option<Arc<AtomicU64>>,
}

impl http_body::Body for Received {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.body).poll_frame(cx);
        if let (Some(read), Poll::Ready(Some(Ok(frame)))) = (&this.read, &polled)
            && let Some(data) = frame.data_ref()
        {
            read.fetch_add(data.len() as u64, Relaxed);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    #[test]
    fn who_asks_is_who_the_last_trusted_peer_says() {
        let trusted = ["10.0.0.1", "10.0.0.2"].map(|text| text.parse().unwrap());
        for (peer, lists, wanted) in [
            ("10.0.0.1", &["203.0.113.7"][..], "203.0.113.7"),
            ("10.0.0.1", &["6.6.6.6, 203.0.113.7"], "203.0.113.7"),
            ("10.0.0.1", &["6.6.6.6, 203.0.113.7,10.0.0.2"], "203.0.113.7"),
            ("10.0.0.1", &["6.6.6.6", "203.0.113.7"], "203.0.113.7"),
            ("10.0.0.1", &["nonsense"], "10.0.0.1"),
            ("10.0.0.1", &["203.0.113.7, nonsense"], "10.0.0.1"),
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &["10.0.0.2"], "10.0.0.2"),
            ("203.0.113.9", &["6.6.6.6"], "203.0.113.9"),
        ] {
            let mut headers = HeaderMap::new();
            for list in lists {
                headers.append(X_FORWARDED_FOR.clone(), list.parse().unwrap());
            }
            let client = who_asks(&headers, peer.parse().unwrap(), &trusted);
            assert_eq!(client.to_string(), wanted, "{peer} {lists:?}");
        }
    }
}
