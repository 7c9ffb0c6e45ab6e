//! What guests print.

use std::cell::RefCell;
use std::io;
use std::sync::Once;

use tokio::sync::mpsc;

use workload::Given;

use crate::support::{ask, engine, get, naughty, naughty_bundle};

thread_local! {
    static SENDER: RefCell<Option<mpsc::UnboundedSender<String>>> = const { RefCell::new(None) };
}

/// What this thread logs, line by line.
///
/// The subscriber is one for the process: with one for each thread, tracing may remember for all
/// that nobody listens to a place in the code that a thread without one passed first.
pub(crate) struct Log(mpsc::UnboundedReceiver<String>);

struct Writer;

impl Log {
    pub(crate) fn capture() -> Self {
        static SUBSCRIBER: Once = Once::new();
        SUBSCRIBER.call_once(|| {
            let subscriber = tracing_subscriber::fmt()
                .with_ansi(false)
                .with_max_level(tracing::Level::INFO)
                .with_writer(|| Writer);
            tracing::subscriber::set_global_default(subscriber.finish()).unwrap();
        });
        let (sender, lines) = mpsc::unbounded_channel();
        SENDER.set(Some(sender));
        Self(lines)
    }

    pub(crate) async fn wait_for(&mut self, text: &str) -> String {
        loop {
            let line = self.0.recv().await.unwrap();
            if line.contains(text) {
                return line;
            }
        }
    }

    /// What was logged since it was asked last.
    pub(crate) fn all(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.0.try_recv().ok()).collect()
    }
}

impl io::Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        SENDER.with_borrow(|sender| {
            let line = String::from_utf8_lossy(bytes).into_owned();
            sender.as_ref().map(|sender| sender.send(line));
        });
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn lines_go_to_the_log_with_the_name_of_the_pack() {
    let mut log = Log::capture();
    assert_eq!(ask(&naughty(""), get("/print?2")).await.text(), "printed");
    let lines = log.all();
    for (line, stream) in [("out 0", "stdout"), ("out 1", "stdout"), ("err 1", "stderr")] {
        let found = lines.iter().find(|found| found.contains(line)).unwrap();
        assert!(found.contains("pack=web"), "{found}");
        assert!(found.contains(&format!("stream=\"{stream}\"")), "{found}");
    }
}

#[tokio::test]
async fn a_guest_that_prints_without_end_fills_no_disk() {
    let mut log = Log::capture();
    assert_eq!(ask(&naughty(""), get("/print?20000")).await.text(), "printed");
    let lines = log.all();
    let printed = lines.iter().filter(|line| line.contains("out ")).count();
    assert!((1_000..10_000).contains(&printed), "{printed}");
    let said = lines.iter().filter(|line| line.contains("the rest is dropped")).count();
    assert_eq!(said, 2, "once for each stream");
}

#[tokio::test]
async fn control_characters_do_not_reach_the_log() {
    let mut log = Log::capture();
    ask(&naughty(""), get("/forge")).await;
    let line = log.wait_for("forged").await;
    assert!(line.contains("\u{fffd}[2Jforged\u{fffd} line"), "{line:?}");
}

#[tokio::test]
async fn why_a_request_failed_is_in_the_log() {
    let mut log = Log::capture();
    ask(&naughty(""), get("/trap")).await;
    let lines = log.all();
    let said = lines.iter().find(|line| line.contains("component failed")).unwrap();
    assert!(said.contains("pack=web") && said.contains("unreachable"), "{said}");
}

#[tokio::test]
async fn a_secret_that_is_printed_is_masked_and_the_revision_is_named() {
    let mut log = Log::capture();
    let config = [("key", "out 15"), ("shown", "err 1")].map(|(k, v)| (k.into(), v.into()));
    let given = Given {
        name: "the-revision".into(),
        config: config.into_iter().collect(),
        secrets: vec!["key".into()],
    };
    let workload = naughty_bundle("").load_given(&engine(), &given).unwrap();
    ask(&workload, get("/print?20")).await;
    let lines = log.all();
    assert!(lines.iter().any(|line| line.contains("[secret]") && line.contains("the-revision")));
    assert!(lines.iter().all(|line| !line.contains("out 15")), "{lines:?}");
    assert!(lines.iter().any(|line| line.contains("err 1")), "{lines:?}");
}
