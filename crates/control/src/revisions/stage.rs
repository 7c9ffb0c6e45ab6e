//! `revisions stage`: pins a bundle as the next revision of a deployment.

use deploy_spec::revision::{DRAIN_SECONDS, DRAIN_SECONDS_MAX, RevisionSchema};
use deploy_spec::{
    BundleId, DeploymentId, DeploymentRecord, Digest, Fault, Lifecycle, PinnedPack, Revision,
    RevisionId, SecretNeed, SecretPath, SecretRef, Signature, document,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::config::{Declared, effective};
use crate::draft::Draft;
use crate::handle::{Handle, resolve_deployment};
use crate::mechanism::Verb;
use crate::record::{Record, RevisionHome, RevisionHomeSchema};
use crate::view::Lookup as _;

/// `revisions stage`.
pub struct Stage;

/// The answers of `revisions stage`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StageAnswers {
    /// Whose next revision; the bundle's only deployment when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment_id: Option<Handle>,
    /// A path, `file://…`, `oci://…`, `repo://…`, `store://…`, or the digest of a bundle that the
    /// environment already holds.
    pub bundle: String,
    /// The digest that the bundle must have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bundle_digest: Option<Digest>,
    /// How long streams may live on once it drains, in seconds; the bundle's own value, or 30,
    /// when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 86_400))]
    pub drain_seconds: Option<u32>,
}

/// What must be known of a bundle before it is staged. Its bytes are already in the environment.
#[derive(Debug, Clone, PartialEq)]
pub struct StagedBundle {
    /// The bundle's name.
    pub bundle_id: BundleId,
    /// The version it gives itself.
    pub version: semver::Version,
    /// Where it came from, when that says more than what was asked for: a tag with the digest that
    /// it stood for.
    pub source: Option<String>,
    /// The digest of its bytes.
    pub digest: Digest,
    /// The size of its bytes.
    pub size_bytes: u64,
    /// Its packs.
    pub pack_list: Vec<PinnedPack>,
    /// The secrets it reads.
    pub secrets: Vec<SecretNeed>,
    /// How long it wants to drain, in seconds.
    pub drain_seconds: Option<u32>,
    /// What it says of its configuration.
    pub config: Declared,
    /// Which trusted key vouches for it.
    pub signature: Option<Signature>,
    /// Why none does, when a signature is there.
    pub objection: Option<Box<Fault>>,
}

/// The result of `revisions stage`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StageOutcome {
    /// Whose revision.
    pub deployment_id: DeploymentId,
    /// The revision.
    pub revision_id: RevisionId,
    /// Its bundle.
    pub bundle_id: BundleId,
    /// The version the bundle gives itself.
    pub version: semver::Version,
    /// The digest of its bytes.
    pub bundle_digest: Digest,
    /// `staged`.
    pub lifecycle: Lifecycle,
    /// What `r1` means.
    pub sequence: u64,
}

impl Verb for Stage {
    const NOUN: &'static str = "revisions";
    const OP: &'static str = "stage";
    type Answers = StageAnswers;
    type Facts = StagedBundle;
    type Outcome = StageOutcome;

    fn rule(
        answers: &StageAnswers,
        bundle: &StagedBundle,
        draft: &mut Draft<'_>,
    ) -> Result<StageOutcome, Fault> {
        let mut record = resolve_deployment(draft.view(), Some(&whose(answers, bundle)?))?;
        draft.target(record.deployment.deployment_id, Some(record.deployment.generation))?;
        check(answers, bundle, &record)?;
        record.deployment.last_sequence += 1;
        record.deployment.generation += 1;
        draft.becomes(record.deployment.generation);
        let revision = pin(answers, bundle, &record, draft)?;
        let outcome = StageOutcome {
            deployment_id: revision.deployment_id,
            revision_id: revision.revision_id,
            bundle_id: revision.bundle_id.clone(),
            version: revision.version.clone(),
            bundle_digest: revision.bundle_digest.clone(),
            lifecycle: revision.lifecycle,
            sequence: revision.sequence,
        };
        draft.put(Record::RevisionHome(RevisionHome {
            schema: RevisionHomeSchema,
            revision_id: revision.revision_id,
            deployment_id: revision.deployment_id,
        }));
        draft.put(Record::Revision(revision));
        draft.put(Record::Deployment(record));
        Ok(outcome)
    }
}

