//! Sends spans and metrics from a thread of its own. A collector that is slow or away costs spans,
//! which are counted, and never a request.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::park_timeout;
use std::time::{Duration, Instant};

use deploy_spec::Fault;
use tokio::runtime::Runtime;

use super::Origin;
use super::collector::{Collector, Failed, Link};
use super::metrics::{Snapshot, metrics};
use super::spans::{span, traces};
use crate::queue::{Queue, Shared};
use crate::record::Record;
use crate::trace::Sampler;

/// How many spans may wait.
const ROOM: usize = 8_192;
/// How many spans are in one message.
const BATCH: usize = 512;
/// How long spans are gathered before they are sent.
const GATHER: Duration = Duration::from_millis(200);
/// How long the collector may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// The first pause before it is tried again; each one after that is twice as long.
const PAUSE: Duration = Duration::from_millis(500);
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// Says what was counted.
type Count = Box<dyn Fn() -> Option<Snapshot> + Send>;

/// What is exported, and where to.
pub struct Settings {
    /// Where to.
    pub collector: Collector,
    /// Who sends.
    pub origin: Origin,
    /// Which traces.
    pub sampler: Sampler,
    /// How often metrics are sent.
    pub interval: Duration,
    /// What was counted; none once nobody counts any more.
    pub count: Count,
}

/// What is in the queue.
enum Message {
    Span(Arc<Record>),
    /// There will be no more.
    End,
}

/// Sends spans and metrics.
pub struct Exporter {
    queue: Queue<Message>,
    sampler: Sampler,
    over: Arc<Mutex<Option<Instant>>>,
}

impl std::fmt::Debug for Exporter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Exporter").field("sampler", &self.sampler).finish_non_exhaustive()
    }
}

impl Exporter {
    /// Begins to send.
    ///
    /// # Errors
    /// `unavailable` when there is no thread for it.
    pub fn new(settings: Settings) -> Result<Self, Fault> {
        let sampler = settings.sampler;
        let over = Arc::<Mutex<Option<Instant>>>::default();
        let theirs = Arc::clone(&over);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime =
            runtime.map_err(|error| Fault::unavailable(format!("no runtime: {error}")))?;
        let queue = Queue::new("otlp", ROOM, move |spans, shared| {
            Sending::new(settings, runtime, theirs).run(spans, shared);
        })?;
        Ok(Self { queue, sampler, over })
    }

    pub(crate) const fn sampler(&self) -> Sampler {
        self.sampler
    }

    pub(crate) fn take(&self, record: Arc<Record>) {
        self.queue.offer(Message::Span(record));
    }

    pub(crate) fn dropped(&self) -> u64 {
        self.queue.dropped()
    }

    pub(crate) fn end(&self, over: Instant) {
        *self.over.lock().unwrap_or_else(PoisonError::into_inner) = Some(over);
        self.queue.end(Message::End);
    }

    pub(crate) fn wait(&self, patience: Duration) -> bool {
        self.queue.wait(patience)
    }
}

/// The state of the thread.
struct Sending {
    link: Link,
    origin: Origin,
    runtime: Runtime,
    count: Count,
    interval: Duration,
    over: Arc<Mutex<Option<Instant>>>,
    /// Spans as they are sent.
    batch: Vec<Vec<u8>>,
    /// When the batch is to be sent, if there is anything in it.
    batch_due: Instant,
    metrics_due: Instant,
    pause: Duration,
    /// Of what it was said that it fails.
    told: Vec<&'static str>,
}

impl Sending {
    fn new(settings: Settings, runtime: Runtime, over: Arc<Mutex<Option<Instant>>>) -> Self {
        let Settings { collector, origin, interval, count, .. } = settings;
        let now = Instant::now();
        Self {
            link: Link::new(collector),
            origin,
            runtime,
            count,
            interval,
            over,
            batch: Vec::new(),
            batch_due: now,
            metrics_due: now + interval,
            pause: PAUSE,
            told: Vec::new(),
        }
    }

