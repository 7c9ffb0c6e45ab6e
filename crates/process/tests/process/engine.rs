//! The real Podman of this machine and a real Docker of the test's own, and an image of one program.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use deploy_spec::Digest;
use process::{Containers, Image};
use tempfile::TempDir;

use crate::guests;
use crate::support::eventually;

/// An engine, and where an environment notes its containers.
pub(crate) struct Engine {
    pub(crate) containers: Containers,
    notes: PathBuf,
    /// Its program, as it is called to look over its shoulder.
    program: PathBuf,
    env: Vec<(OsString, OsString)>,
    /// Held until they are not needed any more.
    _held: (Option<Daemon>, TempDir),
}

/// `dockerd`, with all that it keeps.
struct Daemon(Child, #[expect(dead_code, reason = "held until it is removed")] TempDir);

impl Drop for Daemon {
    fn drop(&mut self) {
        // It ends its `containerd` when it is told to end.
        let pid = rustix::process::Pid::from_child(&self.0);
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        let _ = self.0.wait();
    }
}

#[expect(clippy::disallowed_methods, reason = "where the programs of this machine are")]
fn path() -> OsString {
    std::env::var_os("PATH").unwrap()
}

/// Says why there is none, which is no reason to fail.
fn none(why: &str) -> Option<Engine> {
    eprintln!("SKIPPED: no container can be run here: {why}");
    None
}

impl Engine {
    pub(crate) fn podman() -> Option<Self> {
        Self::podman_for(None)
    }

    /// For an environment that others speak of as well.
    pub(crate) fn podman_for(notes: Option<PathBuf>) -> Option<Self> {
        let env = vec![("PATH".into(), path()), ("HOME".into(), "/root".into())];
        let engine = Self::of("podman", env, notes, None)?;
        match engine.ask(&["info"]) {
            Ok(_) => Some(engine),
            Err(why) => none(&why),
        }
    }

    /// One that has no network to give, so that it needs no firewall.
    pub(crate) fn docker() -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            return none("only root can run Docker");
        }
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let host = format!("unix://{}", at("sock").display());
        let daemon = Command::new("dockerd")
            .args(["--iptables=false", "--ip6tables=false", "--bridge=none"])
            .args(["--storage-driver=vfs", "--host", &host, "--data-root"])
            .arg(at("data"))
            .arg("--exec-root")
            .arg(at("exec"))
            .arg("--pidfile")
            .arg(at("pid"))
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(at("log")).unwrap())
            .spawn();
        let Ok(daemon) = daemon else { return none("`dockerd` is not installed") };
        let daemon = Daemon(daemon, folder);
        let env = vec![("PATH".into(), path()), ("DOCKER_HOST".into(), host.into())];
        let engine = Self::of("docker", env, None, Some(daemon))?;
        eventually("dockerd answers", || engine.ask(&["info"]).is_ok());
        Some(engine)
    }

    /// The engine of that name and no other.
    fn of(
        name: &str,
        env: Vec<(OsString, OsString)>,
        notes: Option<PathBuf>,
        daemon: Option<Daemon>,
    ) -> Option<Self> {
        let mut folders = std::env::split_paths(&env[0].1);
        let Some(program) = folders.find_map(|folder| folder.join(name).canonicalize().ok()) else {
            return none(&format!("`{name}` is not installed"));
        };
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(&program, folder.path().join(name)).unwrap();
        let notes = notes.unwrap_or_else(|| folder.path().join("notes"));
        let path = folder.path().as_os_str();
        let containers = Containers::find(path, env.clone(), notes.clone()).unwrap();
        Some(Self { containers, notes, program, env, _held: (daemon, folder) })
    }

    /// What the engine says; its complaint when it refuses.
    pub(crate) fn ask(&self, words: &[&str]) -> Result<String, String> {
        let mut command = Command::new(&self.program);
        command.args(words).env_clear().envs(self.env.iter().map(|(n, v)| (n, v)));
        let said = command.output().unwrap();
        let text = |bytes| String::from_utf8_lossy(bytes).trim().to_owned();
        if said.status.success() { Ok(text(&said.stdout)) } else { Err(text(&said.stderr)) }
    }

    /// The containers of this environment, running or not.
    pub(crate) fn all(&self) -> Vec<String> {
        let label = format!("label=greentic.environment={}", self.notes.display());
        let told = self.ask(&["ps", "--all", "--filter", &label, "--format", "{{.Names}}"]);
        told.unwrap().lines().map(str::to_owned).collect()
    }

    /// Where the containers of this environment are noted.
    pub(crate) fn notes(&self) -> &Path {
        &self.notes
    }

    /// What is noted of them: who keeps each, and a folder.
    pub(crate) fn noted(&self) -> Vec<[String; 2]> {
        let Ok(notes) = std::fs::read_dir(&self.notes) else { return Vec::new() };
        let read = |path: PathBuf| {
            let text = std::fs::read_to_string(path).ok()?;
            let (keeper, folder) = text.split_once('\n')?;
            Some([keeper, folder.trim()].map(str::to_owned))
        };
        notes.filter_map(|note| read(note.ok()?.path())).collect()
    }

    /// The image of the program that does what it is told.
    pub(crate) fn rogue(&self) -> Image {
        let program = std::fs::read(guests::build()).unwrap();
        let layer = archive(&[("rogue", &program)]);
        let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
        let config = format!(
            r#"{{"architecture":"{architecture}","os":"linux","config":{{"Entrypoint":["/rogue"]}},
                "rootfs":{{"type":"layers","diff_ids":["{}"]}}}}"#,
            Digest::of(&layer)
        );
        let digest = Digest::of(config.as_bytes());
        let manifest =
            format!(r#"[{{"Config":"{}","RepoTags":[],"Layers":["layer"]}}]"#, digest.hex());
        let files: [(&str, &[u8]); 3] = [
            ("layer", &layer),
            (digest.hex(), config.as_bytes()),
            ("manifest.json", manifest.as_bytes()),
        ];
        let image = archive(&files);
        self.containers.load(&digest, |to| to.write_all(&image)).unwrap()
    }
}

/// A tar archive of executable files, by `tar` itself.
fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        let file = folder.path().join(name);
        std::fs::write(&file, bytes).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&file, mode).unwrap();
    }
    let mut command = Command::new("tar");
    command.args(["--create", "--mtime=@0", "--owner=0", "--group=0", "--directory"]);
    command.arg(folder.path()).args(files.iter().map(|(name, _)| name));
    let made: io::Result<_> = command.output();
    made.unwrap().stdout
}
