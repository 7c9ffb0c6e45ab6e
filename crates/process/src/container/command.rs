//! Asking the engine something, by its own program. No question may hang.

use std::ffi::OsStr;
use std::io;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe::Receiver;
use tokio::time::timeout;

use super::Containers;

/// The longest that is told of what an engine said, in characters.
const SAID_MAX: usize = 400;

/// What the engine said.
#[derive(Debug)]
pub(crate) struct Said {
    status: ExitStatus,
    pub(crate) out: String,
    err: String,
}

impl Said {
    pub(crate) fn is_good(&self) -> bool {
        self.status.success()
    }

    /// Whether it complains that there is no such container, as both engines word it.
    pub(crate) fn knows_no_container(&self) -> bool {
        self.err.to_ascii_lowercase().contains("no such container")
    }

    /// Why it failed, in its own words: the last line that it wrote.
    pub(crate) fn why(&self) -> String {
        let said = self.err.lines().map(str::trim).rfind(|line| !line.is_empty());
        let said = said.map_or_else(|| self.status.to_string(), str::to_owned);
        let said = said.strip_prefix("Error: ").unwrap_or(&said);
        said.chars().map(|c| if c.is_control() { ' ' } else { c }).take(SAID_MAX).collect()
    }
}

impl Containers {
    /// The engine's program with these words, and nothing of our environment.
    pub(crate) fn command<S: AsRef<OsStr>>(&self, words: &[S]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(words).env_clear().envs(self.env.iter().map(|(name, value)| (name, value)));
        command.current_dir("/").stdin(Stdio::null());
        command
    }

    /// Asks, and waits for the end of it at most so long.
    ///
    /// # Errors
    /// When the program cannot be run, or took too long; that it refused is an answer.
    pub(crate) async fn ask(&self, command: Command, limit: Duration) -> io::Result<Said> {
        let (out_pipe, out) = io::pipe()?;
        let (err_pipe, err) = io::pipe()?;
        let mut child = begin(command, out.into(), err.into())?;
        let mut out_pipe = Receiver::from_owned_fd(out_pipe.into())?;
        let mut err_pipe = Receiver::from_owned_fd(err_pipe.into())?;
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let reading = async {
            tokio::try_join!(out_pipe.read_to_end(&mut out), err_pipe.read_to_end(&mut err))
        };
        let Ok(read) = timeout(limit, reading).await else {
            let _ = child.kill();
            let _ = child.wait();
            let why = format!("`{}` took longer than {limit:?}", self.engine.name());
            return Err(io::Error::new(io::ErrorKind::TimedOut, why));
        };
        read?;
        let status = child.wait()?;
        let [out, err] = [out, err].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        Ok(Said { status, out, err })
    }

    /// The same from where nothing else is waited for. Blocks.
    pub(crate) fn ask_now(&self, command: Command, limit: Duration) -> io::Result<Said> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(self.ask(command, limit))
    }
}

/// Begins it. Our copies of what it writes to are closed with the command.
fn begin(mut command: Command, out: Stdio, err: Stdio) -> io::Result<Child> {
    small_pages::not_for(|| command.stdout(out).stderr(err).spawn())
}
