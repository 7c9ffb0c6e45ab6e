//! Docker's credential helpers: a program that is told a registry and says the credentials
//! (<https://github.com/docker/docker-credential-helpers>).

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::time::Duration;

use deploy_spec::Fault;
use serde::Deserialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};
use zeroize::Zeroizing;

use super::docker_config::TOKEN_USER;
use super::{Credential, Secret};

/// Bytes of what a helper says, at most.
const SAID_MAX: u64 = 256 << 10;

pub(super) struct Helper<'a> {
    pub(super) name: &'a str,
    pub(super) path: &'a OsStr,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Said {
    username: String,
    secret: Secret,
}

impl Helper<'_> {
    /// What the helper knows of a registry; none when it knows nothing.
    ///
    /// # Errors
    /// `invalid-input` when its name is none; `unavailable` when it is missing or fails.
    pub(super) async fn get(
        &self,
        registry: &str,
        patience: Duration,
    ) -> Result<Option<Credential>, Fault> {
        let program = format!("docker-credential-{}", self.name);
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
        if self.name.is_empty() || !self.name.bytes().all(plain) {
            return Err(Fault::invalid(format!("{program:?} is no name of a credential helper")));
        }
        let failed =
            |why: &str| Fault::unavailable(format!("the credential helper `{program}` {why}"));
        let file = host_fs::find_command(self.path, &program)
            .ok_or_else(|| failed("is not on the search path"))?;
        let output = match tokio::time::timeout(patience, self.run(file, registry)).await {
            Ok(output) => output.map_err(|error| failed(&format!("cannot be run: {error}")))?,
            Err(_) => return Err(failed(&format!("said nothing in {} s", patience.as_secs()))),
        };
        let said = Zeroizing::new(output.stdout);
        if !output.status.success() {
            // The one answer of the protocol that is no failure.
            let unknown = String::from_utf8_lossy(&said).contains("credentials not found");
            return if unknown { Ok(None) } else { Err(failed("failed")) };
        }
        let said: Said = serde_json::from_slice(&said)
            .map_err(|_| failed("did not say `Username` and `Secret` as JSON"))?;
        Ok(Some(if said.username == TOKEN_USER {
            Credential::Identity(said.secret)
        } else {
            Credential::Password { user: said.username, password: said.secret }
        }))
    }

    async fn run(&self, file: PathBuf, registry: &str) -> std::io::Result<Output> {
        let mut child = Command::new(file)
            .arg("get")
            .env("PATH", OsString::from(self.path))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            // One that knows without asking may have gone already.
            let _ = stdin.write_all(registry.as_bytes()).await;
        }
        let stdout = said(&mut child).await?;
        Ok(Output { status: child.wait().await?, stdout, stderr: Vec::new() })
    }
}

async fn said(child: &mut Child) -> std::io::Result<Vec<u8>> {
    let mut stdout = Vec::new();
    if let Some(pipe) = child.stdout.take() {
        pipe.take(SAID_MAX).read_to_end(&mut stdout).await?;
    }
    Ok(stdout)
}
