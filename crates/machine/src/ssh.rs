//! Another machine, reached by the `ssh` of this one (OpenSSH). Its host key is checked by `ssh`
//! itself and nothing here turns that off; all commands go through one connection where the system can
//! do that, so that they reach one machine.

mod child;
mod destination;
mod refusal;

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use deploy_spec::Fault;
use tempfile::TempDir;

pub(crate) use child::Ended;
use child::{FAILED, run};
pub use destination::{Destination, HostKey};

/// Options of every call (ssh_config(5)): nobody is asked anything, only known keys are trusted,
/// nothing is forwarded, and a connection that is dead is noticed within a minute.
const OPTIONS: &[&str] = &[
    "BatchMode=yes",
    "StrictHostKeyChecking=yes",
    "UpdateHostKeys=no",
    "ClearAllForwardings=yes",
    "ForwardAgent=no",
    "ForwardX11=no",
    "PermitLocalCommand=no",
    "RemoteCommand=none",
    "RequestTTY=no",
    "ConnectTimeout=15",
    "ServerAliveInterval=15",
    "ServerAliveCountMax=3",
];

/// Whether `ssh` lets several commands go through one connection; that of Windows does not, and each
/// connects anew there, by the same host key.
const SHARED: bool = cfg!(unix);

/// How long the connection waits for the next command, in seconds: longer than one here takes, and
/// not forever after this program was killed.
const IDLE: u32 = 300;

/// How to reach a machine.
#[derive(Debug, Clone)]
pub struct Way {
    /// The `ssh` program.
    pub program: PathBuf,
    /// Whom to reach.
    pub destination: Destination,
    /// Its port; without one, what the configuration of `ssh` says.
    pub port: Option<u16>,
    /// The file of the key to log in by; without one, what the configuration says.
    pub identity: Option<PathBuf>,
    /// Another configuration of `ssh` than this account's.
    pub config: Option<PathBuf>,
    /// The one host key that is trusted; without one, the known hosts are.
    pub host_key: Option<HostKey>,
}

/// A connection, and who we are at its other end.
#[derive(Debug)]
pub struct Ssh {
    way: Way,
    /// Holds the socket of the connection.
    folder: TempDir,
    is_root: bool,
}

/// A script for `/bin/sh` of the machine, run as root. It holds no secret: others see it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Script<'a> {
    pub(crate) text: &'a str,
    pub(crate) words: &'a [&'a str],
}

impl Ssh {
    /// Connects, and finds out whether root's commands can be run.
    ///
    /// # Errors
    /// `refused` when the host key is not a trusted one, or given on Windows; when nobody is let in,
    /// or not as root;
    /// `unavailable` when the machine cannot be reached.
    pub fn open(way: Way) -> Result<Self, Fault> {
        if cfg!(windows) && way.host_key.is_some() {
            return Err(Fault::refused("--host-key takes a shell, which Windows does not have")
                .hint("put the key of the machine into the known hosts: ssh shows it, and asks"));
        }
        let folder = tempfile::Builder::new().prefix("gtc-").tempdir();
        let folder = folder.map_err(|error| {
            Fault::unavailable(format!("no folder for the connection can be made: {error}"))
        })?;
        let mut ssh = Self { way, folder, is_root: true };
        let log = ssh.folder.path().join("log");
        let mut command = ssh.command();
        // What it logs tells the host key that was shown; only this call has to log.
        command.arg("-E").arg(&log).args(["-o", "LogLevel=DEBUG1"]);
        if SHARED {
            command.args(["-o", "ControlMaster=yes", "-o", &format!("ControlPersist={IDLE}")]);
        }
        command.arg("--").arg(ssh.way.destination.as_str()).arg("id -u; sudo -n id -u");
        let ended = run(&mut command, &mut |_| Ok(()), &mut |_| {})?;
        let mut numbers = ended.out.lines();
        match (ended.code, numbers.next(), numbers.next()) {
            (FAILED, ..) | (_, None, _) => {
                let log = std::fs::read_to_string(&log).unwrap_or_default();
                Err(refusal::refusal(&ssh.way, &log))
            }
            (_, Some("0"), _) => Ok(ssh),
            (_, _, Some("0")) => {
                ssh.is_root = false;
                Ok(ssh)
            }
            _ => Err(Fault::refused(format!(
                "`{}` is not root on the machine, and `sudo` asks for a password",
                ssh.way.destination
            ))
            .hint("log in as root, or as somebody with `NOPASSWD: ALL` in sudoers(5)")),
        }
    }

    /// Whom it reaches.
    #[must_use]
    pub const fn destination(&self) -> &Destination {
        &self.way.destination
    }

    /// Runs a script as root. `input` writes what it reads; each line that it says on its standard
    /// error is told to `line` at once, and is in what it said as well.
    ///
    /// # Errors
    /// `unavailable` when the connection breaks.
    pub(crate) fn run(
        &self,
        script: Script<'_>,
        input: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
        line: &mut dyn FnMut(&str),
    ) -> Result<Ended, Fault> {
        let mut command = self.command();
        command.args(["-o", "LogLevel=ERROR", "-o", "ControlMaster=no", "--"]);
        command.arg(self.way.destination.as_str()).arg(remote(self.is_root, script));
        let ended = run(&mut command, input, line)?;
        if ended.code == FAILED {
            let said = ended.err.lines().last().unwrap_or("it says nothing").to_owned();
            let to = &self.way.destination;
            return Err(Fault::unavailable(format!("the connection to `{to}` broke: {said}"))
                .hint("the same command goes on from there"));
        }
        Ok(ended)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.way.program);
        if let Some(config) = &self.way.config {
            command.arg("-F").arg(config);
        }
        if let Some(port) = self.way.port {
            command.args(["-p", &port.to_string()]);
        }
        if let Some(identity) = &self.way.identity {
            command.arg("-i").arg(identity).args(["-o", "IdentitiesOnly=yes"]);
        }
        for option in OPTIONS {
            command.args(["-o", option]);
        }
        if SHARED {
            let mut control = OsString::from("ControlPath=");
            control.push(self.folder.path().join("s"));
            command.arg("-o").arg(control);
        }
        for option in self.way.host_key.iter().flat_map(HostKey::options) {
            command.args(["-o", &option]);
        }
        command
    }
}

impl Drop for Ssh {
    fn drop(&mut self) {
        if !SHARED {
            return;
        }
        let mut command = self.command();
        command.args(["-O", "exit", "--", self.way.destination.as_str()]);
        // Without it the connection ends by itself a little later.
        let _ = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    }
}

/// The script as one word for the shell of whoever logs in, whichever shell that is.
fn remote(is_root: bool, script: Script<'_>) -> String {
    let sudo = if is_root { "" } else { "sudo -n -- " };
    let mut line = format!("{sudo}/bin/sh -c {} sh", quoted(script.text));
    for word in script.words {
        line.push(' ');
        line.push_str(&quoted(word));
    }
    line
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_arrives_as_it_is_written() {
        let text = "printf '%s|' \"$@\"; echo \"it's\"";
        let script = Script { text, words: &["a b", "it's", "$HOME", ""] };
        let line = remote(true, script);
        let ended = run(Command::new("sh").args(["-c", &line]), &mut |_| Ok(()), &mut |_| {});
        assert_eq!(ended.unwrap().out, "a b|it's|$HOME||it's\n");
        assert!(remote(false, script).starts_with("sudo -n -- /bin/sh -c '"));
    }
}
