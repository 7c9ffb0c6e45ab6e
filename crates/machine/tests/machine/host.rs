//! A machine with a real systemd as process 1: a container of Podman, from a root file system that
//! `debootstrap` makes once.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use serde_json::Value;

/// What the image is made of, beside what every Debian has, joined by `_`.
const PACKAGES: &str = "systemd_systemd-sysv_dbus_squashfuse_fuse3_openssh-server_sudo";
/// Mounts that systemd makes for a service are seen by others, as on a machine that is no container.
const INIT: &str = "mount --make-rshared / && exec /lib/systemd/systemd";
/// How long a machine may take to begin.
const BOOT: Duration = Duration::from_secs(60);

/// One request, for `printf`.
const GET: &str = "GET / HTTP/1.1\\r\\nHost: any\\r\\nConnection: close\\r\\n\\r\\n";

/// One machine, gone when it is dropped.
pub(crate) struct Host {
    name: String,
    /// What is `/given` on it.
    pub(crate) folder: PathBuf,
}

fn run(words: &[&str]) -> Output {
    Command::new("timeout").arg("300").args(words).output().unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}

fn must(words: &[&str]) -> String {
    let output = run(words);
    assert!(output.status.success(), "{words:?}: {}", text(&output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn podman(words: &[&str]) -> Output {
    run(&[&["podman", "--runtime", "runc"], words].concat())
}

/// Beside what cargo builds.
fn target() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap()
}

/// Another list makes another image.
fn image_name() -> String {
    format!("localhost/greentic-test-machine:{PACKAGES}")
}

/// The image, or why there can be none here.
fn image() -> Result<(), String> {
    static MADE: OnceLock<Result<(), String>> = OnceLock::new();
    MADE.get_or_init(make_image).clone()
}

fn make_image() -> Result<(), String> {
    for tool in ["podman", "runc", "debootstrap", "mksquashfs"] {
        let found = run(&["sh", "-c", &format!("command -v {tool}")]);
        if !found.status.success() {
            return Err(format!("`{tool}` is not installed"));
        }
    }
    if !rustix::process::geteuid().is_root() {
        return Err("only root can mount in a container".into());
    }
    let info = podman(&["info"]);
    if !info.status.success() {
        return Err(format!("Podman does not run here: {}", text(&info)));
    }
    let image = image_name();
    let folder = target().join("machine");
    std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    // Each test is a process of its own, and one makes it.
    let lock = File::create(folder.join("lock")).map_err(|error| error.to_string())?;
    lock.lock().map_err(|error| error.to_string())?;
    if podman(&["image", "exists", &image]).status.success() {
        return Ok(());
    }
    let root = folder.join("root");
    let root = root.to_str().ok_or("the folder is not UTF-8")?;
    let packages = PACKAGES.replace('_', ",");
    // Of the same release as this machine, so that what runs here runs there.
    let script = format!(
        "set -e; . /etc/os-release; rm -rf {root}; \
         debootstrap --variant=minbase --include={packages} $VERSION_CODENAME {root}; \
         tar -C {root} --exclude ./var/cache/apt --exclude ./var/lib/apt/lists -c . \
         | podman import - {image}; rm -rf {root}"
    );
    let made = run(&["sh", "-c", &script]);
    made.status.success().then_some(()).ok_or_else(|| text(&made))
}

impl Host {
    /// A fresh one; none where there can be none, which is said.
    pub(crate) fn fresh(name: &str) -> Option<Self> {
        if let Err(why) = image() {
            eprintln!("SKIPPED: no machine with systemd can be made here: {why}");
            return None;
        }
        let name = format!("greentic-test-{name}-{}", std::process::id());
        let folder = target().join("machine").join(&name);
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        let host = Self { name, folder };
        let volume = format!("{}:/given", host.folder.display());
        let begun = podman(&[
            "run",
            "--detach",
            "--systemd=always",
            "--privileged",
            "--network",
            "none",
            "--ulimit",
            "nofile=4096:4096",
            "--ulimit",
            "nproc=4096:4096",
            "--volume",
            &volume,
            // The engine of this machine, for the containers of that one, and a place for them.
            "--volume",
            "/usr:/host/usr:ro",
            "--tmpfs",
            "/var/lib/containers:rw,exec",
            "--name",
            &host.name,
            &image_name(),
            "sh",
            "-c",
            INIT,
        ]);
        assert!(begun.status.success(), "{}", text(&begun));
        host.is_up();
        Some(host)
    }

    /// Waits until systemd has begun, and sees to it that there are devices to mount by: a container
    /// has those that were there when it began.
    fn is_up(&self) {
        let until = Instant::now() + BOOT;
        loop {
            let said = self.run(&["systemctl", "is-system-running", "--wait"]);
            if ["running", "degraded"].contains(&String::from_utf8_lossy(&said.stdout).trim()) {
                break;
            }
            assert!(Instant::now() < until, "systemd does not begin: {}", text(&said));
        }
        let nodes =
            "for n in $(seq 0 63); do test -e /dev/loop$n || mknod /dev/loop$n b 7 $n; done";
        self.must(&["sh", "-c", nodes]);
    }

    /// Gives the machine programs of this one, which is of the same release.
    fn has_programs(&self, programs: &[&str]) {
        let script = r#"
            for program in "$@"; do
                printf '#!/bin/sh\nLD_LIBRARY_PATH=/host/usr/lib/x86_64-linux-gnu exec /host/usr/%s "$@"\n' \
                    $program >/usr/$program
                chmod +x /usr/$program
            done
        "#;
        self.must(&[&["sh", "-ec", script, "sh"], programs].concat());
    }

    /// Gives the machine Podman. What it says of control groups is so because the machine is a
    /// container itself.
    pub(crate) fn has_podman(&self) {
        self.has_programs(&["bin/podman", "bin/conmon", "sbin/runc"]);
        let script = r#"
            mkdir -p /etc/containers
            printf '{"default":[{"type":"insecureAcceptAnything"}]}' >/etc/containers/policy.json
            cat >/etc/containers/containers.conf <<'END'
[containers]
volumes = ["/sys/fs/cgroup:/sys/fs/cgroup:ro"]
[engine]
cgroup_manager = "cgroupfs"
conmon_path = ["/usr/bin/conmon"]
runtime = "runc"
[engine.runtimes]
runc = ["/usr/sbin/runc"]
END
        "#;
        self.must(&["sh", "-ec", script]);
    }

    /// Gives the machine Docker, with its daemon as a service. How it stores images, makes no networks
    /// and hides control groups is so because the machine is a container itself.
    pub(crate) fn has_docker(&self) {
        let shim = "bin/containerd-shim-runc-v2";
        self.has_programs(&["bin/docker", "sbin/dockerd", "bin/containerd", shim, "sbin/runc"]);
        let script = r#"
            cat >/etc/systemd/system/docker.service <<'END'
[Unit]
After=network-online.target
[Service]
Type=notify
ExecStart=/usr/sbin/dockerd --storage-driver=vfs --iptables=false --bridge=none \
    --default-cgroupns-mode=private
Delegate=yes
KillMode=process
[Install]
WantedBy=multi-user.target
END
            systemctl --quiet enable --now docker.service
        "#;
        self.must(&["sh", "-ec", script]);
    }

    /// Puts an image with the program `/given/NAME` into the store of `engine`, as `localhost/gtc:NAME`.
    pub(crate) fn has_image(&self, engine: &str, name: &str) {
        let script = format!(
            "mkdir -p /tmp/image/usr/bin && install /given/{name} /tmp/image/usr/bin/gtc && \
             tar -C /tmp/image -c . | {engine} import --change 'ENTRYPOINT [\"/usr/bin/gtc\"]' \
             --change 'ENV PATH=/usr/bin' - localhost/gtc:{name}"
        );
        self.must(&["sh", "-c", &script]);
    }

    /// As a power button would.
    pub(crate) fn restart(&self) {
        let restarted = podman(&["restart", "--time", "20", &self.name]);
        assert!(restarted.status.success(), "{}", text(&restarted));
        self.is_up();
    }

    /// Process 1 of the machine, as this one numbers it.
    pub(crate) fn pid(&self) -> u32 {
        let told = podman(&["inspect", "--format", "{{.State.Pid}}", &self.name]);
        String::from_utf8_lossy(&told.stdout).trim().parse().unwrap()
    }

    pub(crate) fn run(&self, words: &[&str]) -> Output {
        podman(&[&["exec", &self.name], words].concat())
    }

    pub(crate) fn must(&self, words: &[&str]) -> String {
        let output = self.run(words);
        assert!(output.status.success(), "{words:?}: {}", text(&output));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Runs the driver: its exit code, and what it printed.
    pub(crate) fn drive(&self, words: &[&str]) -> (Option<i32>, Value) {
        let output = self.run(&[&["/given/driver"], words].concat());
        let value = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
        // 137: it was killed, as it was told to be.
        if value.is_null() && output.status.code() != Some(137) {
            eprintln!("{}", text(&output));
        }
        (output.status.code(), value)
    }

    /// Asks without end, each time over a connection of its own.
    pub(crate) fn begin_asking(&self) {
        let asks = format!(
            "while true; do (exec 3<>/dev/tcp/127.0.0.1/8080; printf '{GET}' >&3; \
             read -r line <&3; [[ $line == *200* ]]) 2>&1 && echo got || echo lost; done >/given/asked"
        );
        self.must(&["systemd-run", "--quiet", "--unit=asks", "bash", "-c", &asks]);
    }

    /// How many were answered since it began to ask; none was lost.
    pub(crate) fn end_asking(&self) -> usize {
        self.must(&["systemctl", "stop", "asks"]);
        let asked = std::fs::read_to_string(self.folder.join("asked")).unwrap();
        let (got, lost): (Vec<&str>, Vec<&str>) = asked.lines().partition(|line| *line == "got");
        assert_eq!(lost, [""; 0], "beside {} that were answered", got.len());
        got.len()
    }

    /// Waits until somebody takes connections where it serves.
    pub(crate) fn listens(&self) {
        let tries = "until (exec 3<>/dev/tcp/127.0.0.1/8080) 2>&1; do :; done >/dev/null";
        self.must(&["timeout", "30", "bash", "-c", tries]);
    }

    /// What the machine serves.
    pub(crate) fn serves(&self) -> String {
        let ask = format!("exec 3<>/dev/tcp/127.0.0.1/8080; printf '{GET}' >&3; cat <&3");
        let output = self.run(&["timeout", "20", "bash", "-c", &ask]);
        let answer = String::from_utf8_lossy(&output.stdout).into_owned();
        answer.split("\r\n\r\n").nth(1).unwrap_or(&answer).trim().to_owned()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        podman(&["rm", "--force", "--time", "0", &self.name]);
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// The program that stands in for `gtc`, linked statically.
pub(crate) fn gtc() -> Vec<u8> {
    let triple = format!("{}-unknown-linux-musl", std::env::consts::ARCH);
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/guests/gtc/Cargo.toml");
    let folder = target().join("guests");
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--release", "--locked", "--target", &triple])
        .arg("--manifest-path")
        .arg(&manifest)
        .arg("--target-dir")
        .arg(&folder)
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .status()
        .unwrap();
    assert!(built.success(), "gtc was not built; is the target {triple} installed?");
    std::fs::read(folder.join(triple).join("release/gtc")).unwrap()
}

/// The driver, which cargo builds with the tests.
pub(crate) fn driver() -> PathBuf {
    let this = std::env::current_exe().unwrap();
    this.parent().and_then(Path::parent).unwrap().join("examples/single-vm-driver")
}

/// A SquashFS with one file.
pub(crate) fn bundle(to: &Path, says: &str) {
    let folder = to.with_extension("folder");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("bundle.yaml"), says).unwrap();
    let (from, to) = (folder.to_str().unwrap(), to.to_str().unwrap());
    must(&[
        "mksquashfs",
        from,
        to,
        "-quiet",
        "-no-progress",
        "-noappend",
        "-all-root",
        "-noD",
        "-noF",
    ]);
}
