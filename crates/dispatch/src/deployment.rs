//! A deployment as the data plane asks it: who owns which slot, and what can be reached.

use std::collections::BTreeMap;

use deploy_spec::{
    BundleId, CustomerId, DeploymentId, DeploymentLifecycle, EnvironmentId, Lifecycle, RevisionId,
    RevisionTag, RouteBinding, RuntimeDeployment, RuntimeRevision, Salt, SessionSource, Shadow,
    WHOLE,
};

use crate::cookie::Scope;
use crate::pin::{self, PinName};

/// A revision that can be reached, and `B`, how.
#[derive(Debug, Clone)]
pub struct Live<B> {
    /// Its id.
    pub revision_id: RevisionId,
    /// What `r1` means.
    pub sequence: u64,
    /// Where it stands.
    pub lifecycle: Lifecycle,
    /// How it is reached.
    pub backend: B,
}

/// A deployment.
#[derive(Debug, Clone)]
pub struct Deployment<B> {
    pub(crate) id: DeploymentId,
    bundle_id: BundleId,
    customer_id: CustomerId,
    pub(crate) lifecycle: DeploymentLifecycle,
    pub(crate) binding: RouteBinding,
    pub(crate) session: SessionSource,
    pub(crate) cookie_name: String,
    preview_name: String,
    pub(crate) scope: Scope,
    pins: String,
    pub(crate) split: Option<Owners>,
    tags: BTreeMap<RevisionTag, RevisionId>,
    shadow: Option<Shadow>,
    pub(crate) revisions: Vec<Live<B>>,
}

/// The owners of the slots, for look-up: `ends` are the first slots behind each run.
#[derive(Debug, Clone)]
pub(crate) struct Owners {
    pub(crate) generation: u64,
    pub(crate) salt: Salt,
    ends: Vec<u16>,
    revisions: Vec<RevisionId>,
}

impl Owners {
    pub(crate) fn owner(&self, slot: u16) -> RevisionId {
        let run = self.ends.partition_point(|&end| end <= slot);
        self.revisions[run.min(self.revisions.len() - 1)]
    }

    fn slots(&self, revision: RevisionId) -> u16 {
        let begins = std::iter::once(0).chain(self.ends.iter().copied());
        let runs = begins.zip(&self.ends).zip(&self.revisions);
        runs.filter(|(_, owner)| **owner == revision).map(|((begin, end), _)| end - begin).sum()
    }
}

impl<B> Deployment<B> {
    /// The deployment that `config` describes; `backend` says how each revision is reached.
    pub fn new(
        environment: &EnvironmentId,
        config: &RuntimeDeployment,
        mut backend: impl FnMut(&RuntimeRevision) -> B,
    ) -> Self {
        let live = |revision: &RuntimeRevision| Live {
            revision_id: revision.revision_id,
            sequence: revision.sequence,
            lifecycle: revision.lifecycle,
            backend: backend(revision),
        };
        let mut revisions: Vec<Live<B>> = config.revisions.iter().map(live).collect();
        revisions.sort_by_key(|live| live.revision_id);
        Self {
            id: config.deployment_id,
            bundle_id: config.bundle_id.clone(),
            customer_id: config.customer_id.clone(),
            lifecycle: config.lifecycle,
            binding: config.route_binding.clone(),
            session: config.session.clone(),
            cookie_name: format!("gt_rev_{}", config.deployment_id),
            preview_name: format!("gt_preview_{}", config.deployment_id),
            scope: Scope::new(environment, config.tenant.as_ref(), config.deployment_id),
            pins: pin::prefix(environment, config.deployment_id, config.tenant.as_ref()),
            split: config.split.as_ref().map(owners),
            tags: config.tags.clone(),
            shadow: config.shadow.clone(),
            revisions,
        }
    }

    /// Its id.
    #[must_use]
    pub const fn id(&self) -> DeploymentId {
        self.id
    }

