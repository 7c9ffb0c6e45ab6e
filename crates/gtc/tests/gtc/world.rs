//! A machine of one's own: a folder, a `gtc`, and the example's bundles.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use harness::{Folder, Gtc};
use serde_json::Value;

pub(crate) struct World {
    pub(crate) gtc: Gtc,
    pub(crate) folder: Folder,
}

/// The checkout.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap()
}

/// The example, with its components built; nextest runs each test in a process of its own, so the
/// build is kept apart by a lock.
pub(crate) fn example() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let built = BUILT.get_or_init(|| {
        let folder = root().join("examples/hello");
        let lock = std::env::temp_dir().join("gtc-example.lock");
        let script = format!("flock '{}' sh build.sh", lock.display());
        let status = Command::new("sh").args(["-c", &script]).current_dir(&folder).status();
        assert!(status.unwrap().success(), "the example does not build");
        folder
    });
    built.clone()
}

impl World {
    /// Nothing yet.
    pub(crate) fn new() -> Self {
        let folder = Folder::new().unwrap();
        let gtc = Gtc::new(PathBuf::from(env!("CARGO_BIN_EXE_gtc")), folder.path());
        Self { gtc, folder }
    }

    /// `local`, and both bundles of the example.
    pub(crate) fn with_bundles() -> (Self, [String; 2]) {
        let world = Self::new();
        world.op("env init", &[]);
        let bundles = ["v1", "v2"].map(|version| world.bundle(version));
        (world, bundles)
    }

    /// A version of the example, built.
    pub(crate) fn bundle(&self, version: &str) -> String {
        let file = self.file(&format!("{version}.gtbundle"));
        let dir = example().join(version);
        self.gtc.run(&["bundle", "build", dir.to_str().unwrap(), "--output", &file]).unwrap();
        file
    }

    pub(crate) fn file(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    pub(crate) fn op(&self, verb: &str, words: &[&str]) -> Value {
        self.gtc.op(verb, words).unwrap()
    }

    /// A deployment of the example with both versions ready; its id and its revisions.
    pub(crate) fn deployed(
        &self,
        bundles: &[String; 2],
        host: &str,
        path: &str,
    ) -> (String, [String; 2]) {
        let added = self.op("bundles add", &["hello", "--host", host, "--path", path]);
        let id = added["deployment_id"].as_str().unwrap().to_owned();
        let revisions = [0, 1].map(|i| {
            let staged = self.op("revisions stage", &[&bundles[i], "--deployment", &id]);
            let revision = staged["revision_id"].as_str().unwrap().to_owned();
            self.op("revisions warm", &[&revision]);
            revision
        });
        (id, revisions)
    }

    pub(crate) fn set(&self, deployment: &str, shares: &[&str]) -> Value {
        let mut words = vec!["local", "--deployment", deployment];
        words.extend_from_slice(shares);
        self.op("traffic set", &words)
    }

    /// What somebody at a terminal sees, who waits for each prompt and then types.
    /// `script` (util-linux) gives a command a terminal.
    pub(crate) fn on_a_terminal(&self, words: &str, typed: &[(&str, &str)]) -> String {
        let gtc = self.gtc.command(&[]);
        let arguments: Vec<&str> = gtc.get_args().map(|word| word.to_str().unwrap()).collect();
        let binary = gtc.get_program().to_str().unwrap();
        let line = format!("{binary} {words} {}", arguments.join(" "));
        let mut script = Command::new("script")
            .args(["--quiet", "--return", "--command", &line, "/dev/null"])
            .env("TERM", "xterm-256color")
            .env_remove("NO_COLOR")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (mut keys, mut screen) = (script.stdin.take().unwrap(), script.stdout.take().unwrap());
        let (mut seen, mut answered) = (Vec::new(), 0);
        for (prompt, text) in typed {
            while !String::from_utf8_lossy(&seen[answered..]).contains(prompt) {
                let mut piece = [0; 4096];
                let read = screen.read(&mut piece).unwrap();
                let told = String::from_utf8_lossy(&seen);
                assert_ne!(read, 0, "`{prompt}` was never asked: {told}");
                seen.extend_from_slice(&piece[..read]);
            }
            answered = seen.len();
            keys.write_all(text.as_bytes()).unwrap();
        }
        drop(keys);
        screen.read_to_end(&mut seen).unwrap();
        script.wait().unwrap();
        String::from_utf8(seen).unwrap()
    }

    /// What failed: exit code and error, with nothing on standard output.
    pub(crate) fn refused(&self, words: &[&str], input: &str) -> (i32, Value) {
        let ended = self.gtc.end(words, input.as_bytes()).unwrap();
        assert_ne!(ended.code, 0, "{words:?} succeeded: {}", ended.stdout);
        assert_eq!(ended.stdout, "", "{words:?}");
        let envelope: Value = serde_json::from_str(&ended.stderr)
            .unwrap_or_else(|error| panic!("{words:?}: {error}: {}", ended.stderr));
        (ended.code, envelope)
    }
}
