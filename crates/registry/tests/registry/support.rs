//! What every test needs: files, references, a client, a server of its own.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use axum::Router;
use deploy_spec::Fault;
use registry::{
    Artifact, Bases, Client, Folder, Limits, OciReference, Options, Progress, Pulled, Pushed,
    Reference, blocking, media,
};
use tempfile::TempDir;

/// Bounds that make a test quick: nothing waits for long.
pub(crate) fn limits() -> Limits {
    Limits {
        chunk_bytes: 1 << 20,
        pause: Duration::from_millis(1),
        attempts: 3,
        silence: Duration::from_secs(10),
        ..Limits::default()
    }
}

pub(crate) fn options() -> Options {
    Options { limits: limits(), ..Options::default() }
}

pub(crate) fn client() -> Client {
    Client::new(&options()).unwrap()
}

pub(crate) fn oci(text: &str) -> OciReference {
    match Reference::parse(text, &Bases::default()).unwrap() {
        Reference::Oci(reference) => reference,
        Reference::File(path) => panic!("{} is a file", path.display()),
    }
}

pub(crate) fn quiet(_: Progress) {}

/// A folder with one file that a bundle might be.
pub(crate) struct Desk {
    pub(crate) folder: TempDir,
}

impl Desk {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn open(&self) -> Folder {
        Folder::open(self.folder.path()).unwrap()
    }

    /// A file of so many bytes that do not repeat.
    pub(crate) fn file(&self, name: &str, size: usize) -> Artifact {
        let mut state = 0x9E37_79B9_7F4A_7C15_u64 ^ size as u64;
        let mut bytes = Vec::with_capacity(size + 8);
        while bytes.len() < size {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            bytes.extend_from_slice(&state.to_le_bytes());
        }
        bytes.truncate(size);
        std::fs::write(self.path(name), bytes).unwrap();
        Artifact {
            file: self.path(name),
            artifact_type: media::BUNDLE.into(),
            layer_media_type: media::BUNDLE_ZIP.into(),
            ..Artifact::default()
        }
    }
}

pub(crate) fn push(client: &Client, to: &str, artifact: &Artifact) -> Result<Pushed, Fault> {
    blocking::run(client.push(&oci(to), artifact, &quiet))
}

pub(crate) fn pull(client: &Client, from: &str, desk: &Desk) -> Result<Pulled, Fault> {
    let folder = desk.open();
    blocking::run(client.pull(&oci(from), media::BUNDLE_LAYERS, &folder, "got", &quiet))
}

pub(crate) fn same(a: &Path, b: &Path) -> bool {
    std::fs::read(a).unwrap() == std::fs::read(b).unwrap()
}

/// Serves on a free port as long as the process lives.
pub(crate) fn serve(router: Router) -> SocketAddr {
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            send.send(listener.local_addr().unwrap()).unwrap();
            axum::serve(listener, router).await.unwrap();
        });
    });
    receive.recv().unwrap()
}
