//! Which revision would answer a request, and why: the data plane's own rules, asked without one.

mod steps;

use std::net::IpAddr;

use control::{Lookup as _, View, project_deployment};
use deploy_spec::{
    DeploymentId, Fault, Host, PathPrefix, RevisionId, RouteKey, RuntimeDeployment, SessionSource,
    TenantSelector,
};
use dispatch::{Ask, Asked, Deployment, SessionId, Table, explain};
use http::Uri;
use serde::Serialize;
use store::EnvironmentStore;

use crate::ambient::now_s;
use crate::keys;
use steps::told;

/// The request that is asked about.
#[derive(Debug, Clone, Default)]
pub struct Question {
    /// Where it goes: `http://host/path`.
    pub url: String,
    /// Its `Cookie` header.
    pub cookie: Option<String>,
    /// The session, as the application names it in its own header.
    pub subject: Option<String>,
    /// The revision that it asks for, believed of trusted peers only.
    pub revision: Option<String>,
    /// The preview that it brings.
    pub preview: Option<String>,
    /// The address it comes from; none for one that is trusted with nothing.
    pub peer: Option<IpAddr>,
    /// The tenant and the team that it names.
    pub tenant: Option<TenantSelector>,
}

/// Who answers, and why.
#[derive(Debug, Clone, Serialize)]
pub struct Explained {
    /// The deployment whose route it is.
    pub deployment_id: DeploymentId,
    /// Its bundle.
    pub bundle_id: String,
    /// The prefix by which it answers.
    pub path_prefix: PathPrefix,
    /// The split that was asked; none while the deployment is off the air.
    pub split_generation: Option<u64>,
    /// Where the session comes from: `cookie`, `none`, or a header of the application.
    pub session_source: SessionSource,
    /// What every cookie of this deployment says.
    pub cookies: Vec<CookieRead>,
    /// The slot of the session, of 10 000, and its owner; not where it is drawn.
    pub slot: Option<Slot>,
    /// The revision that answers; none where one is drawn, or none answers.
    pub revision_id: Option<RevisionId>,
    /// What `r1` means.
    pub sequence: Option<u64>,
    /// `forced`, `preview`, `cookie`, `slot`, `drawn`, `paused`, `off-the-air` or `no-such-revision`.
    pub why: &'static str,
    /// How much each revision would be drawn.
    pub shares: Vec<Share>,
    /// Every step, in order, for people.
    pub steps: Vec<String>,
}

/// One cookie.
#[derive(Debug, Clone, Serialize)]
pub struct CookieRead {
    /// `valid`, `superseded`, `malformed`, `unsigned` or `expired`.
    pub verdict: &'static str,
    /// The revision it names.
    pub revision_id: Option<RevisionId>,
    /// The generation of the split that chose it.
    pub generation: Option<u64>,
    /// Until when it is believed, in seconds since 1970.
    pub expires_s: Option<u64>,
}

/// A slot and its owner.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Slot {
    /// 0 to 9 999.
    pub slot: u16,
    /// Who owns it.
    pub revision_id: RevisionId,
}

/// A revision and its share.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Share {
    /// The revision.
    pub revision_id: RevisionId,
    /// What `r1` means.
    pub sequence: u64,
    /// Its weight, in basis points.
    pub weight_bps: u16,
}

/// Explains who would answer. Reads what the path could claim, however large the environment is.
///
/// # Errors
/// `invalid-input` for a URL that is none, `not-found` when nothing is deployed there.
pub fn explain_request(store: &EnvironmentStore, asked: &Question) -> Result<Explained, Fault> {
    let place = Place::of(&asked.url)?;
    let view = store.read()?;
    let environment = view.environment()?;
    let configs = candidates(&view, &place, asked.tenant.as_ref())?;
    let table = Table::new(
        configs
            .iter()
            .map(|config| Deployment::new(store.id(), config, |revision| revision.drain_seconds)),
    );
    let selector = asked.tenant.as_ref();
    let team = selector.and_then(|selector| selector.team.as_ref());
    let found = table.find(&Asked {
        host: &place.host,
        path: &place.path,
        tenant: selector.map(|selector| selector.tenant.as_str()),
        team: team.map(deploy_spec::TeamId::as_str),
    });
    let found = found.ok_or_else(|| {
        Fault::not_found(format!("nothing is deployed at `{}{}`", place.host, place.path))
            .hint("gtc op bundles list, to see what answers where")
    })?;
    let is_trusted =
        asked.peer.is_some_and(|peer| environment.host_config.trusted_peers.contains(&peer));
    let ask = Ask {
        forced: asked.revision.as_deref().filter(|_| is_trusted),
        preview: asked.preview.as_deref(),
        cookie: asked.cookie.as_deref(),
        session_header: asked.subject.as_ref().map(String::as_bytes),
        // What a running data plane remembers only ever matters while it is behind.
        pin: None,
        now_s: now_s(),
        fresh: SessionId([0; 16]),
    };
    let keys = keys::known_cookie_keys(store)?;
    Ok(told(asked, is_trusted, &found, &explain(found.deployment, &ask, &keys)))
}

/// Where a request goes, as the data plane would read it.
struct Place {
    host: String,
    path: String,
}

impl Place {
    fn of(url: &str) -> Result<Self, Fault> {
        let wrong = |why: &str| {
            Fault::invalid(format!("`{url}` {why}"))
                .at("/url")
                .hint("gtc explain --url http://shop.localhost/cart")
        };
        let uri: Uri = url.parse().map_err(|_| wrong("is not a URL"))?;
        let is_http = matches!(uri.scheme_str(), Some("http" | "https"));
        let host = uri.host().filter(|_| is_http);
        let host = host.ok_or_else(|| wrong("does not begin with http:// and a host"))?;
        let authority = ingress::codec::Authority::parse(host.as_bytes())
            .map_err(|_| wrong("has a host that no request could have"))?;
        let path = ingress::path::normalise(uri.path())
            .map_err(|_| wrong("has a path that is refused"))?;
        Ok(Self { host: authority.name().to_owned(), path: path.into_owned() })
    }

    /// Every prefix that covers the path.
    fn prefixes(&self) -> impl Iterator<Item = PathPrefix> {
        let ends = self.path.match_indices('/').map(|(at, _)| at).skip(1);
        let ends = ends.chain([self.path.len()]);
        let longer = ends.filter_map(|end| self.path[..end].parse().ok());
        "/".parse().ok().into_iter().chain(longer)
    }
}

/// The deployments that claim a route which could cover this request.
fn candidates(
    view: &dyn View,
    place: &Place,
    tenant: Option<&TenantSelector>,
) -> Result<Vec<RuntimeDeployment>, Fault> {
    let hosts = [place.host.parse::<Host>().ok(), None];
    let whole = tenant.cloned();
    let without_team = tenant.map(|it| TenantSelector { team: None, ..it.clone() });
    let mut ids = std::collections::BTreeSet::new();
    for prefix in place.prefixes() {
        for host in &hosts {
            for selector in [None, without_team.clone(), whole.clone()] {
                let key = RouteKey {
                    host: host.clone(),
                    path_prefix: prefix.clone(),
                    tenant_selector: selector,
                };
                ids.extend(view.route_owner(&key)?);
            }
        }
    }
    ids.into_iter().filter_map(|id| project_deployment(view, id).transpose()).collect()
}
