//! The words by which a container is made: what it may do and use stands here, and nowhere else.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use deploy_spec::ContainerEngine;
use serde::{Deserialize, Serialize};

use super::Containers;
use crate::settings::Limits;

/// Where a container finds the folder that it shares with us.
pub(crate) const MOUNT: &str = "/run/greentic";

/// Where it may write; memory, and gone with it.
pub(crate) const TMP: &str = "/tmp";

/// The most that `RLIMIT_NPROC` is set to. It counts all that a user has on the machine, so the control
/// group is what bounds a container; this must only not be more than we may give.
const NPROC: u64 = 16_384;

/// How a container is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Inside {
    /// By a socket in this folder of the machine.
    Socket(PathBuf),
    /// By a port of 127.0.0.1 that leads to one of its own.
    Port { outside: u16, inside: u16 },
}

/// A container that is to be.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Contained {
    pub(crate) containers: Containers,
    pub(crate) image: String,
    pub(crate) command: Option<String>,
    pub(crate) cpu_milli: Option<u32>,
    /// What the engine calls it; no other has this name.
    pub(crate) name: String,
    pub(crate) reached: Inside,
}

/// Who we are, and what we may give (`getrlimit(2)`).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Own {
    pub(crate) user: u32,
    pub(crate) group: u32,
    pub(crate) files: u64,
    pub(crate) processes: u64,
}

impl Contained {
    /// The words by which the engine makes it, without starting it. Its environment is read from the
    /// standard input.
    pub(crate) fn create(
        &self,
        workload: &str,
        args: &[String],
        limits: Limits,
        own: Own,
    ) -> Vec<String> {
        let memory = format!("{}m", limits.memory_mb);
        let folder = self.containers.folder.display();
        let both = |name, limit: u64| format!("{name}={limit}:{limit}");
        let mut pairs = vec![
            ("--pull", "never".to_owned()),
            ("--cap-drop", "all".into()),
            ("--security-opt", "no-new-privileges".into()),
            ("--name", self.name.clone()),
            ("--label", format!("greentic.environment={folder}")),
            ("--label", format!("greentic.workload={workload}")),
            // Who keeps it starts it again, and hears what it prints.
            ("--restart", "no".into()),
            ("--log-driver", "none".into()),
            ("--tmpfs", TMP.into()),
            ("--env-file", "/dev/stdin".into()),
            ("--memory", memory.clone()),
            ("--memory-swap", memory),
            ("--pids-limit", limits.processes.to_string()),
            ("--ulimit", both("nofile", own.files.min(limits.files.into()))),
            ("--ulimit", both("nproc", own.processes.min(NPROC))),
            ("--ulimit", both("core", 0)),
        ];
        let cpus = |milli: u32| format!("{}.{:03}", milli / 1_000, milli % 1_000);
        pairs.extend(self.cpu_milli.map(|milli| ("--cpus", cpus(milli))));
        pairs.extend(self.reachable(own));
        pairs.extend(self.command.clone().map(|command| ("--entrypoint", command)));
        let mut words = vec!["create".to_owned(), "--read-only".to_owned()];
        words.extend(pairs.into_iter().flat_map(|(name, value)| [name.to_owned(), value]));
        words.extend(self.of_engine().iter().map(|&word| word.to_owned()));
        words.push(self.image.clone());
        words.extend_from_slice(args);
        words
    }

    fn reachable(&self, own: Own) -> Vec<(&'static str, String)> {
        match &self.reached {
            Inside::Socket(folder) => {
                let mut words = vec![("--network", "none".into()), ("--mount", self.mount(folder))];
                words.extend(self.lets_us_connect(own));
                words
            }
            Inside::Port { outside, inside } => {
                vec![("--publish", format!("127.0.0.1:{outside}:{inside}"))]
            }
        }
    }

