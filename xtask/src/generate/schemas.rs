//! The JSON Schema of every document that is stored or exchanged, and of every verb's answers; and the
//! OpenAPI document of the admin API.

use std::collections::BTreeMap;

use control::{backups, bundles, config, credentials, document_schema, env, env_packs};
use control::{revisions, secrets, traffic};
use deploy_spec::{
    access_log, audit, backup, deployment, environment, manifest, revision, runtime_config,
};
use deploy_spec::{secret, split, usage};
use schemars::schema_for;
use serde_json::Value;

/// The files, by their path below `docs/schemas/`.
pub(crate) fn make() -> BTreeMap<String, String> {
    let documents = documents().into_iter().map(|(tag, schema)| (file_name(tag), schema));
    let single_vm = schema_for!(single_vm::Deployment).to_value();
    let single_vm = ("single-vm.v1alpha1.json".to_owned(), single_vm);
    let answers = answers().into_iter().map(|(name, schema)| (format!("answers/{name}"), schema));
    documents
        .chain(answers)
        .chain([single_vm, ("admin-api.openapi.json".to_owned(), control::admin_api(None))])
        .map(|(path, schema)| (path, pretty(&schema)))
        .collect()
}

/// Each document with the `schema` text that it carries.
fn documents() -> Vec<(&'static str, Value)> {
    macro_rules! document {
        ($tag:path, $document:ty) => {
            (<$tag>::TEXT, schema_for!($document).to_value())
        };
    }
    vec![
        document!(access_log::AccessLogSchema, deploy_spec::AccessLine<'_>),
        document!(audit::AuditSchema, deploy_spec::AuditEvent),
        document!(backup::BackupSchema, deploy_spec::Backup),
        document!(deployment::DeploymentSchema, deploy_spec::DeploymentRecord),
        document!(environment::EnvironmentSchema, deploy_spec::Environment),
        document!(manifest::BundleSchema, deploy_spec::BundleManifest),
        document!(revision::RevisionSchema, deploy_spec::Revision),
        document!(runtime_config::RuntimeConfigSchema, deploy_spec::RuntimeConfig),
        document!(secret::SecretSchema, deploy_spec::Secret),
        document!(env_pack::SetupSchema, env_pack::Setup),
        document!(split::SplitSchema, deploy_spec::TrafficSplit),
        document!(usage::UsageSchema, usage::UsageDay),
    ]
}

/// Each verb's answers document; `tidy` says when a verb is not here.
fn answers() -> Vec<(String, Value)> {
    macro_rules! verbs {
        ($($verb:ty),* $(,)?) => {
            vec![$((
                answers_name(<$verb as control::Verb>::NOUN, <$verb as control::Verb>::OP),
                document_schema::<$verb>(),
            )),*]
        };
    }
    verbs![
        backups::Create,
        backups::Restore,
        backups::Prune,
        control::audit::Prune,
        control::trust::Add,
        control::trust::Revoke,
        control::trust::Threshold,
        bundles::Add,
        bundles::Pause,
        bundles::Remove,
        bundles::Resume,
        bundles::Update,
        config::Set,
        config::Unset,
        credentials::Bootstrap,
        credentials::Import,
        credentials::Rotate,
        env::Create,
        env::Destroy,
        env::Init,
        env::MigrateDev,
        env::MigrateState,
        env::Update,
        revisions::Archive,
        revisions::CompleteDrain,
        revisions::Drain,
        revisions::Prune,
        revisions::Retry,
        env_packs::Add,
        env_packs::Remove,
        env_packs::Rollback,
        env_packs::Update,
        revisions::Stage,
        revisions::Tag,
        revisions::Untag,
        revisions::Warm,
        secrets::Delete,
        secrets::Put,
        secrets::Rotate,
        traffic::Clear,
        traffic::Rollback,
        traffic::CastShadow,
        traffic::Set,
        traffic::Unshadow,
    ]
}

/// What the schema of a verb's answers is called.
pub(crate) fn answers_name(noun: &str, op: &str) -> String {
    format!("{noun}-{op}.json")
}

/// `greentic.audit-event.v1` is described by `audit-event.v1.json`.
fn file_name(tag: &str) -> String {
    format!("{}.json", tag.strip_prefix("greentic.").unwrap_or(tag))
}

/// Sorted, because whether `serde_json` keeps an order is up to whoever else is compiled in.
fn pretty(schema: &Value) -> String {
    let mut schema = schema.clone();
    schema.sort_all_objects();
    format!("{schema:#}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_names_the_document_that_it_describes() {
        for (tag, schema) in documents() {
            assert_eq!(schema["properties"]["schema"]["const"], tag);
            assert_eq!(schema["additionalProperties"], false, "{tag}");
        }
    }

    #[test]
    fn answers_take_what_every_verb_takes() {
        for (name, schema) in answers() {
            assert!(schema["properties"]["idempotency_key"].is_object(), "{name}");
        }
    }
}
