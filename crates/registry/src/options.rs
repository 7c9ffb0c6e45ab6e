//! How registries are talked to, as the caller settled it from flags and environment variables.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// Where a registry may be talked to without TLS.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PlainHttp {
    /// On this machine only, where TLS is tried first.
    #[default]
    Loopback,
    /// Everywhere, and TLS is not tried: what `--plain-http` says.
    Everywhere,
}

/// How registries are talked to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// Where TLS may be missing.
    pub plain_http: PlainHttp,
    /// A PEM file of certificates that are trusted besides those of the system.
    pub ca_file: Option<PathBuf>,
    /// Docker's configuration with the credentials: `$DOCKER_CONFIG/config.json`, usually
    /// `~/.docker/config.json`. Absent, or a file that does not exist: anonymous.
    pub docker_config: Option<PathBuf>,
    /// Where Docker's credential helpers are looked for: the value of `PATH`.
    pub helper_path: OsString,
    /// Where is kept how to go on with uploads that broke off; absent: each push begins anew.
    pub uploads: Option<PathBuf>,
    /// What a server may send and how long it may take.
    pub limits: Limits,
}

/// Bounds on everything that a server sends and on how long it takes.
///
/// The defaults are what every verb uses; tests make them smaller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a manifest, and of an index of referrers: 4 MiB, as the specification asks
    /// registries to take.
    pub manifest_bytes: usize,
    /// Bytes of a layer: 4 GiB.
    pub layer_bytes: u64,
    /// Bytes of a signature envelope: 1 MiB.
    pub envelope_bytes: u64,
    /// Signatures of one artifact: 64.
    pub signatures: usize,
    /// Bytes of any other answer (tokens, error messages): 256 KiB.
    pub answer_bytes: usize,
    /// Pages of one list: 32.
    pub pages: usize,
    /// Redirects followed for one request: 5.
    pub redirects: usize,
    /// Bytes of one piece of an upload; smaller blobs are sent at once: 16 MiB.
    pub chunk_bytes: u64,
    /// How often whoever sends a blob is told how far it is: 100 ms.
    pub tick: Duration,
    /// How often a transfer goes on after it broke off without a byte of progress: 7, which
    /// with the pauses is about 25 s.
    pub attempts: u32,
    /// The first pause before it goes on; each one after that is twice as long: 200 ms.
    pub pause: Duration,
    /// Until a connection stands, TLS included: 10 s.
    pub connect: Duration,
    /// Without a byte in either direction: 30 s.
    pub silence: Duration,
    /// For one small answer as a whole, and for a credential helper: 60 s.
    pub answer: Duration,
    /// For one layer as a whole: 1 hour.
    pub transfer: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            manifest_bytes: 4 << 20,
            layer_bytes: 4 << 30,
            envelope_bytes: 1 << 20,
            signatures: 64,
            answer_bytes: 256 << 10,
            pages: 32,
            redirects: 5,
            chunk_bytes: 16 << 20,
            tick: Duration::from_millis(100),
            attempts: 7,
            pause: Duration::from_millis(200),
            connect: Duration::from_secs(10),
            silence: Duration::from_secs(30),
            answer: Duration::from_secs(60),
            transfer: Duration::from_secs(3600),
        }
    }
}
