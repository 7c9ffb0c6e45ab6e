//! `gtc op env doctor`: finds out what the rule decides on.

use control::Lookup as _;
use control::env::{
    CertificateKnown, DoctorFacts, PackKnown, doctor as decide, living, needed_artifacts,
    pinned_values, runs_proven,
};
use deploy_spec::{Descriptor, Digest, Environment, Fault, Timestamp};
use env_pack::Registry;
use serde_json::json;
use serve::{DevStore, ambient, client, holds_value};
use store::EnvironmentStore;
use workload::{Engine, EngineSettings};

use crate::globals::{Globals, InEnvironment};
use crate::outcome::Success;
use crate::programs::container_engine;

pub(crate) fn doctor(globals: &Globals, at: &InEnvironment) -> Result<Success, Fault> {
    let store = globals.readable(("env", "doctor"), &at.environment)?;
    let facts = facts(&store)?;
    let diagnosis = decide(&store.read()?, &facts)?;
    if diagnosis.healthy {
        return Success::of(&diagnosis);
    }
    let first = diagnosis.findings.iter().find(|f| f.severity == control::env::Severity::Error);
    let (message, mend) = first.map_or_else(
        || (String::new(), String::new()),
        |finding| (finding.message.clone(), finding.mend.clone()),
    );
    let mut fault = Fault::unhealthy(format!("`{}` is not sound: {message}", at.environment));
    fault.hint = Some(mend);
    if let serde_json::Value::Object(fields) = json!(diagnosis) {
        fault.details.extend(fields);
    }
    Err(fault)
}

fn facts(store: &EnvironmentStore) -> Result<DoctorFacts, Fault> {
    let place = |path: &str| store.folder().join(path).display().to_string();
    let permissions = store.permission_problems()?.into_iter();
    let audit = store.audit_verify()?.problems.into_iter();
    let view = store.read()?;
    let living = living(&view)?;
    let (held, missing_artifacts): (Vec<Digest>, Vec<Digest>) =
        needed_artifacts(&living).into_iter().partition(|digest| store.artifact(digest).exists());
    let mut bundle_findings = Vec::new();
    for digest in held {
        // One that cannot be opened is what the check of its digest is for.
        let Ok(scan) = bundle::scan(&store.artifact(&digest)) else { continue };
        let told = scan.findings.iter().map(|it| format!("{} ({})", it.path, it.rule));
        bundle_findings.extend(told.map(|told| (digest.clone(), told)));
    }
    // Nothing to look for, and no key to make, where there is no secret.
    let has_secrets = !view.secret_paths()?.is_empty();
    let leaks = if has_secrets { DevStore::open(store)?.leaks(&view)? } else { Vec::new() };
    let missing_values = pinned_values(&living).into_iter();
    let missing_values = missing_values.filter(|value_ref| !holds_value(store, value_ref));
    let engine = if runs_proven(&living) { Some(engine_version()?) } else { None };
    let (packs, broken_packs) = packs(store, &view.environment()?)?;
    drop(view);
    let DataPlane { problem, admin_certificate_ends, certificates } = data_plane(store);
    Ok(DoctorFacts {
        now: ambient::now(),
        packs,
        broken_packs,
        permissions: permissions.map(|p| (place(&p.path), p.found, p.wanted)).collect(),
        strays: store.stray_files()?.iter().map(|path| place(path)).collect(),
        audit: audit
            .map(|p| match p.line {
                Some(line) => format!("`{}` line {line}: {}", p.file, p.why),
                None => format!("`{}`: {}", p.file, p.why),
            })
            .collect(),
        missing_artifacts,
        bundle_findings,
        missing_values: missing_values.collect(),
        engine,
        container_engine: container_engine(),
        leaks,
        free_bytes: ambient::free_bytes(store.folder()),
        data_plane: problem,
        admin_certificate_ends,
        certificates,
    })
}

/// An env-pack that cannot be used, why, and what to type.
type Broken = (Descriptor, String, String);

/// What is known of the env-packs that are bound; those from elsewhere say it themselves, if they
/// can.
fn packs(
    store: &EnvironmentStore,
    environment: &Environment,
) -> Result<(Vec<PackKnown>, Vec<Broken>), Fault> {
    let registry = Registry::builtin()?;
    let (mut known, mut broken) = (Vec::new(), Vec::new());
    for binding in &environment.bindings {
        let kind = binding.kind.clone();
        let own = match serve::env_packs::handler(store, environment, binding) {
            Ok(own) => own,
            Err(fault) => {
                let update = || format!("gtc op env-packs update {} {}", store.id(), binding.slot);
                broken.push((kind, fault.message, fault.hint.unwrap_or_else(update)));
                continue;
            }
        };
        let handler = own.as_ref().or_else(|| registry.get(&kind));
        let slot = handler.map(|handler| handler.slot);
        let supported = handler.is_some_and(|handler| handler.supports(&kind));
        known.push(PackKnown { kind, slot, supported });
    }
    Ok((known, broken))
}

/// The version of this program's engine; how many instances it has is no part of it.
fn engine_version() -> Result<String, Fault> {
    let engine = Engine::new(EngineSettings { instances: 1, ..EngineSettings::default() })?;
    Ok(engine.version().to_owned())
}

/// What a running data plane says of itself.
#[derive(Default)]
struct DataPlane {
    /// Why it does not serve the newest state.
    problem: Option<String>,
    admin_certificate_ends: Option<Timestamp>,
    certificates: Vec<CertificateKnown>,
}

fn data_plane(store: &EnvironmentStore) -> DataPlane {
    match client::status(store.folder()) {
        Ok(Some(status)) => DataPlane {
            problem: status.problem.map(|problem| problem.message),
            admin_certificate_ends: status.admin_certificate_ends,
            certificates: status.certificates.into_iter().map(known).collect(),
        },
        Ok(None) => DataPlane::default(),
        Err(fault) => DataPlane { problem: Some(fault.message), ..DataPlane::default() },
    }
}

fn known(certificate: serve::CertificateStatus) -> CertificateKnown {
    let serve::CertificateStatus { name, file, ends, problem, .. } = certificate;
    let file = file.map(|file| file.display().to_string());
    let problem = problem.map(|fault| (fault.message, fault.hint.unwrap_or_default()));
    CertificateKnown { name, file, ends, problem }
}
