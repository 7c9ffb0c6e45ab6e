//! Where a deployment answers: hosts, path prefixes and a tenant selector.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::fault::Fault;
use crate::slug::{TeamId, TenantId};
use crate::text::{checked_text, shown};

fn host(text: &str) -> Result<(), String> {
    let label = |l: &str| {
        !l.is_empty()
            && l.len() <= 63
            && !l.starts_with('-')
            && !l.ends_with('-')
            && l.bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_')
    };
    let name = text.len() <= 253 && text.split('.').all(label);
    let v6 = text.strip_prefix('[').and_then(|t| t.strip_suffix(']'));
    if name || v6.is_some_and(|t| t.parse::<std::net::Ipv6Addr>().is_ok_and(|a| a.to_string() == t))
    {
        Ok(())
    } else {
        Err(format!(
            "{} is not a host: a lower-case DNS name or IP address, with no port",
            shown(text)
        ))
    }
}

checked_text!(
    /// A host name as it stands in a request, lower-case and without a port.
    Host, host, pattern = "^([a-z0-9_-]{1,63}(\\.[a-z0-9_-]{1,63})*|\\[[0-9a-f:.]+\\])$",
    example = "shop.example.com"
);

fn path_prefix(text: &str) -> Result<(), String> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@".contains(&b);
    let part = |p: &str| !p.is_empty() && p != "." && p != ".." && p.bytes().all(plain);
    let ok = text == "/"
        || (text.len() <= 1024
            && text.strip_prefix('/').is_some_and(|rest| rest.split('/').all(part)));
    if ok {
        Ok(())
    } else {
        Err(format!(
            "{} is not a path prefix: `/`, or like `/shop/cart` with no trailing `/`, dot segments or percent-escapes",
            shown(text)
        ))
    }
}

checked_text!(
    /// A path prefix, matched on whole segments: `/shop` matches `/shop` and `/shop/cart`, not
    /// `/shopping`.
    PathPrefix, path_prefix, pattern = "^/([^/?#%]+(/[^/?#%]+)*)?$", example = "/shop"
);

impl Default for PathPrefix {
    fn default() -> Self {
        Self("/".into())
    }
}

impl PathPrefix {
    /// Whether `path` (absolute, normalised) lies below this prefix.
    #[must_use]
    pub fn covers(&self, path: &str) -> bool {
        self.rest(path).is_some()
    }

    /// What is left of `path` when this prefix is removed; always begins with `/`.
    #[must_use]
    pub fn rest<'a>(&self, path: &'a str) -> Option<&'a str> {
        if self.is_root() {
            return path.starts_with('/').then_some(path);
        }
        match path.strip_prefix(self.as_str())? {
            "" => Some("/"),
            rest => rest.starts_with('/').then_some(rest),
        }
    }

    /// Whether this is `/`.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.as_str() == "/"
    }
}

/// Which tenant a deployment answers; a request names its tenant by header.
#[derive(
    Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(deny_unknown_fields)]
pub struct TenantSelector {
    /// The tenant, from the request header `x-greentic-tenant`.
    pub tenant: TenantId,
    /// The team, from the request header `x-greentic-team`; absent means every team of the tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<TeamId>,
}

/// Where a deployment answers. Every host combines with every path prefix.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RouteBinding {
    /// The hosts; none means any host that no other deployment claims.
    pub hosts: Vec<Host>,
    /// The path prefixes; at least one.
    pub path_prefixes: Vec<PathPrefix>,
    /// The tenant; absent means any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant_selector: Option<TenantSelector>,
}

/// One claim of a route binding. Two deployments may not make the same claim.
#[derive(
    Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(deny_unknown_fields)]
pub struct RouteKey {
    /// The host; absent means any.
    pub host: Option<Host>,
    /// The path prefix.
    pub path_prefix: PathPrefix,
    /// The tenant; absent means any.
    pub tenant_selector: Option<TenantSelector>,
}

impl std::fmt::Display for RouteKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", self.host.as_ref().map_or("*", Host::as_str), self.path_prefix)?;
        if let Some(selector) = &self.tenant_selector {
            write!(f, " tenant={}", selector.tenant)?;
            if let Some(team) = &selector.team {
                write!(f, " team={team}")?;
            }
        }
        Ok(())
    }
}

/// What people may write: `host`, `hosts`, `path_prefix`, `path_prefixes` and `tenant_selector`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RouteAnswers {
    /// One host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<Host>,
    /// More hosts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<Host>,
    /// One path prefix.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_prefix: Option<PathPrefix>,
    /// More path prefixes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub path_prefixes: Vec<PathPrefix>,
    /// The tenant this deployment answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant_selector: Option<TenantSelector>,
}

