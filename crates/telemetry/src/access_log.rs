//! The access log: one line of JSON a request, written by a thread of its own.

use std::io::Write;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::thread::park_timeout;
use std::time::Duration;

use deploy_spec::{Bps, EnvironmentId, Fault};

use crate::line;
use crate::queue::{Queue, Shared};
use crate::record::Record;
use crate::recorder::Errors;
use crate::sample;

/// How many requests may wait to be written.
const ROOM: usize = 8_192;
/// How long lines are gathered, so that a busy server writes seldom and wakes nobody for each.
const GATHER: Duration = Duration::from_millis(20);
/// How many bytes are gathered before they are written all the same.
const FULL: usize = 64 * 1024;

/// What is in the queue.
#[derive(Debug)]
pub(crate) enum Message {
    Line(Arc<Record>),
    /// There will be no more.
    End,
}

/// Writes lines.
#[derive(Debug)]
pub struct AccessLog {
    queue: Queue<Message>,
    share: Bps,
    errors: Errors,
}

impl AccessLog {
    /// Writes a `share` of all requests to `out`, whole lines in each write.
    ///
    /// # Errors
    /// `unavailable` when there is no thread for it.
    pub fn new(
        environment: EnvironmentId,
        share: Bps,
        errors: Errors,
        mut out: Box<dyn Write + Send>,
    ) -> Result<Self, Fault> {
        let queue = Queue::new("access log", ROOM, move |lines, shared| {
            write_all(&environment, lines, shared, &mut out);
        })?;
        Ok(Self { queue, share, errors })
    }

    /// Whether anything may come of this trace.
    pub(crate) fn wants(&self, trace_id: u128) -> bool {
        self.errors == Errors::All || sample::is_in(trace_id, self.share)
    }

    pub(crate) fn take(&self, record: &Arc<Record>) {
        let is_grave = self.errors == Errors::All && record.is_error();
        if is_grave || sample::is_in(record.trace.trace_id, self.share) {
            self.queue.offer(Message::Line(Arc::clone(record)));
        }
    }

    pub(crate) fn dropped(&self) -> u64 {
        self.queue.dropped()
    }

    pub(crate) fn end(&self) {
        self.queue.end(Message::End);
    }

    pub(crate) fn wait(&self, patience: Duration) -> bool {
        self.queue.wait(patience)
    }
}

fn write_all(
    environment: &EnvironmentId,
    lines: &Receiver<Message>,
    shared: &Shared,
    out: &mut dyn Write,
) {
    let mut writer = Writer { out, gathered: Vec::new(), lines: 0, is_broken: false };
    while let Ok(first) = lines.recv() {
        for message in std::iter::once(first).chain(lines.try_iter()) {
            if let Message::Line(record) = message {
                line::write(&mut writer.gathered, environment, &record);
                writer.lines += 1;
            }
            if writer.gathered.len() >= FULL {
                writer.flush(shared);
            }
        }
        writer.flush(shared);
        if shared.is_over() {
            return;
        }
        park_timeout(GATHER);
    }
}

/// Whole lines on their way out.
struct Writer<'o> {
    out: &'o mut dyn Write,
    gathered: Vec<u8>,
    /// How many lines are gathered.
    lines: u64,
    /// Whether the last write failed, so that half a line may stand at the end.
    is_broken: bool,
}

impl Writer<'_> {
    fn flush(&mut self, shared: &Shared) {
        if self.gathered.is_empty() {
            return;
        }
        if self.is_broken {
            self.gathered.insert(0, b'\n');
        }
        let written = self.out.write_all(&self.gathered).and_then(|()| self.out.flush());
        match written {
            Ok(()) if std::mem::take(&mut self.is_broken) => {
                tracing::info!("the access log is written again");
            }
            Ok(()) => {}
            Err(error) => {
                shared.drop_more(self.lines);
                if !std::mem::replace(&mut self.is_broken, true) {
                    tracing::error!(%error, "the access log cannot be written; its lines are lost");
                }
            }
        }
        self.gathered.clear();
        self.lines = 0;
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Mutex;

    use super::*;
    use crate::record::tests::record;
    use crate::trace::{Sampler, Trace};

    /// What is written; each failure takes half of what it was given.
    #[derive(Clone, Default)]
    struct Disk(Arc<Mutex<(Vec<u8>, usize)>>);

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut disk = self.0.lock().unwrap();
            if disk.1 == 0 {
                disk.0.extend_from_slice(bytes);
                return Ok(bytes.len());
            }
            disk.1 -= 1;
            if disk.1 == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            let half = bytes.len() / 2;
            disk.0.extend_from_slice(&bytes[..half]);
            Ok(half)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Disk {
        fn lines(&self) -> Vec<String> {
            let disk = self.0.lock().unwrap();
            String::from_utf8_lossy(&disk.0).lines().map(str::to_owned).collect()
        }
    }

    fn log(share: u16, errors: Errors, disk: &Disk) -> AccessLog {
        let environment = "local".parse().unwrap();
        let share = Bps::new(share).unwrap();
        AccessLog::new(environment, share, errors, Box::new(disk.clone())).unwrap()
    }

    fn told(id: u128, status: u16) -> Arc<Record> {
        let trace = Trace::begin(None, id, Sampler::Off);
        Arc::new(Record { trace, status: Some(status), ..record() })
    }

    #[test]
    fn every_line_is_written_by_the_end() {
        let disk = Disk::default();
        let log = log(10_000, Errors::Sampled, &disk);
        (1..=500).for_each(|id| log.take(&told(id, 200)));
        log.end();
        assert!(log.wait(Duration::from_secs(60)));
        assert_eq!((disk.lines().len(), log.dropped()), (500, 0));
    }

    #[test]
    fn errors_are_in_the_log_whatever_is_sampled_unless_they_are_too() {
        // The last bits of an id say whether it is in; all are set in this one.
        let out = u128::MAX;
        for (errors, lines) in [(Errors::All, 1), (Errors::Sampled, 0)] {
            let disk = Disk::default();
            let log = log(5_000, errors, &disk);
            log.take(&told(out, 499));
            log.take(&told(out, 500));
            assert_eq!(log.wants(out), errors == Errors::All);
            log.take(&told(1, 200));
            log.end();
            assert!(log.wait(Duration::from_secs(60)));
            assert_eq!(disk.lines().len(), lines + 1, "{errors:?}");
        }
    }

    #[test]
    fn what_a_full_disk_takes_half_of_is_counted_and_spoils_no_other_line() {
        let disk = Disk::default();
        disk.0.lock().unwrap().1 = 2;
        let log = log(10_000, Errors::All, &disk);
        log.take(&told(1, 200));
        while log.dropped() < 1 {
            std::thread::yield_now();
        }
        log.take(&told(2, 200));
        log.end();
        assert!(log.wait(Duration::from_secs(60)));
        let lines = disk.lines();
        assert_eq!((lines.len(), log.dropped()), (2, 1), "{lines:?}");
        let whole: serde_json::Value = serde_json::from_str(&lines[1]).unwrap();
        assert_eq!(whole["trace_id"], format!("{:032x}", 2));
    }
}
