//! One run of `ssh`: what goes in, and what is said while it runs.

use std::io::{self, BufRead as _, BufReader, Read as _, Write};
use std::path::Path;
use std::process::{ChildStderr, ChildStdout, Command, Stdio};
use std::sync::mpsc;

use deploy_spec::Fault;

use crate::answer::shortened;

/// By this `ssh` says that it failed itself (ssh(1), "EXIT STATUS").
pub(super) const FAILED: i32 = 255;

/// How a command of the machine ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ended {
    /// What it printed, when it succeeded.
    ///
    /// # Errors
    /// `unavailable`: `what`, and what it said.
    pub(crate) fn must(self, what: &str) -> Result<String, Fault> {
        match self.code {
            0 => Ok(self.out),
            code if self.err.trim().is_empty() => {
                Err(Fault::unavailable(format!("{what}: exit code {code}")))
            }
            _ => Err(Fault::unavailable(format!("{what}: {}", shortened(&self.err)))),
        }
    }
}

/// Runs `command`: `input` writes what it reads, and `line` is told each line of its standard error.
pub(super) fn run(
    command: &mut Command,
    input: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
    line: &mut dyn FnMut(&str),
) -> Result<Ended, Fault> {
    let program = Path::new(command.get_program()).display().to_string();
    let failed = |error: io::Error| Fault::unavailable(format!("`{program}` fails: {error}"));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(failed)?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (out, err, written) = std::thread::scope(|scope| {
        let (sender, lines) = mpsc::channel();
        let out = scope.spawn(move || all(stdout));
        scope.spawn(move || send_lines(stderr, &sender));
        let written = stdin.map_or(Ok(()), |mut stdin| input(&mut stdin));
        let mut err = String::new();
        for said in lines {
            line(&said);
            err.push_str(&said);
            err.push('\n');
        }
        (out.join().unwrap_or_default(), err, written)
    });
    let code = child.wait().map_err(failed)?.code().unwrap_or(FAILED);
    match written {
        // Whoever does not read to the end says why, by what it said and how it ended.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe || code == 0 => Err(failed(error)),
        _ => Ok(Ended { code, out, err }),
    }
}

fn all(stream: Option<ChildStdout>) -> String {
    let mut bytes = Vec::new();
    // What came before it failed is all there is.
    let _ = stream.map(|mut stream| stream.read_to_end(&mut bytes));
    String::from_utf8_lossy(&bytes).into_owned()
}

fn send_lines(stream: Option<ChildStderr>, to: &mpsc::Sender<String>) {
    let Some(stream) = stream else { return };
    for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
        let line = String::from_utf8_lossy(&line).trim_end_matches('\r').to_owned();
        if to.send(line).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_told_line_by_line_and_input_may_be_left_unread() {
        let mut lines = Vec::new();
        let ended = run(
            Command::new("sh").args(["-c", "echo one >&2; echo two >&2; echo out; exit 3"]),
            &mut |to| to.write_all(&vec![b'x'; 1 << 20]),
            &mut |line| lines.push(line.to_owned()),
        );
        let ended = ended.unwrap();
        assert_eq!((ended.code, &*ended.out, &*ended.err), (3, "out\n", "one\ntwo\n"));
        assert_eq!(lines, ["one", "two"]);
    }
}
