//! Reads a description, and says everything that is wrong with it.

use crate::problem::Problem;
use crate::read::{At, Object, Problems};
use crate::yaml::{self, Value};

use super::check::{self, Written};
use super::only::{ApiVersion, Arch, DocumentKind, Format, Generate, Manager, Strategy, Target};
use super::text::{AccountName, AdminBind, DeploymentName, HttpPath, Listen, MachinePath};
use super::{Admin, Bundle, Deployment, Health, Metadata, Mtls, MtlsFiles, Program, Rollout};
use super::{BundleSource, Runtime, Service, Spec, Storage};

const TYPE_SOURCE: &str =
    "write `source: /path/to/hello.gtbundle`, or `oci://…`, or `https://…` with `digest:`";
const TYPE_DIGEST: &str = "`gtc bundle inspect FILE` prints it";
const TYPE_PATH: &str = "write the whole path, from `/`";
const TYPE_BIND: &str = "write `bind: 127.0.0.1:8433`, and reach it from afar through `ssh -L`";
const TYPE_MTLS: &str =
    "write `mtls: generate`, or `mtls:` with `caFile`, `certFile` and `keyFile`";
const TYPE_USER: &str = "write `user: greentic`";

/// How long a start may take at least and at most, in seconds.
const STARTUP_SECONDS: std::ops::RangeInclusive<u32> = 1..=3600;

impl Deployment {
    /// Reads a description out of YAML or JSON.
    ///
    /// # Errors
    /// Every problem in it, in the order of the text.
    pub fn parse(text: &str) -> Result<Self, Vec<Problem>> {
        let tree = yaml::parse(text).map_err(|problem| vec![problem])?;
        let problems = Problems::default();
        let read = document(&tree, &problems);
        let found = problems.sorted();
        match read {
            Some(deployment) if found.is_empty() => Ok(deployment),
            _ => Err(found),
        }
    }
}

fn document(tree: &yaml::Node, problems: &Problems) -> Option<Deployment> {
    let mut root = Object::root(tree, problems);
    let api_version =
        root.required::<ApiVersion>("apiVersion", "write `apiVersion: greentic.ai/v1alpha1`");
    let kind = root.required::<DocumentKind>("kind", "write `kind: Deployment`");
    let mut metadata = root.object("metadata");
    let name = metadata.required::<DeploymentName>("name", "write `metadata: {name: hello}`");
    metadata.close();
    let spec = root.object("spec");
    root.close();
    let spec = spec_of(spec, name.as_ref(), problems);
    Some(Deployment {
        api_version: api_version?.value,
        kind: kind?.value,
        metadata: Metadata { name: name?.value },
        spec: spec?,
    })
}

fn spec_of(
    mut spec: Object<'_>,
    name: Option<&At<DeploymentName>>,
    problems: &Problems,
) -> Option<Spec> {
    let target = spec.text::<Target>("target", "write `target: single-vm`");
    let bundle = bundle(spec.object("bundle"), problems);
    let mut written = Written::default();
    let runtime = runtime(spec.object("runtime"), problems, &mut written);
    let storage = storage(spec.object("storage"), name, &mut written);
    let service = service(spec.object("service"), name, problems);
    let health = health(spec.object("health"));
    let mut rollout = spec.object("rollout");
    let strategy = rollout.text::<Strategy>("strategy", "write `strategy: blue-green`");
    rollout.close();
    spec.close();
    check::together(name.map(|name| &name.value), &written, problems);
    Some(Spec {
        target: target.map_or(Target::SingleVm, |at| at.value),
        bundle: bundle?,
        runtime: runtime?,
        storage: storage?,
        service: service?,
        health,
        rollout: Rollout { strategy: strategy.map_or(Strategy::BlueGreen, |at| at.value) },
    })
}

fn bundle(mut bundle: Object<'_>, problems: &Problems) -> Option<Bundle> {
    let source = bundle.required::<BundleSource>("source", TYPE_SOURCE);
    let digest = bundle.text("digest", TYPE_DIGEST);
    let format = bundle.text::<Format>("format", "write `format: squashfs`");
    let has_digest = bundle.node("digest").is_some();
    bundle.close();
    if let Some(source) = &source {
        check::pinned(source, has_digest, problems);
    }
    Some(Bundle {
        source: source?.value,
        digest: digest.map(|at| at.value),
        format: format.map_or(Format::Squashfs, |at| at.value),
    })
}

fn runtime(mut runtime: Object<'_>, problems: &Problems, written: &mut Written) -> Option<Runtime> {
    let binary = runtime.text("binary", TYPE_PATH);
    let image = runtime.text("image", "write `image: registry.example/gtc:1.4.0`");
    let arch = runtime.text::<Arch>("arch", "write `arch: x86_64`");
    written.listen = runtime.text("listen", "write `listen: 0.0.0.0:8080`");
    let both = runtime.node("binary").zip(runtime.node("image"));
    if let Some((_, image)) = both {
        let why = "`binary` and `image` are two ways to run the same; only one can be meant";
        problems.add(&image.spot, why, "remove one of them");
    }
    let admin = admin(runtime.object("admin"), problems, written);
    runtime.close();
    let program = match (binary, image) {
        (Some(path), _) => Program::Binary(path.value),
        (None, Some(name)) => Program::Image(name.value),
        (None, None) => Program::This,
    };
    let listen = written.listen.as_ref().map_or(Listen::DEFAULT, |at| at.value);
    let arch = arch.map_or(Arch::X86_64, |at| at.value);
    Some(Runtime { program, arch, listen, admin: admin? })
}

