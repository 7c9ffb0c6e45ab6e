//! Parts of long lists, so that a command costs what it shows and not what there is.

use deploy_spec::DeploymentId;

/// Which part of a long list of things that have ids, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page<Id = DeploymentId> {
    /// How many at most.
    pub limit: usize,
    /// Begin behind this one.
    pub after: Option<Id>,
}

/// What lies beyond a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rest<Id = DeploymentId> {
    /// How many there are on all pages.
    pub(crate) count: usize,
    /// The one behind which the next page begins; none on the last one.
    pub(crate) next_after: Option<Id>,
}

impl<Id: Ord + Clone> Page<Id> {
    /// Those of this page out of all, which are in order.
    pub(crate) fn of(&self, mut ids: Vec<Id>) -> (Vec<Id>, Rest<Id>) {
        let from = self.after.as_ref().map_or(0, |after| ids.partition_point(|id| id <= after));
        let count = ids.len();
        let to = count.min(from.saturating_add(self.limit));
        let next_after = (to < count && to > from).then(|| ids[to - 1].clone());
        ids.truncate(to);
        (ids.split_off(from.min(to)), Rest { count, next_after })
    }
}

/// Ten: a page of deployments may show all their revisions.
impl<Id> Default for Page<Id> {
    fn default() -> Self {
        Self { limit: 10, after: None }
    }
}