    fn run(mut self, spans: &Receiver<Message>, shared: &Shared) {
        loop {
            if self.batch.is_empty() {
                match spans.recv_timeout(until(self.metrics_due)) {
                    Ok(message) => self.begin(message),
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => return,
                }
            } else {
                // Who puts more in wakes nobody.
                park_timeout(until(self.batch_due.min(self.metrics_due)));
            }
            // Looked at first: what was put in before it is taken out below.
            let is_over = shared.is_over();
            self.fill(spans);
            if is_over {
                return self.finish(spans, shared);
            }
            let now = Instant::now();
            if now >= self.batch_due {
                self.send_batches(spans, shared);
            }
            if now >= self.metrics_due {
                self.metrics_due = now + self.interval;
                self.send_metrics(PATIENCE);
            }
        }
    }

    fn begin(&mut self, message: Message) {
        self.batch_due = Instant::now() + GATHER;
        self.push(message);
    }

    fn push(&mut self, message: Message) {
        if let Message::Span(record) = message {
            self.batch.push(span(&record));
        }
    }

    /// Takes out what has room in one message.
    fn fill(&mut self, spans: &Receiver<Message>) {
        while self.batch.len() < BATCH
            && let Ok(message) = spans.try_recv()
        {
            self.push(message);
        }
    }

    /// Sends all there is, as long as the collector takes it.
    fn send_batches(&mut self, spans: &Receiver<Message>, shared: &Shared) {
        while !self.batch.is_empty() {
            if let Err(pause) = self.send_batch(shared, PATIENCE) {
                self.batch_due = Instant::now() + pause;
                return;
            }
            self.fill(spans);
        }
    }

    /// Sends one message. What the collector does not want is gone; it is kept where it may be
    /// tried again after a pause.
    fn send_batch(&mut self, shared: &Shared, patience: Duration) -> Result<(), Duration> {
        let message = traces(&self.origin, &self.batch);
        match self.post("/v1/traces", message, patience) {
            Ok(rejected) => {
                shared.drop_more(rejected);
                self.batch.clear();
                self.pause = PAUSE;
                Ok(())
            }
            Err(Failed::ForGood(_)) => {
                shared.drop_more(self.batch.len() as u64);
                self.batch.clear();
                Ok(())
            }
            Err(Failed::ForNow(_, after)) => {
                let pause = after.unwrap_or(self.pause).min(PAUSE_MAX);
                self.pause = (self.pause * 2).min(PAUSE_MAX);
                Err(pause)
            }
        }
    }

    /// What cannot be sent is not tried again: the next one says all that this one does.
    fn send_metrics(&mut self, patience: Duration) {
        let Some(snapshot) = (self.count)() else { return };
        let message = metrics(&self.origin, &snapshot);
        let _ = self.post("/v1/metrics", message, patience);
    }

    /// Sends what is left in the time that is left.
    fn finish(mut self, spans: &Receiver<Message>, shared: &Shared) {
        let over = *self.over.lock().unwrap_or_else(PoisonError::into_inner);
        let over = over.unwrap_or_else(Instant::now);
        while !self.batch.is_empty() && !until(over).is_zero() {
            if let Err(pause) = self.send_batch(shared, until(over).min(PATIENCE)) {
                park_timeout(pause.min(until(over)));
            }
            self.fill(spans);
        }
        self.send_metrics(until(over).min(PATIENCE));
        shared.drop_more((self.batch.len() + spans.try_iter().count()) as u64);
    }

    /// Sends a message, and says so when that begins to fail, or to work again.
    fn post(
        &mut self,
        path: &'static str,
        body: Vec<u8>,
        patience: Duration,
    ) -> Result<u64, Failed> {
        let sent = self.runtime.block_on(self.link.post(path, body, patience));
        let problem = match &sent {
            Ok(None) => None,
            Ok(Some((rejected, why))) => Some(format!("{rejected} were not taken: {why}")),
            Err(Failed::ForNow(why, _) | Failed::ForGood(why)) => Some(why.clone()),
        };
        let is_told = self.told.contains(&path);
        match problem {
            Some(problem) if !is_told => {
                tracing::warn!(path, %problem, "the collector does not take what is sent");
                self.told.push(path);
            }
            None if is_told => {
                tracing::info!(path, "the collector takes what is sent again");
                self.told.retain(|told| *told != path);
            }
            _ => {}
        }
        sent.map(|partial| partial.map_or(0, |(rejected, _)| rejected))
    }
}

fn until(due: Instant) -> Duration {
    due.saturating_duration_since(Instant::now())
}
