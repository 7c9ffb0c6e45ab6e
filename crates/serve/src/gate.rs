//! The gate: what must hold before a revision takes traffic (law 4).

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bundle::Archive;
use bundle::sign::Trust;
use bytes::Bytes;
use control::revisions::GateReport;
use deploy_spec::{
    CheckStatus, Digest, Environment, Fault, GateCheck, Pinned, PinnedSecret, Revision, SecretRef,
};
use http_body_util::Empty;
use serde_json::{Map, Value};
use store::EnvironmentStore;
use workload::{Because, Engine, Failure, Given, Workload};

use crate::ambient::now;
use crate::bundle_config::BundleConfig;
use crate::secrets::{pins, with_secrets};
use crate::staging::SIGNATURES;

/// What the gate said, and what it loaded to say so.
pub struct Proof {
    /// The checks, in order, and what they were made with.
    pub report: GateReport,
    /// The revision, loaded; none when a check failed.
    pub workload: Option<Arc<Workload>>,
}

/// Runs the gate of a revision. Blocks: it hashes, pulls images, compiles and asks for readiness.
#[must_use]
pub fn prove(
    store: &EnvironmentStore,
    engine: &Engine,
    environment: &Environment,
    revision: &Revision,
) -> Proof {
    let mut run = Run::default();
    let path = store.artifact(&revision.bundle_digest);
    let archive = run.check("digest", || digest(&path, &revision.bundle_digest));
    run.check("signature", || signature(store, environment, revision));
    let opened = || archive.as_ref().ok_or_else(|| "the bundle was not opened".to_owned());
    run.check("config", || config(opened()?, &revision.config));
    let given = run.check("secrets", || secrets(store, opened()?, revision));
    let (secrets, given) = given.unzip();
    let loaded = run
        .check("packs", || packs(engine, opened()?, revision, &given.ok_or("nothing was given")?));
    run.check("readiness", || match &loaded {
        Some(workload) => readiness(opened()?, workload),
        None => Err("nothing was loaded".into()),
    });
    let workload = loaded.filter(|_| !run.failed);
    let pinned =
        Pinned { engine: engine.version().to_owned(), secrets: secrets.unwrap_or_default() };
    Proof { report: GateReport { checks: run.checks, pinned }, workload }
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

fn digest(path: &Path, recorded: &Digest) -> Said<Archive> {
    let (found, size) = bundle::digest_file(path).map_err(words)?;
    if found != *recorded {
        return Err(format!("the bundle hashes to {found}, recorded is {recorded}"));
    }
    Ok((format!("{size} bytes hash to {found}"), Archive::open(path).map_err(words)?))
}

fn signature(store: &EnvironmentStore, environment: &Environment, revision: &Revision) -> Said<()> {
    let digest = &revision.bundle_digest;
    let envelope = store.get_beside(digest, SIGNATURES).map_err(words)?;
    let envelope = envelope.ok_or("the bundle is not signed")?;
    let signed =
        bundle::sign::verify(&envelope, digest, Trust::of(environment, now())).map_err(words)?;
    Ok((format!("key {} vouches for it", signed.key_id), ()))
}

fn packs(
    engine: &Engine,
    archive: &Archive,
    revision: &Revision,
    given: &Given,
) -> Said<Arc<Workload>> {
    for pack in &archive.manifest().packs {
        let found = bundle::pack_digest(archive, pack).map_err(words)?;
        let pinned = revision.pack_list.iter().find(|pinned| pinned.pack_id == pack.pack_id);
        if pinned.map(|pinned| &pinned.digest) != Some(&found) {
            return Err(format!("pack `{}` has digest {found}, which is not pinned", pack.pack_id));
        }
    }
    engine.fetch(archive.manifest()).map_err(words)?;
    let loaded = engine.load(archive, &revision.bundle_digest, given);
    let workload = Arc::new(loaded.map_err(words)?);
    Ok((format!("{} loaded", archive.manifest().packs.len()), workload))
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

/// Every secret that the bundle cannot do without has a value, and the values can be opened: which
/// versions these are, and what the workload is given of them.
fn secrets(
    store: &EnvironmentStore,
    archive: &Archive,
    revision: &Revision,
) -> Said<(Vec<PinnedSecret>, Given)> {
    let needs = &archive.manifest().secrets;
    let is_required = |reference: &&SecretRef| {
        let name = reference.path();
        let name = name.as_str().rsplit('/').next().unwrap_or_default().to_owned();
        needs.iter().any(|need| need.required && need.name.as_str() == name)
    };
    let view = store.read().map_err(words)?;
    let pins = pins(&view, revision.pinned.as_ref(), &revision.secret_refs).map_err(words)?;
    let has_value = |reference: &&SecretRef| pins.iter().any(|pin| pin.secret == **reference);
    let wanted = revision.secret_refs.iter().filter(is_required);
    let missing: Vec<String> =
        wanted.filter(|it| !has_value(it)).map(|it| it.path().to_string()).collect();
    if !missing.is_empty() {
        return Err(format!(
            "no value for {} (gtc op secrets put {})",
            missing.join(", "),
            missing[0]
        ));
    }
    let given = with_secrets(store, &view, &revision.config, &pins).map_err(words)?;
    let given = Given { name: revision.revision_id.to_string(), ..given };
    Ok((format!("{} needed, none missing", needs.len()), (pins, given)))
}

fn readiness(archive: &Archive, workload: &Arc<Workload>) -> Said<()> {
    workload.wait_until_ready().map_err(words)?;
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
    let (status, because, failure) = match answer {
        Ok(response) => {
            let said = response.extensions();
            (response.status(), said.get::<Because>().cloned(), said.get::<Failure>().copied())
        }
        Err(_) => {
            return Err(format!("GET {path} was not answered within {} ms", timeout.as_millis()));
        }
    };
    let green = match health {
        Some(_) => (200..400).contains(&status.as_u16()),
        // A server of gRPC gives up on whatever is no call: that shows that it is there.
        None => status.as_u16() < 500 || failure == Some(Failure::GaveUp),
    };
    let because = because.map(|because| format!(": {}", because.0)).unwrap_or_default();
    let said = format!("GET {path} answered {}{because}", status.as_u16());
    if green { Ok((said, ())) } else { Err(said) }
}
