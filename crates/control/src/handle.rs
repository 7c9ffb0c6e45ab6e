//! Names that people type: an id, an unambiguous prefix of one, a bundle's name, `r3`, a tag.

use deploy_spec::{
    BundleId, DeploymentId, DeploymentRecord, Fault, Revision, RevisionId, RevisionTag,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::record::Folder;
use crate::view::{Lookup as _, View};

/// What somebody typed to mean a deployment or a revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub struct Handle(String);

impl TryFrom<String> for Handle {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-/".contains(&b);
        if (1..=128).contains(&text.len()) && text.bytes().all(plain) {
            return Ok(Self(text));
        }
        let shown: String = text.chars().take(80).flat_map(char::escape_debug).collect();
        Err(format!(
            "`{shown}` names nothing: give an id, a prefix of one, a bundle's name, `r3` or a tag"
        ))
    }
}

impl std::str::FromStr for Handle {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        text.to_owned().try_into()
    }
}

impl From<Handle> for String {
    fn from(handle: Handle) -> Self {
        handle.0
    }
}

impl From<DeploymentId> for Handle {
    fn from(id: DeploymentId) -> Self {
        Self(id.to_string())
    }
}

impl From<RevisionId> for Handle {
    fn from(id: RevisionId) -> Self {
        Self(id.to_string())
    }
}

impl std::fmt::Display for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// How many candidates an error names.
const SHOWN_MAX: usize = 10;

/// The deployment that `handle` means; no handle means the only one there is.
///
/// # Errors
/// `not-found`; or `invalid-input` naming the candidates when it could be several.
pub fn resolve_deployment(
    view: &dyn View,
    handle: Option<&Handle>,
) -> Result<DeploymentRecord, Fault> {
    view.environment()?;
    let candidates = match handle {
        None => view.deployment_ids()?,
        Some(handle) => candidates(view, handle)?,
    };
    if handle.is_none() && candidates.is_empty() {
        let id = view.environment_id();
        return Err(Fault::not_found(format!("there is no deployment in `{id}` yet"))
            .hint("gtc op bundles add"));
    }
    let asked = handle.map_or_else(|| "the deployment".into(), |handle| format!("`{handle}`"));
    let id = one(&candidates, &asked, "deployment", "gtc op bundles list")?;
    view.deployment(id)?.map_or_else(|| no_deployment(view, id), Ok)
}

/// The deployment that `handle` means, also when it was removed and `handle` is its whole id.
///
/// # Errors
/// As [`resolve_deployment`].
pub(crate) fn resolve_kept(
    view: &dyn View,
    handle: Option<&Handle>,
) -> Result<DeploymentRecord, Fault> {
    if let Some(Ok(id)) = handle.map(|handle| handle.0.parse())
        && let Some(record) = view.retired(id)?
    {
        view.environment()?;
        return Ok(record);
    }
    resolve_deployment(view, handle)
}

fn no_deployment(view: &dyn View, id: DeploymentId) -> Result<DeploymentRecord, Fault> {
    let retired = view.retired(id)?.and_then(|record| record.deployment.retired_at);
    Err(match retired {
        Some(at) => Fault::not_found(format!("deployment {id} was removed at {at}"))
            .hint(format!("gtc op bundles show {id}")),
        None => {
            Fault::not_found(format!("there is no deployment {id}")).hint("gtc op bundles list")
        }
    })
}

fn candidates(view: &dyn View, handle: &Handle) -> Result<Vec<DeploymentId>, Fault> {
    if let Ok(id) = handle.0.parse() {
        return Ok(vec![id]);
    }
    if let Ok(bundle) = handle.0.parse::<BundleId>() {
        let of_bundle = view.deployments_of(&bundle)?;
        if !of_bundle.is_empty() {
            return Ok(of_bundle);
        }
    }
    Ok(with_prefix(view.deployment_ids()?, &handle.0))
}

fn with_prefix<T: std::fmt::Display>(mut ids: Vec<T>, prefix: &str) -> Vec<T> {
    let prefix = prefix.to_ascii_uppercase();
    ids.retain(|id| id.to_string().starts_with(&prefix));
    ids
}

