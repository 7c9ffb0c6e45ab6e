//! Bundles of components, deployed as an operator deploys them, and the same component under
//! `wasmtime serve`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use harness::{Connection, Gtc};

use crate::Bench;

pub(crate) const HOST: &str = "hello.localhost";

/// A server of components that runs; killed when it is dropped.
pub(crate) struct Server {
    pub(crate) name: &'static str,
    pub(crate) address: String,
    pub(crate) child: Child,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The component that a newcomer deploys.
pub(crate) fn hello(bench: &Bench) -> PathBuf {
    bench.example.join("v1/packs/hello.wasm")
}

/// An environment in `folder` whose bundle has these components, each with these lines in its pack:
/// the first at `/`, the others at `/c1` and so on. Compiles them.
pub(crate) fn deployed(
    bench: &Bench,
    folder: &Path,
    components: &[Vec<u8>],
    more: &str,
) -> Result<Gtc, String> {
    let source = folder.join("source");
    write(&source, components, more).map_err(|error| error.to_string())?;
    let gtc = Gtc::new(bench.gtc.clone(), folder);
    let file = folder.join("hello.gtbundle");
    let [source, file] = [&source, &file].map(|path| path.display().to_string());
    gtc.op("env init", &[])?;
    gtc.run(&["bundle", "build", &source, "--output", &file])?;
    gtc.op("bundles add", &["hello", "--host", HOST])?;
    gtc.op("revisions stage", &[&file])?;
    gtc.op("revisions warm", &["r1"])?;
    gtc.op("traffic set", &["r1=100"])?;
    Ok(gtc)
}

fn write(source: &Path, components: &[Vec<u8>], more: &str) -> io::Result<()> {
    let mut manifest =
        "schema: greentic.bundle.v1\nbundle_id: hello\nversion: 1.0.0\npacks:\n".to_owned();
    fs::create_dir_all(source.join("packs"))?;
    for (i, component) in components.iter().enumerate() {
        let at = if i == 0 { "/".to_owned() } else { format!("/c{i}") };
        manifest += &format!(
            "- {{pack_id: c{i}, kind: http-component, path: packs/c{i}.wasm, public_path: {at}, \
             limits: {{memory_mb: 16}}, {more}}}\n"
        );
        fs::write(source.join(format!("packs/c{i}.wasm")), component)?;
    }
    manifest += "health: {readiness_path: /readyz}\n";
    fs::write(source.join("bundle.yaml"), manifest)
}

/// How `gtc` serves that environment with one thread.
pub(crate) fn ours(gtc: &Gtc, address: &str) -> Command {
    gtc.command(&["start", "--threads", "1", "--listen", address, "--log", "error"])
}

/// How `wasmtime` serves a component.
pub(crate) fn theirs(bench: &Bench, address: &str, flags: &[&str], component: &Path) -> Command {
    let mut command = Command::new(&bench.wasmtime);
    command.args(["serve", "-Scli,config", "--addr", address]).args(flags).arg(component);
    command
}

pub(crate) fn free_address() -> Result<String, String> {
    let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr());
    free.map(|address| address.to_string()).map_err(|error| error.to_string())
}

/// The same on CPU 0.
pub(crate) fn pinned(command: &Command) -> Command {
    let mut pinned = Command::new("taskset");
    pinned.args(["-c", "0"]).arg(command.get_program()).args(command.get_args());
    pinned
}

/// Runs a server, and waits until it answers.
pub(crate) fn serve(
    name: &'static str,
    address: &str,
    command: &mut Command,
) -> Result<Server, String> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let child = command.spawn().map_err(|error| format!("{name}: {error}"))?;
    let mut server = Server { name, address: address.to_owned(), child };
    loop {
        let answer = Connection::open(&server.address).and_then(|mut c| c.get(HOST, "/"));
        match answer {
            Ok(answer) if answer.status == 200 => return Ok(server),
            Ok(answer) => return Err(format!("{name} answered {}", answer.status)),
            Err(_) => {}
        }
        if let Ok(Some(ended)) = server.child.try_wait() {
            return Err(format!("{name}: {ended}"));
        }
        std::thread::yield_now();
    }
}
