//! A supervisor whose shims are this very test, and questions to programs.

use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use process::{
    Container, Containers, Image, Launcher, Listen, Output, Process, Restart, Settings, Sink,
    Supervisor,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::guests::rogue;

/// Long enough for a machine that is busy with something else.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

const MARK: &str = "PROCESS_TEST_SHIM";

/// Not a test of its own: what every shim of these tests is.
#[test]
#[expect(clippy::disallowed_methods, reason = "how a test tells a child of itself what to be")]
fn as_a_shim() {
    if std::env::var_os(MARK).is_some() {
        let code = process::shim_main();
        std::process::exit(i32::from(code != std::process::ExitCode::SUCCESS));
    }
}

pub(crate) fn supervisor() -> Supervisor {
    let args = ["--exact", "support::as_a_shim", "--nocapture", "--test-threads=1"];
    let launcher = Launcher {
        program: "/proc/self/exe".into(),
        args: args.map(Into::into).to_vec(),
        env: vec![(MARK.into(), "1".into())],
    };
    Supervisor::new(launcher, std::env::temp_dir(), || 0)
}

pub(crate) fn settings(args: &[&str]) -> Settings {
    let restart = Restart { first: Duration::from_millis(20), ..Restart::default() };
    Settings {
        args: args.iter().map(ToString::to_string).collect(),
        listen: Listen::Socket,
        grace: Duration::from_millis(300),
        restart,
        ..Settings::new("rogue")
    }
}

pub(crate) fn start(settings: Settings) -> Process {
    start_told(settings, &Arc::default())
}

pub(crate) fn start_told(settings: Settings, told: &Arc<Told>) -> Process {
    supervisor().start(rogue(), settings, Arc::clone(told) as Arc<dyn Sink>).unwrap()
}

/// A program that is ready.
pub(crate) fn ready(settings: Settings) -> Process {
    let process = start(settings);
    process.wait_until_ready().unwrap();
    process
}

/// Everything a program printed.
#[derive(Default)]
pub(crate) struct Told {
    lines: Mutex<Vec<(Output, String)>>,
    more: Condvar,
}

impl Sink for Told {
    fn line(&self, output: Output, line: &str) {
        self.lines.lock().unwrap().push((output, line.to_owned()));
        self.more.notify_all();
    }
}

impl Told {
    pub(crate) fn all(&self) -> Vec<(Output, String)> {
        self.lines.lock().unwrap().clone()
    }

    /// Waits until `count` lines begin with `word`, and gives what follows in each.
    pub(crate) fn after(&self, word: &str, count: usize) -> Vec<String> {
        let found = |lines: &Vec<(Output, String)>| -> Vec<String> {
            lines.iter().filter_map(|(_, line)| line.strip_prefix(word)).map(Into::into).collect()
        };
        let lines = self.lines.lock().unwrap();
        let few = |lines: &mut Vec<_>| found(lines).len() < count;
        let (lines, late) = self.more.wait_timeout_while(lines, PATIENCE, few).unwrap();
        assert!(!late.timed_out(), "{:?}", *lines);
        found(&lines)
    }
}

/// A container of the program that does what it is told.
pub(crate) fn contain(
    containers: &Containers,
    image: &Image,
    settings: Settings,
    told: &Arc<Told>,
) -> Process {
    let container = Container { image: image.clone(), command: None, port: 3_000, cpu_milli: None };
    let supervisor = supervisor().with_containers(Some(containers.clone()));
    supervisor.start(container, settings, Arc::clone(told) as Arc<dyn Sink>).unwrap()
}

/// The body of the answer to a GET; none when the connection broke.
pub(crate) fn get(process: &Process, path: &str) -> Option<String> {
    let address = process.address().expect("the program is ready");
    block_on(ask(&address, path))
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(PATIENCE, future).await.unwrap() })
}

async fn ask(address: &upstream::Endpoint, path: &str) -> Option<String> {
    let mut connection = address.connect().await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n");
    connection.write_all(request.as_bytes()).await.ok()?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.ok()?;
    Some(answer.split_once("\r\n\r\n")?.1.to_owned())
}

pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Whether there is such a process, be it that nobody has taken its end.
pub(crate) fn exists(pid: &str) -> bool {
    std::path::Path::new("/proc").join(pid).exists()
}

/// Whether there is such a process and it has not ended.
pub(crate) fn runs(pid: &str) -> bool {
    let stat = std::fs::read_to_string(std::path::Path::new("/proc").join(pid).join("stat"));
    stat.is_ok_and(|stat| !stat.rsplit_once(')').is_some_and(|(_, rest)| rest.starts_with(" Z")))
}

pub(crate) fn kill(pid: &str) {
    let pid = rustix::process::Pid::from_raw(pid.parse().unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

/// Waits for what is about to happen elsewhere, and is told to nobody.
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = std::time::Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "{what}");
        std::thread::yield_now();
    }
}