/// The revision that `handle` means, of `deployment` if that is given: an id, a prefix, `r3`, a tag,
/// or any of these behind a deployment and a slash, as in `fast2flow/r3`.
///
/// # Errors
/// `not-found`; or `invalid-input` naming the candidates when it could be several.
pub fn resolve_revision(
    view: &dyn View,
    deployment: Option<&Handle>,
    handle: &Handle,
) -> Result<(DeploymentRecord, Revision), Fault> {
    if let Some((of, name)) = handle.0.rsplit_once('/') {
        let parse = |text: &str| text.parse::<Handle>().map_err(Fault::invalid);
        let (of, name) = (parse(of)?, parse(name)?);
        let whose = resolve_deployment(view, Some(&of))?.deployment.deployment_id;
        if deployment.is_some() {
            let wanted = resolve_deployment(view, deployment)?.deployment.deployment_id;
            if wanted != whose {
                let other = format!("`{handle}` is no revision of deployment {wanted}");
                return Err(Fault::not_found(other).hint("gtc op revisions list"));
            }
        }
        return resolve_revision(view, Some(&whose.into()), &name);
    }
    if let (Ok(id), None) = (handle.0.parse(), deployment) {
        view.environment()?;
        let home = view.revision_home(id)?.ok_or_else(|| no_revision(handle))?;
        return revision_of(view, resolve_deployment(view, Some(&home.into()))?, id, handle);
    }
    let tag = handle.0.parse::<RevisionTag>().ok();
    let is_of_deployment = sequence(handle).is_some() || tag.is_some();
    let whole_environment = deployment.is_none() && !is_of_deployment;
    if whole_environment {
        view.environment()?;
        let names = with_prefix(view.list(&Folder::RevisionHomes)?, &handle.0);
        let id = one(&names, &format!("`{handle}`"), "revision", "gtc op revisions list")?;
        return resolve_revision(view, None, &Handle(id));
    }
    let record = resolve_deployment(view, deployment)?;
    let of = record.deployment.deployment_id;
    if let Some(tag) = tag {
        let id = record.deployment.tags.get(&tag).copied().ok_or_else(|| no_revision(handle))?;
        return revision_of(view, record, id, handle);
    }
    let ids = view.revision_ids(of)?;
    let id = match sequence(handle) {
        Some(sequence) => {
            by_sequence(view, of, &ids, sequence)?.ok_or_else(|| no_revision(handle))?
        }
        None => one(
            &with_prefix(ids, &handle.0),
            &format!("`{handle}`"),
            "revision",
            "gtc op revisions list",
        )?,
    };
    revision_of(view, record, id, handle)
}

fn revision_of(
    view: &dyn View,
    record: DeploymentRecord,
    id: RevisionId,
    handle: &Handle,
) -> Result<(DeploymentRecord, Revision), Fault> {
    let of = record.deployment.deployment_id;
    let revision = view
        .revision(of, id)?
        .ok_or_else(|| no_revision(handle).detail("deployment_id", of.to_string()))?;
    Ok((record, revision))
}

/// `r3` as 3.
fn sequence(handle: &Handle) -> Option<u64> {
    let digits = handle.0.strip_prefix(['r', 'R'])?;
    if digits.len() > 19 || digits.starts_with('0') { None } else { digits.parse().ok() }
}

/// Ids sort by sequence, so the one that is asked for usually stands at its own index.
fn by_sequence(
    view: &dyn View,
    of: DeploymentId,
    ids: &[RevisionId],
    sequence: u64,
) -> Result<Option<RevisionId>, Fault> {
    let is_it = |id: RevisionId| -> Result<bool, Fault> {
        Ok(view.revision(of, id)?.is_some_and(|revision| revision.sequence == sequence))
    };
    let guess = usize::try_from(sequence - 1).ok().and_then(|i| ids.get(i).copied());
    if let Some(id) = guess
        && is_it(id)?
    {
        return Ok(Some(id));
    }
    for &id in ids {
        if is_it(id)? {
            return Ok(Some(id));
        }
    }
    Ok(None)
}

fn no_revision(handle: &Handle) -> Fault {
    Fault::not_found(format!("there is no revision `{handle}`")).hint("gtc op revisions list")
}

fn one<T: std::fmt::Display + Clone>(
    candidates: &[T],
    asked: &str,
    noun: &str,
    list: &str,
) -> Result<T, Fault> {
    match candidates {
        [only] => Ok(only.clone()),
        [] => Err(Fault::not_found(format!("{asked} is no {noun} here")).hint(list)),
        several => {
            let names: Vec<String> = several.iter().take(SHOWN_MAX).map(T::to_string).collect();
            Err(Fault::invalid(format!("{asked} could be any of {} {noun}s", several.len()))
                .hint(format!("say which {noun}; `{list}` shows them"))
                .detail("candidates", names))
        }
    }
}
