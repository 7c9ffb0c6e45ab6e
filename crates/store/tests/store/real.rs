//! A store on the disk of this machine, and other processes that use it.

use std::collections::BTreeMap;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use store::{EnvironmentStore, Root};
use tempfile::TempDir;

use crate::world::local;

/// Long enough for a machine that is busy with something else.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

pub(crate) fn store_in(folder: &Path) -> EnvironmentStore {
    Root::new(folder.join("environments")).environment(&local()).patient_for(PATIENCE)
}

/// Every file below a folder, with its bytes.
pub(crate) fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                found.insert(name, std::fs::read(path).unwrap());
            }
        }
    }
    found
}

const ROLE: &str = "STORE_TEST_ROLE";

/// What this process was started for, if another test started it: a role, a folder, a number.
#[expect(clippy::disallowed_methods, reason = "how a test tells a child of itself what to do")]
pub(crate) fn role() -> Option<(String, String, u64)> {
    let text = std::env::var(ROLE).ok()?;
    let mut parts = text.splitn(3, ' ');
    let (role, number, folder) = (parts.next()?, parts.next()?, parts.next()?);
    Some((role.to_owned(), folder.to_owned(), number.parse().ok()?))
}

/// Another process of this test binary; it is killed when this is dropped.
pub(crate) struct Other {
    child: Child,
    ear: ChildStdin,
    lines: BufReader<ChildStdout>,
}

impl Other {
    pub(crate) fn start(role: &str, number: u64, folder: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "processes::as_another_process", "--nocapture"])
            .env(ROLE, format!("{role} {number} {}", folder.display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        let ear = child.stdin.take().unwrap();
        Self { child, ear, lines }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Tells it something: one line.
    pub(crate) fn say(&mut self, line: &str) -> io::Result<()> {
        self.ear.write_all(format!("{line}\n").as_bytes())
    }

    /// The next line it says that begins with `word`; none when it has ended.
    pub(crate) fn hear(&mut self, word: &str) -> Option<String> {
        let mut line = String::new();
        while self.lines.read_line(&mut line).unwrap() > 0 {
            // The test harness may have begun the line.
            if let Some(at) = line.find(word) {
                return Some(line[at + word.len()..].trim().to_owned());
            }
            line.clear();
        }
        None
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn must_succeed(mut self) {
        while self.hear("\n").is_some() {}
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