/// How many claims one deployment may make.
pub const CLAIMS_MAX: usize = 256;

impl RouteBinding {
    /// Binds what was written; nothing written means everything under `/` on any host.
    ///
    /// # Errors
    /// `invalid-input` when a host or prefix is named twice, or there are too many.
    pub fn new(answers: RouteAnswers) -> Result<Self, Fault> {
        let hosts: Vec<Host> = answers.host.into_iter().chain(answers.hosts).collect();
        let mut path_prefixes: Vec<PathPrefix> =
            answers.path_prefix.into_iter().chain(answers.path_prefixes).collect();
        if path_prefixes.is_empty() {
            path_prefixes.push(PathPrefix::default());
        }
        twice(&hosts, "hosts")?;
        twice(&path_prefixes, "path_prefixes")?;
        if hosts.len().max(1) * path_prefixes.len() > CLAIMS_MAX {
            let most = format!("a deployment claims at most {CLAIMS_MAX} host and path pairs");
            return Err(Fault::invalid(most).at("/hosts"));
        }
        Ok(Self { hosts, path_prefixes, tenant_selector: answers.tenant_selector })
    }

    /// Every claim this binding makes.
    pub fn claims(&self) -> impl Iterator<Item = RouteKey> {
        let hosts: Vec<Option<Host>> = if self.hosts.is_empty() {
            vec![None]
        } else {
            self.hosts.iter().cloned().map(Some).collect()
        };
        hosts.into_iter().flat_map(move |host| {
            self.path_prefixes.iter().map(move |prefix| RouteKey {
                host: host.clone(),
                path_prefix: prefix.clone(),
                tenant_selector: self.tenant_selector.clone(),
            })
        })
    }
}

impl<'de> Deserialize<'de> for RouteBinding {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let answers = RouteAnswers::deserialize(d)?;
        Self::new(answers).map_err(|fault| serde::de::Error::custom(fault.message))
    }
}

fn twice<T: Ord + std::fmt::Display>(list: &[T], field: &str) -> Result<(), Fault> {
    let mut seen = std::collections::BTreeSet::new();
    match list.iter().find(|item| !seen.insert(*item)) {
        Some(item) => {
            Err(Fault::invalid(format!("`{item}` is named twice")).at(format!("/{field}")))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(text: &str) -> PathPrefix {
        text.parse().unwrap()
    }

    #[test]
    fn prefixes_match_whole_segments() {
        assert_eq!(prefix("/shop").rest("/shop"), Some("/"));
        assert_eq!(prefix("/shop").rest("/shop/cart"), Some("/cart"));
        assert_eq!(prefix("/shop").rest("/shopping"), None);
        assert_eq!(prefix("/").rest("/x"), Some("/x"));
    }

    #[test]
    fn what_two_parsers_could_read_differently_is_no_prefix() {
        for bad in [
            "", "shop", "/shop/", "//", "/a//b", "/a/../b", "/a/.", "/%2e", "/a?b", "/a#b", "/a b",
            "/é",
        ] {
            assert!(bad.parse::<PathPrefix>().is_err(), "{bad}");
        }
    }

    #[test]
    fn hosts_are_lower_case_and_have_no_port() {
        for good in ["localhost", "a.example.com", "127.0.0.1", "[::1]", "_x.y"] {
            assert!(good.parse::<Host>().is_ok(), "{good}");
        }
        for bad in
            ["", "A.com", "a.com:80", "a..b", ".a", "a.", "*.a", "::1", "[::01]", "a/b", "-a"]
        {
            assert!(bad.parse::<Host>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_binding_claims_each_host_with_each_prefix() {
        let binding = RouteBinding::new(RouteAnswers {
            hosts: vec!["a.test".parse().unwrap(), "b.test".parse().unwrap()],
            path_prefixes: vec![prefix("/x"), prefix("/y")],
            ..RouteAnswers::default()
        })
        .unwrap();
        let claims: Vec<String> = binding.claims().map(|claim| claim.to_string()).collect();
        assert_eq!(claims, ["a.test/x", "a.test/y", "b.test/x", "b.test/y"]);
    }

    #[test]
    fn naming_a_host_twice_is_refused() {
        let host: Host = "a.test".parse().unwrap();
        let answers =
            RouteAnswers { host: Some(host.clone()), hosts: vec![host], ..RouteAnswers::default() };
        assert_eq!(RouteBinding::new(answers).unwrap_err().details["pointer"], "/hosts");
    }
}
