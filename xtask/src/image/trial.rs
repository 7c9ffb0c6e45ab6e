//! The image where it will run: nobody's account, a root file system that takes nothing, no shell.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use harness::{Connection, Folder, Gtc};
use serde_json::Value;

use super::Podman;
use crate::command::{self, text};
use crate::house::House;

const CONTAINER: &str = "gtc-trial";
const HOST: &str = "hello.localhost";

/// Podman's exit code when it failed itself, before the container began.
const PODMAN_FAILED: i32 = 125;

/// Why no container can run on this machine; none when one can.
///
/// # Errors
/// When Podman cannot be started.
pub(super) fn hindrance(podman: &Podman, image: &str) -> Result<Option<String>, String> {
    let (code, said) = podman.end(&[&run_words(&["--rm"])[..], &[image, "--version"]].concat())?;
    Ok((code == Some(PODMAN_FAILED)).then_some(said))
}

/// Takes the demo's bundle in, serves it, and stops when it is told to.
///
/// # Errors
/// What does not hold.
pub(super) fn run(house: &House, podman: &Podman, image: &str) -> Result<(), String> {
    let folder = Folder::new()?;
    let bundle = folder.path().join("hello.gtbundle");
    let example = house.root.join("examples/hello");
    command::run(&example, &["sh", "build.sh"])?;
    let host = Gtc::new(house.target.join("image/root/usr/bin/gtc"), folder.path());
    let source = example.join("v1");
    host.run(&["bundle", "build", text(&source)?, "--output", text(&bundle)?])?;
    let bundle = format!("{}:/hello.gtbundle:ro", text(&bundle)?);

    holds(
        "it runs as nobody",
        &podman.ask(&["image", "inspect", "-f", "{{.User}}", image])?,
        "65532:65532",
    )?;
    let shell = run_words(&["--rm", "--entrypoint=/bin/sh"]);
    let (_, said) = podman.end(&[&shell[..], &[image, "-c", "true"]].concat())?;
    if !said.contains("no such file or directory") {
        return Err(format!("the image has a shell: {said}"));
    }
    let setup = ["setup", "/hello.gtbundle", "--non-interactive", "--host", HOST];
    podman.ask(&[&run_words(&["--rm", "--volume", &bundle])[..], &[image], &setup].concat())?;
    let mut served = Served::start(podman, image)?;
    let answer = Connection::open(&served.address)?.get(HOST, "/")?;
    if answer.status != 200 {
        return Err(format!("the demo's bundle is answered with {}", answer.status));
    }
    let status = podman.ask(&["exec", CONTAINER, "/usr/bin/gtc", "status", "-o", "json"])?;
    if !status.contains(HOST) {
        return Err(format!("`gtc status` in the container said {status}"));
    }
    println!("served {HOST} from a read-only root, as nobody, without a shell");
    served.stop(podman)
}

fn holds(what: &str, is: &str, should: &str) -> Result<(), String> {
    if is.trim() == should {
        Ok(())
    } else {
        Err(format!("{what}: `{}`, not `{should}`", is.trim()))
    }
}

/// `podman run` as hard as it goes, with a volume for what is kept.
fn run_words<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let hard = [
        "run",
        "--read-only",
        "--read-only-tmpfs=false",
        "--cap-drop=all",
        "--security-opt=no-new-privileges",
        "--ulimit=nofile=1024:1024",
        "--ulimit=nproc=1000:1000",
        "--volume=gtc-data:/var/lib/greentic",
    ];
    [&hard[..], more].concat()
}

/// A container that serves.
struct Served {
    address: String,
    child: Child,
}

impl Served {
    fn start(podman: &Podman, image: &str) -> Result<Self, String> {
        let port = ["--publish=127.0.0.1::8080", "--name", CONTAINER];
        let words = podman.words(&[&run_words(&port)[..], &[image]].concat())?;
        let mut child = Command::new(&words[0])
            .args(&words[1..])
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("podman: {error}"))?;
        let mut line = String::new();
        let out = child.stdout.take().ok_or("podman has no output")?;
        BufReader::new(out).read_line(&mut line).map_err(|error| error.to_string())?;
        let ready: Value = serde_json::from_str(&line)
            .map_err(|_| format!("`gtc start` in the container said `{}`", line.trim()))?;
        if ready["result"]["address"].is_null() {
            return Err(format!("`gtc start` in the container said {ready}"));
        }
        let address = podman.ask(&["port", CONTAINER, "8080"])?.trim().to_owned();
        Ok(Self { address, child })
    }

    /// Asks it to stop as an orchestrator does, and sees it end well.
    fn stop(&mut self, podman: &Podman) -> Result<(), String> {
        podman.ask(&["stop", "--time", "30", CONTAINER])?;
        let ended = self.child.wait().map_err(|error| format!("podman: {error}"))?;
        if ended.success() { Ok(()) } else { Err(format!("the container ended with {ended}")) }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
