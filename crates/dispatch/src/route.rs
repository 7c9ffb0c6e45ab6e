//! From host, path and tenant to a deployment: the most specific claim wins.

use std::collections::HashMap;
use std::sync::Arc;

use deploy_spec::{DeploymentId, PathPrefix, RouteBinding, TenantSelector};

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

/// The claims on one host, by path prefix; those with the narrowest selector first.
#[derive(Debug, Clone, Default)]
struct HostRoutes {
    by_prefix: HashMap<Box<str>, Vec<Claim>>,
}

/// All claims; the empty host stands for any host.
#[derive(Debug, Clone, Default)]
pub(crate) struct Routes {
    hosts: HashMap<Box<str>, Arc<HostRoutes>>,
}

impl Routes {
    pub(crate) fn insert(&mut self, binding: &RouteBinding, deployment: DeploymentId) {
        for key in binding.claims() {
            let host = key.host.as_ref().map_or("", |host| host.as_str());
            let routes = Arc::make_mut(self.hosts.entry(host.into()).or_default());
            let claims = routes.by_prefix.entry(key.path_prefix.as_str().into()).or_default();
            claims.push(Claim {
                prefix: key.path_prefix,
                selector: key.tenant_selector,
                deployment,
            });
            claims.sort_by_key(|claim| std::cmp::Reverse(width(claim.selector.as_ref())));
        }
    }

    pub(crate) fn remove(&mut self, binding: &RouteBinding, deployment: DeploymentId) {
        for key in binding.claims() {
            let host = key.host.as_ref().map_or("", |host| host.as_str());
            let Some(routes) = self.hosts.get_mut(host).map(Arc::make_mut) else { continue };
            if let Some(claims) = routes.by_prefix.get_mut(key.path_prefix.as_str()) {
                claims.retain(|claim| claim.deployment != deployment);
                if claims.is_empty() {
                    routes.by_prefix.remove(key.path_prefix.as_str());
                }
            }
            if routes.by_prefix.is_empty() {
                self.hosts.remove(host);
            }
        }
    }

    /// The deployment that answers, and the prefix by which it does: the named host before any
    /// host, then the longest prefix, then the narrowest selector.
    pub(crate) fn find(&self, asked: &Asked<'_>) -> Option<(DeploymentId, &PathPrefix)> {
        [asked.host, ""].into_iter().find_map(|host| self.hosts.get(host)?.find(asked))
    }
}

impl HostRoutes {
    fn find(&self, asked: &Asked<'_>) -> Option<(DeploymentId, &PathPrefix)> {
        prefixes(asked.path).find_map(|prefix| {
            let claims = self.by_prefix.get(prefix)?;
            let claim = claims.iter().find(|claim| selects(claim.selector.as_ref(), asked))?;
            Some((claim.deployment, &claim.prefix))
        })
    }
}

/// `/a/b`, `/a`, `/` for `/a/b`; and for `/a/b/` the same.
fn prefixes(path: &str) -> impl Iterator<Item = &str> {
    fn shorter<'a>(prefix: &&'a str) -> Option<&'a str> {
        prefix.rfind('/').map(|i| &prefix[..i])
    }
    let trimmed = path.strip_suffix('/').unwrap_or(path);
    std::iter::successors(Some(trimmed), shorter)
        .take_while(|p| !p.is_empty())
        .chain(std::iter::once("/"))
}

fn width(selector: Option<&TenantSelector>) -> u8 {
    selector.map_or(0, |selector| 1 + u8::from(selector.team.is_some()))
}

fn selects(selector: Option<&TenantSelector>, asked: &Asked<'_>) -> bool {
    let Some(selector) = selector else { return true };
    asked.tenant == Some(selector.tenant.as_str())
        && selector.team.as_ref().is_none_or(|team| asked.team == Some(team.as_str()))
}
