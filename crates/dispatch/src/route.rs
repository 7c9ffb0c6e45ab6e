//! From host, path and tenant to a deployment: the most specific claim wins.
//!
//! A look-up costs what the path shares with the claims: neither long paths nor many hosts,
//! prefixes or tenants make it slower.

use std::sync::Arc;

use deploy_spec::{DeploymentId, PathPrefix, RouteBinding, TeamId, TenantSelector};
use foldhash::HashMap;

/// Where a request goes, as it says itself.
#[derive(Debug, Clone, Copy, Default)]
pub struct Asked<'a> {
    /// The host, lower-case and without a port.
    pub host: &'a str,
    /// The path: absolute, normalised, without a query.
    pub path: &'a str,
    /// The tenant.
    pub tenant: Option<&'a str>,
    /// The team.
    pub team: Option<&'a str>,
}

/// One claim on a host and prefix.
#[derive(Debug, Clone)]
struct Claim {
    prefix: PathPrefix,
    selector: Option<TenantSelector>,
    deployment: DeploymentId,
}

/// The tenant and the team that a claim is for, or that a request names.
type Selected<'a> = (Option<&'a str>, Option<&'a str>);

impl Claim {
    fn selected(&self) -> Selected<'_> {
        let Some(selector) = &self.selector else { return (None, None) };
        (Some(selector.tenant.as_str()), selector.team.as_ref().map(TeamId::as_str))
    }
}

/// The claims on one path of a host, and below it, by the next segment, those on longer paths.
/// Claims are sorted by tenant, team and deployment, so that a table does not depend on the order
/// in which it came to be.
#[derive(Debug, Clone, Default)]
struct Level {
    claims: Vec<Claim>,
    below: HashMap<Box<str>, Level>,
}

/// All claims; the empty host stands for any host.
#[derive(Debug, Clone, Default)]
pub(crate) struct Routes {
    hosts: HashMap<Box<str>, Arc<Level>>,
}

impl Routes {
    pub(crate) fn insert(&mut self, binding: &RouteBinding, deployment: DeploymentId) {
        for key in binding.claims() {
            let host = key.host.as_ref().map_or("", |host| host.as_str());
            let top = Arc::make_mut(self.hosts.entry(host.into()).or_default());
            let selector = key.tenant_selector;
            top.insert(Claim { prefix: key.path_prefix, selector, deployment });
        }
    }

    pub(crate) fn remove(&mut self, binding: &RouteBinding, deployment: DeploymentId) {
        for key in binding.claims() {
            let host = key.host.as_ref().map_or("", |host| host.as_str());
            let Some(top) = self.hosts.get_mut(host).map(Arc::make_mut) else { continue };
            top.remove(segments(&key.path_prefix), deployment);
            if top.is_empty() {
                self.hosts.remove(host);
            }
        }
    }

    /// The deployment that answers, and the prefix by which it does: the named host before any
    /// host, then the longest prefix, then the narrowest selector.
    pub(crate) fn find(&self, asked: &Asked<'_>) -> Option<(DeploymentId, &PathPrefix)> {
        let claim = [asked.host, ""].into_iter().find_map(|host| self.hosts.get(host)?.find(asked));
        claim.map(|claim| (claim.deployment, &claim.prefix))
    }
}

impl Level {
    fn insert(&mut self, claim: Claim) {
        let level = segments(&claim.prefix)
            .fold(self, |level, segment| level.below.entry(segment.into()).or_default());
        let place = (claim.selected(), claim.deployment);
        let i = level.claims.partition_point(|other| (other.selected(), other.deployment) < place);
        level.claims.insert(i, claim);
    }

    fn remove<'a>(&mut self, mut path: impl Iterator<Item = &'a str>, deployment: DeploymentId) {
        let Some(segment) = path.next() else {
            self.claims.retain(|claim| claim.deployment != deployment);
            return;
        };
        let Some(level) = self.below.get_mut(segment) else { return };
        level.remove(path, deployment);
        if level.is_empty() {
            self.below.remove(segment);
        }
    }

    fn is_empty(&self) -> bool {
        self.claims.is_empty() && self.below.is_empty()
    }

    fn find(&self, asked: &Asked<'_>) -> Option<&Claim> {
        let (mut level, mut best) = (self, self.own(asked));
        for segment in asked.path.split('/').skip(1) {
            let Some(next) = level.below.get(segment) else { break };
            (level, best) = (next, next.own(asked).or(best));
        }
        best
    }

    fn own(&self, asked: &Asked<'_>) -> Option<&Claim> {
        let narrowest_first = [(asked.tenant, asked.team), (asked.tenant, None), (None, None)];
        narrowest_first.into_iter().find_map(|selected| {
            let i = self.claims.partition_point(|claim| claim.selected() < selected);
            self.claims.get(i).filter(|claim| claim.selected() == selected)
        })
    }
}

/// `a`, `b` for `/a/b`; nothing for `/`.
fn segments(prefix: &PathPrefix) -> impl Iterator<Item = &str> {
    prefix.as_str().split('/').filter(|segment| !segment.is_empty())
}
