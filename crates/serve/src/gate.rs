//! The gate: what must hold before a revision takes traffic (law 4).

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bundle::Archive;
use bytes::Bytes;
use deploy_spec::{CheckStatus, Digest, Environment, Fault, GateCheck, Revision};
use http_body_util::Empty;
use serde_json::{Map, Value};
use store::EnvironmentStore;
use workload::{Engine, Workload};

use crate::bundle_config::BundleConfig;
use crate::staging::SIGNATURES;

/// What the gate said, and what it loaded to say so.
pub struct Proof {
    /// The checks, in order.
    pub gate: Vec<GateCheck>,
    /// The revision, loaded; none when a check failed.
    pub workload: Option<Arc<Workload>>,
}

/// Runs the gate of a revision. Blocks: it hashes, compiles and asks for readiness.
#[must_use]
pub fn prove(
    store: &EnvironmentStore,
    engine: &Engine,
    environment: &Environment,
    revision: &Revision,
) -> Proof {
    let mut run = Run::default();
    let path = store.artifact(&revision.bundle_digest);
    run.check("digest", || digest(&path, &revision.bundle_digest));
    run.check("signature", || signature(store, environment, revision));
    let loaded = run.check("packs", || packs(engine, &path, revision));
    if let Some((archive, _)) = &loaded {
        run.check("config", || config(archive, &revision.config));
    } else {
        run.check("config", || Ok((String::new(), ())));
    }
    run.check("secrets", || secrets(loaded.as_ref().map(|(archive, _)| archive)));
    run.check("readiness", || match &loaded {
        Some((archive, workload)) => readiness(archive, workload),
        None => Err("nothing was loaded".into()),
    });
    let workload = loaded.map(|(_, workload)| workload).filter(|_| !run.failed);
    Proof { gate: run.checks, workload }
}

#[derive(Default)]
struct Run {
    checks: Vec<GateCheck>,
    failed: bool,
}

impl Run {
    fn check<T>(
        &mut self,
        name: &str,
        ask: impl FnOnce() -> Result<(String, T), String>,
    ) -> Option<T> {
        let begin = Instant::now();
        let (status, detail, value) = if self.failed {
            (CheckStatus::Skipped, "an earlier check failed".to_owned(), None)
        } else {
            match ask() {
                Ok((detail, value)) => (CheckStatus::Pass, detail, Some(value)),
                Err(detail) => (CheckStatus::Fail, detail, None),
            }
        };
        self.failed |= status == CheckStatus::Fail;
        let millis = u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.checks.push(GateCheck { check: name.to_owned(), status, detail, millis });
        value
    }
}

type Said<T> = Result<(String, T), String>;

fn words(fault: Fault) -> String {
    match fault.hint {
        Some(hint) => format!("{} ({hint})", fault.message),
        None => fault.message,
    }
}

fn digest(path: &Path, recorded: &Digest) -> Said<()> {
    let (found, size) = bundle::digest_file(path).map_err(words)?;
    if found == *recorded {
        Ok((format!("{size} bytes hash to {found}"), ()))
    } else {
        Err(format!("the bundle hashes to {found}, recorded is {recorded}"))
    }
}

fn signature(store: &EnvironmentStore, environment: &Environment, revision: &Revision) -> Said<()> {
    let digest = &revision.bundle_digest;
    let envelope = store.get_beside(digest, SIGNATURES).map_err(words)?;
    let envelope = envelope.ok_or("the bundle is not signed")?;
    let signed = bundle::sign::verify(&envelope, digest, &environment.trust_root).map_err(words)?;
    Ok((format!("key {} vouches for it", signed.key_id), ()))
}

fn packs(engine: &Engine, path: &Path, revision: &Revision) -> Said<(Archive, Arc<Workload>)> {
    let archive = Archive::open(path).map_err(words)?;
    for pack in &archive.manifest().packs {
        let found = bundle::pack_digest(&archive, pack).map_err(words)?;
        let pinned = revision.pack_list.iter().find(|pinned| pinned.pack_id == pack.pack_id);
        if pinned.map(|pinned| &pinned.digest) != Some(&found) {
            return Err(format!("pack `{}` has digest {found}, which is not pinned", pack.pack_id));
        }
    }
    let loaded = engine.load(&archive, &revision.bundle_digest, &revision.config);
    let workload = Arc::new(loaded.map_err(words)?);
    Ok((format!("{} loaded", archive.manifest().packs.len()), (archive, workload)))
}

/// The configuration, held against the schema that the bundle brings.
fn config(archive: &Archive, config: &Map<String, Value>) -> Said<()> {
    let Some(schema) = BundleConfig::read(archive).map_err(words)? else {
        return Ok(("the bundle has no config schema".into(), ()));
    };
    let problems = schema.problems(config, "");
    if problems.is_empty() {
        return Ok((format!("it fits `{}`", schema.path()), ()));
    }
    let told = problems.iter().map(|problem| format!("{}: {}", problem.pointer, problem.message));
    Err(told.collect::<Vec<_>>().join("; "))
}

/// No slot of this program holds secrets yet, so a bundle that cannot run without one cannot run.
fn secrets(archive: Option<&Archive>) -> Said<()> {
    let needs = archive.map_or(&[][..], |archive| archive.manifest().secrets.as_slice());
    let missing: Vec<&str> =
        needs.iter().filter(|need| need.required).map(|need| need.name.as_str()).collect();
    if missing.is_empty() {
        Ok((format!("{} needed, none missing", needs.len()), ()))
    } else {
        Err(format!("no value for {}", missing.join(", ")))
    }
}

fn readiness(archive: &Archive, workload: &Arc<Workload>) -> Said<()> {
    let health = archive.manifest().health.as_ref();
    let path = health.map_or("/", |health| health.readiness_path.as_str());
    let timeout = Duration::from_millis(health.map_or(2_000, |health| health.timeout_ms).into());
    let request = http::Request::get(path)
        .header(http::header::HOST, "localhost")
        .body(Empty::<Bytes>::new())
        .map_err(|error| format!("`{path}` cannot be asked for: {error}"))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("no runtime for the probe: {error}"))?;
    let answer =
        runtime.block_on(async { tokio::time::timeout(timeout, workload.respond(request)).await });
    let status = match answer {
        Ok(response) => response.status(),
        Err(_) => {
            return Err(format!("GET {path} was not answered within {} ms", timeout.as_millis()));
        }
    };
    let green = match health {
        Some(_) => (200..400).contains(&status.as_u16()),
        None => status.as_u16() < 500,
    };
    let said = format!("GET {path} answered {}", status.as_u16());
    if green { Ok((said, ())) } else { Err(said) }
}