    /// Its bundle.
    #[must_use]
    pub const fn bundle_id(&self) -> &BundleId {
        &self.bundle_id
    }

    /// Who it is run for.
    #[must_use]
    pub const fn customer_id(&self) -> &CustomerId {
        &self.customer_id
    }

    /// Where it answers.
    #[must_use]
    pub const fn binding(&self) -> &RouteBinding {
        &self.binding
    }

    /// The name of the cookie that brings a preview.
    #[must_use]
    pub fn preview_name(&self) -> &str {
        &self.preview_name
    }

    /// Where the identity of a session comes from.
    #[must_use]
    pub const fn session(&self) -> &SessionSource {
        &self.session
    }

    /// Under which name a session that the application names is pinned.
    #[must_use]
    pub fn pin_name(&self, session: &[u8]) -> PinName<'_> {
        PinName::new(&self.pins, session)
    }

    /// The generation of its split; none while it is off the air.
    #[must_use]
    pub fn split_generation(&self) -> Option<u64> {
        self.split.as_ref().map(|split| split.generation)
    }

    /// How many of the 10 000 slots a revision owns.
    #[must_use]
    pub fn weight(&self, revision: RevisionId) -> u16 {
        self.split.as_ref().map_or(0, |split| split.slots(revision))
    }

    /// The revisions that can be reached, by id.
    #[must_use]
    pub fn revisions(&self) -> &[Live<B>] {
        &self.revisions
    }

    /// Who answers some requests only to be compared, while it is ready.
    #[must_use]
    pub fn shadow(&self) -> Option<(&Shadow, &Live<B>)> {
        let shadow = self.shadow.as_ref()?;
        Some((shadow, self.ready(shadow.revision_id)?))
    }

    /// The shadow of a request that `answers` has, if it is drawn; `roll` is any number, evenly drawn.
    #[must_use]
    pub fn shadow_of(&self, answers: RevisionId, roll: u32) -> Option<(&Shadow, &Live<B>)> {
        let (shadow, live) = self.shadow()?;
        let is_drawn = roll % u32::from(WHOLE) < u32::from(shadow.share_bps.get());
        (is_drawn && live.revision_id != answers).then_some((shadow, live))
    }

    pub(crate) fn revision(&self, id: RevisionId) -> Option<&Live<B>> {
        let i = self.revisions.binary_search_by_key(&id, |live| live.revision_id).ok()?;
        self.revisions.get(i)
    }

    pub(crate) fn ready(&self, id: RevisionId) -> Option<&Live<B>> {
        self.revision(id).filter(|live| live.lifecycle == Lifecycle::Ready)
    }

    /// The ready revision that an id, `r3` or a tag names.
    pub(crate) fn named(&self, name: &str) -> Option<&Live<B>> {
        // Ids begin with a digit, and no tag is like `r3`.
        let sequence = name.strip_prefix('r').filter(|digits| {
            !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
        });
        if let Some(sequence) = sequence {
            let sequence: u64 = sequence.parse().ok()?;
            let found = self.revisions.iter().find(|live| live.sequence == sequence)?;
            return self.ready(found.revision_id);
        }
        let tagged = name.parse().ok().and_then(|tag: RevisionTag| self.tags.get(&tag).copied());
        self.ready(tagged.or_else(|| name.parse().ok())?)
    }
}

fn owners(split: &deploy_spec::RuntimeSplit) -> Owners {
    let mut ends: Vec<u16> = Vec::new();
    let mut revisions: Vec<RevisionId> = Vec::new();
    let mut end = 0;
    for run in split.allocation.slots.runs() {
        end += run.slots;
        if revisions.last() == Some(&run.revision_id) {
            ends.pop();
        } else {
            revisions.push(run.revision_id);
        }
        ends.push(end);
    }
    Owners { generation: split.generation, salt: split.allocation.salt, ends, revisions }
}
