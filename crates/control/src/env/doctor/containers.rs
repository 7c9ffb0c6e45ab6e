//! Whether there is something to run the containers that revisions are made of.

use deploy_spec::{ContainerEngine, PackKind, Revision};

use super::pinned::living_of;
use super::{Finding, Severity};
use crate::record::Record;

fn with_containers(records: &[Record]) -> impl Iterator<Item = &Revision> {
    let has = |revision: &&Revision| {
        revision.pack_list.iter().any(|pack| pack.kind == PackKind::Container)
    };
    living_of(records).filter(has)
}

/// Whether a revision that lives is made of any.
pub(super) fn has_containers(records: &[Record]) -> bool {
    with_containers(records).next().is_some()
}

/// One finding, however many revisions there are.
pub(super) fn of_containers(records: &[Record], engine: Option<ContainerEngine>) -> Vec<Finding> {
    if engine.is_some() {
        return Vec::new();
    }
    let finding = |revision: &Revision| Finding {
        check: "containers",
        severity: Severity::Error,
        message: format!(
            "{}/r{} is made of containers, and neither `podman` nor `docker` is on the PATH",
            revision.deployment_id, revision.sequence
        ),
        mend: "apt-get install podman".into(),
    };
    with_containers(records).next().map(finding).into_iter().collect()
}