    /// Who connects to a socket must be able to write to it, and only root always is. The container of
    /// an ordinary user who has Podman may let everybody, because nobody else gets at its folder; under
    /// Docker, which is root, it runs as that user.
    fn lets_us_connect(&self, own: Own) -> Option<(&'static str, String)> {
        match self.containers.engine {
            _ if own.user == 0 => None,
            ContainerEngine::Podman => Some(("--umask", "0000".into())),
            ContainerEngine::Docker => Some(("--user", format!("{}:{}", own.user, own.group))),
        }
    }

    fn mount(&self, folder: &Path) -> String {
        let mount = format!("type=bind,source={},destination={MOUNT}", folder.display());
        match self.containers.engine {
            // For SELinux: the folder is for this container and no other.
            ContainerEngine::Podman => format!("{mount},relabel=private"),
            ContainerEngine::Docker => mount,
        }
    }

    /// A container is the same under both engines: Podman gives one more folders to write to, our
    /// proxies, and what systemd told us, unless it is told not to.
    const fn of_engine(&self) -> &'static [&'static str] {
        match self.containers.engine {
            ContainerEngine::Podman => {
                &["--read-only-tmpfs=false", "--http-proxy=false", "--sdnotify=ignore"]
            }
            ContainerEngine::Docker => &[],
        }
    }
}

/// An environment as engines read it from a file: a variable is a line.
pub(crate) fn environment_file(env: &BTreeMap<String, String>) -> String {
    env.iter().map(|(name, value)| format!("{name}={value}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(engine: ContainerEngine, reached: Inside, user: u32) -> String {
        let containers = Containers {
            engine,
            program: engine.program().into(),
            env: Vec::new(),
            folder: "/env/run/containers".into(),
        };
        let contained = Contained {
            containers,
            image: "a.b/c@sha256:0".into(),
            command: Some("/bin/c".into()),
            cpu_milli: Some(1_050),
            name: "greentic-x-r-web".into(),
            reached,
        };
        let args = ["--verbose".to_owned(), "a b".to_owned()];
        let limits = Limits { memory_mb: 64, files: 1_024, processes: 32 };
        let own = Own { user, group: user, files: 512, processes: u64::MAX };
        contained.create("r/web", &args, limits, own).join(" ")
    }

    #[test]
    fn a_container_may_do_next_to_nothing() {
        let hardened = "create --read-only --pull never --cap-drop all --security-opt \
                        no-new-privileges --name greentic-x-r-web --label \
                        greentic.environment=/env/run/containers --label greentic.workload=r/web \
                        --restart no --log-driver none --tmpfs /tmp --env-file /dev/stdin --memory \
                        64m --memory-swap 64m --pids-limit 32 --ulimit nofile=512:512 --ulimit \
                        nproc=16384:16384 --ulimit core=0:0 --cpus 1.050";
        let end = "a.b/c@sha256:0 --verbose a b";
        let mount = "--network none --mount type=bind,source=/tmp/x/run,destination=/run/greentic";
        let podman = "--read-only-tmpfs=false --http-proxy=false --sdnotify=ignore";
        for (engine, own) in [
            (
                ContainerEngine::Podman,
                format!("{mount},relabel=private --entrypoint /bin/c {podman}"),
            ),
            (ContainerEngine::Docker, format!("{mount} --entrypoint /bin/c")),
        ] {
            let words = words(engine, Inside::Socket("/tmp/x/run".into()), 0);
            assert_eq!(words, format!("{hardened} {own} {end}"));
        }
    }

    #[test]
    fn a_port_is_one_of_this_machine_alone() {
        let port = Inside::Port { outside: 40_001, inside: 3_000 };
        let words = words(ContainerEngine::Docker, port, 1_000);
        assert!(words.contains(" --publish 127.0.0.1:40001:3000 "), "{words}");
        assert!(!words.contains("--network") && !words.contains("--user"), "{words}");
    }

    #[test]
    fn who_is_not_root_is_let_to_the_socket() {
        for (engine, word) in [
            (ContainerEngine::Podman, " --umask 0000 "),
            (ContainerEngine::Docker, " --user 1000:1000 "),
        ] {
            let words = words(engine, Inside::Socket("/tmp/x/run".into()), 1_000);
            assert!(words.contains(word), "{words}");
        }
    }
}