fn admin(mut admin: Object<'_>, problems: &Problems, written: &mut Written) -> Option<Admin> {
    let is_named = !admin.is_empty();
    written.admin = admin.text("bind", TYPE_BIND);
    let bind = written.admin.as_ref().map_or(AdminBind::DEFAULT, |at| at.value);
    let mtls = match admin.node("mtls") {
        Some(At { value, .. }) if matches!(value.value, Value::Map(_)) => {
            files(admin.object("mtls"), problems).map(Mtls::Files)
        }
        Some(At { value, spot }) => mtls_word(&value.value, problems, &spot).map(Mtls::Generate),
        None if is_named => {
            let why = "the admin endpoint demands client certificates, and no flag turns that off";
            problems.add(&admin.spot_of("mtls"), why, TYPE_MTLS);
            None
        }
        None => Some(Mtls::Generate(Generate::Generate)),
    };
    admin.close();
    Some(Admin { bind, mtls: mtls? })
}

/// Whatever is not `generate` (`off`, `false`, a list) would be no client certificates.
fn mtls_word(value: &Value, problems: &Problems, spot: &crate::read::Spot) -> Option<Generate> {
    let text = match value {
        Value::Plain(text) | Value::Quoted(text) => text.as_str(),
        Value::List | Value::Map(_) => "a list",
    };
    text.parse().map_err(|why: String| problems.add(spot, why, TYPE_MTLS)).ok()
}

fn files(mut files: Object<'_>, problems: &Problems) -> Option<MtlsFiles> {
    let mut file = |name| files.required::<MachinePath>(name, TYPE_PATH);
    let (ca, cert, key) = (file("caFile"), file("certFile"), file("keyFile"));
    files.close();
    if let (Some(cert), Some(key)) = (&cert, &key)
        && cert.value == key.value
    {
        let why = "a key in the file of its certificate would be shown with it";
        problems.add(&key.spot, why, "put the key in a file of its own, of mode 0600");
    }
    Some(MtlsFiles { ca_file: ca?.value, cert_file: cert?.value, key_file: key?.value })
}

fn storage(
    mut storage: Object<'_>,
    name: Option<&At<DeploymentName>>,
    written: &mut Written,
) -> Option<Storage> {
    let name = name.map_or("NAME", |name| name.value.as_str());
    let mut directory = |field: &'static str, usual: String| {
        let given = storage.text::<MachinePath>(field, TYPE_PATH);
        let is_wrong = given.is_none() && storage.node(field).is_some();
        let at = given.unwrap_or_else(|| At {
            value: MachinePath::ours(&usual),
            spot: storage.spot_of(field),
        });
        (!is_wrong).then(|| {
            written.writable.push((field, at.clone()));
            at.value
        })
    };
    let state_dir = directory("stateDir", format!("/var/lib/greentic/{name}/state"));
    let cache_dir = directory("cacheDir", format!("/var/cache/greentic/{name}"));
    let log_dir = directory("logDir", format!("/var/log/greentic/{name}"));
    let temp_dir = directory("tempDir", format!("/var/lib/greentic/{name}/tmp"));
    storage.close();
    Some(Storage {
        state_dir: state_dir?,
        cache_dir: cache_dir?,
        log_dir: log_dir?,
        temp_dir: temp_dir?,
    })
}

fn service(
    mut service: Object<'_>,
    name: Option<&At<DeploymentName>>,
    problems: &Problems,
) -> Option<Service> {
    let manager = service.text::<Manager>("manager", "write `manager: systemd`");
    let mut user = service.text::<AccountName>("user", TYPE_USER);
    if service.node("user").is_none()
        && let Some(name) = name
    {
        let usual = format!("greentic-{}", name.value);
        let spot = service.spot_of("user");
        user = usual.parse().ok().map(|value| At { value, spot: spot.clone() });
        if user.is_none() {
            let why = format!("the user would be called `{usual}`, which is too long for one");
            problems.add(&spot, why, TYPE_USER);
        }
    }
    let group = service.text::<AccountName>("group", "write `group: greentic`");
    let has_group = service.node("group").is_some();
    service.close();
    let user = user?.value;
    let group = if has_group { group?.value } else { user.clone() };
    Some(Service { manager: manager.map_or(Manager::Systemd, |at| at.value), user, group })
}

fn health(mut health: Object<'_>) -> Health {
    let mut path = |field, usual: &str| {
        let at = health.text::<HttpPath>(field, &format!("write `{field}: {usual}`"));
        at.map_or_else(|| HttpPath::ours(usual), |at| at.value)
    };
    let readiness_path = path("readinessPath", "/readyz");
    let liveness_path = path("livenessPath", "/healthz");
    let why = "a start that never ends would never be rolled back";
    let seconds = health.number("startupTimeoutSeconds", STARTUP_SECONDS, why);
    health.close();
    let startup_timeout_seconds = seconds.map_or(60, |at| at.value);
    Health { readiness_path, liveness_path, startup_timeout_seconds }
}

#[cfg(test)]
mod tests;
