//! The real registry: started on a free port, asked what it logged, killed and started again.

use std::io::{BufRead as _, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Longer than anything takes that works.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// How a registry is set up.
#[derive(Default)]
pub(crate) struct Setup {
    /// Lines of `http:`, for TLS.
    pub(crate) http: String,
    /// The section `auth:`.
    pub(crate) auth: String,
}

pub(crate) struct Server {
    folder: TempDir,
    setup: Setup,
    port: u16,
    child: Option<Child>,
    log: Log,
}

#[derive(Clone, Default)]
struct Log(Arc<(Mutex<Vec<String>>, Condvar)>);

impl Log {
    fn follow(&self, from: impl Read + Send + 'static) {
        let log = self.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(from).lines().map_while(Result::ok) {
                log.0.0.lock().unwrap().push(line);
                log.0.1.notify_all();
            }
        });
    }

    /// The lines that say something, once there are `count` of them.
    fn wait(&self, count: usize, says: impl Fn(&str) -> bool) -> Vec<String> {
        let until = Instant::now() + PATIENCE;
        let mut lines = self.0.0.lock().unwrap();
        loop {
            let found: Vec<String> = lines.iter().filter(|line| says(line)).cloned().collect();
            if found.len() >= count {
                return found;
            }
            let left = until.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "the registry never said it {count} times:\n{lines:#?}");
            lines = self.0.1.wait_timeout(lines, left).unwrap().0;
        }
    }
}

impl Server {
    pub(crate) fn start(setup: Setup) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut server = Self { folder, setup, port: 0, child: None, log: Log::default() };
        server.run();
        server
    }

    pub(crate) fn plain() -> Self {
        Self::start(Setup::default())
    }

    fn run(&mut self) {
        let file = self.folder.path().join("config.yml");
        std::fs::write(&file, self.config()).unwrap();
        self.log.0.0.lock().unwrap().clear();
        let mut child = Command::new("docker-registry")
            .arg("serve")
            .arg(&file)
            .env("OTEL_TRACES_EXPORTER", "none")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("`cargo xtask test` installs the Debian package docker-registry");
        self.log.follow(child.stdout.take().unwrap());
        self.log.follow(child.stderr.take().unwrap());
        self.child = Some(child);
        let lines = self.log.wait(1, |line| line.contains("listening on 127.0.0.1:"));
        let (_, rest) = lines[0].split_once("listening on 127.0.0.1:").unwrap();
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        self.port = digits.parse().unwrap();
    }

    fn config(&self) -> String {
        // With a secret of its own it recognises its uploads after it was killed.
        format!(
            "version: 0.1\n\
             log:\n  level: info\n\
             storage:\n  filesystem:\n    rootdirectory: {}\n  delete:\n    enabled: true\n\
             http:\n  addr: 127.0.0.1:{}\n  secret: of-this-test-only\n{}{}",
            self.folder.path().join("data").display(),
            self.port,
            self.setup.http,
            self.setup.auth,
        )
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// A reference to something in it.
    pub(crate) fn at(&self, rest: &str) -> String {
        format!("oci://{}/{rest}", self.host())
    }

    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Kills it, and starts it on the same port with the same data and an empty log.
    pub(crate) fn restart(&mut self) {
        self.kill();
        self.run();
    }

    /// The requests it logged, as `PATCH /v2/… 202`, once there are `count` that `says` picks.
    pub(crate) fn requests(&self, count: usize, says: impl Fn(&str) -> bool) -> Vec<String> {
        let lines = self.log.wait(count, |line| request(line).is_some_and(|line| says(&line)));
        lines.iter().filter_map(|line| request(line)).collect()
    }

    /// Where it keeps its data.
    pub(crate) fn data(&self) -> std::path::PathBuf {
        self.folder.path().join("data")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A line of its access log (Apache's combined format) in short, without the query.
fn request(line: &str) -> Option<String> {
    let (_, rest) = line.split_once("] \"")?;
    let (request, rest) = rest.split_once("\" ")?;
    let mut words = request.split(' ');
    let (method, target) = (words.next()?, words.next()?);
    let path = target.split('?').next()?;
    Some(format!("{method} {path} {}", rest.split(' ').next()?))
}

/// Every file below a folder.
pub(crate) fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { all.extend(files(&path)) } else { all.push(path) }
    }
    all.sort();
    all
}