fn whose(answers: &StageAnswers, bundle: &StagedBundle) -> Result<Handle, Fault> {
    match &answers.deployment_id {
        Some(handle) => Ok(handle.clone()),
        None => bundle.bundle_id.as_str().parse().map_err(Fault::invalid),
    }
}

/// The longest name of a bundle's source that is kept, in bytes.
const SOURCE_MAX: usize = 4096;

fn check(
    answers: &StageAnswers,
    bundle: &StagedBundle,
    record: &DeploymentRecord,
) -> Result<(), Fault> {
    let deployment = &record.deployment;
    if answers.bundle.len() > SOURCE_MAX || answers.bundle.chars().any(char::is_control) {
        let why =
            format!("a bundle is named in at most {SOURCE_MAX} bytes without control characters");
        return Err(Fault::invalid(why).at("/bundle"));
    }
    if deployment.bundle_id != bundle.bundle_id {
        return Err(Fault::refused(format!(
            "deployment {} is of bundle `{}`, this is `{}`",
            deployment.deployment_id, deployment.bundle_id, bundle.bundle_id
        ))
        .hint(format!("gtc op bundles add --bundle {}", bundle.bundle_id))
        .at("/bundle"));
    }
    if let Some(asserted) = &answers.bundle_digest
        && *asserted != bundle.digest
    {
        return Err(Fault::refused(format!(
            "the bundle has digest {}, not the asserted {asserted}",
            bundle.digest
        ))
        .at("/bundle_digest"));
    }
    if let (None, Some(objection)) = (&bundle.signature, &bundle.objection) {
        return Err(Fault::clone(objection).at("/bundle"));
    }
    if bundle.signature.is_none() {
        return Err(Fault::refused(format!(
            "no key that `{}` trusts has signed the bundle {}",
            deployment.environment_id, bundle.digest
        ))
        .hint("gtc bundle sign FILE --key KEY, with a key of gtc op trust list")
        .detail("reason", "no-signature")
        .at("/bundle"));
    }
    if answers.drain_seconds.or(bundle.drain_seconds).is_some_and(|s| s > DRAIN_SECONDS_MAX) {
        let most = format!("drain_seconds is at most {DRAIN_SECONDS_MAX}");
        let field = if answers.drain_seconds.is_some() { "/drain_seconds" } else { "/bundle" };
        return Err(Fault::invalid(most).at(field));
    }
    Ok(())
}

fn pin(
    answers: &StageAnswers,
    bundle: &StagedBundle,
    record: &DeploymentRecord,
    draft: &Draft<'_>,
) -> Result<Revision, Fault> {
    let deployment = &record.deployment;
    let newest = draft.view().revision_ids(deployment.deployment_id)?.last().copied();
    let environment = draft.view().environment()?;
    let config =
        effective(Some(&bundle.config), &environment.config, Some(&deployment.config_overrides));
    let secret_ref = |need: &SecretNeed| -> Result<SecretRef, Fault> {
        let path = SecretPath::of_bundle(&bundle.bundle_id, &need.name);
        let path = path.map_err(|fault| fault.at("/bundle"))?;
        Ok(SecretRef::new(&deployment.environment_id, &path))
    };
    Ok(Revision {
        schema: RevisionSchema,
        revision_id: draft.new_revision_id(newest),
        deployment_id: deployment.deployment_id,
        bundle_id: bundle.bundle_id.clone(),
        sequence: deployment.last_sequence,
        version: bundle.version.clone(),
        bundle_digest: bundle.digest.clone(),
        bundle_source: bundle.source.clone().unwrap_or_else(|| answers.bundle.clone()),
        size_bytes: bundle.size_bytes,
        pack_list: bundle.pack_list.clone(),
        config_digest: document::canonical_digest(&Value::Object(config.clone())),
        config,
        secret_refs: bundle.secrets.iter().map(secret_ref).collect::<Result<_, _>>()?,
        pinned: None,
        signature: bundle.signature.clone(),
        lifecycle: Lifecycle::Staged,
        drain_seconds: answers.drain_seconds.or(bundle.drain_seconds).unwrap_or(DRAIN_SECONDS),
        gate: Vec::new(),
        generation: 0,
        created_at: draft.now(),
        staged_at: draft.now(),
        warmed_at: None,
        draining_since: None,
        drained: None,
        archived_at: None,
    })
}
