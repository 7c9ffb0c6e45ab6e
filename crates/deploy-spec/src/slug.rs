//! Names that people choose: slugs.

use crate::text::{checked_text, shown};

/// The longest slug, in bytes; the same as a DNS label (RFC 1035 §2.3.4), so that any slug can
/// become part of a host name.
pub const SLUG_MAX: usize = 63;

const SLUG: &str = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$";

fn slug(text: &str) -> Result<(), String> {
    let edge = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = text.as_bytes();
    let ok = bytes.len() <= SLUG_MAX
        && bytes.first().is_some_and(edge)
        && bytes.last().is_some_and(edge)
        && bytes.iter().all(|b| edge(b) || *b == b'-');
    if ok {
        Ok(())
    } else {
        Err(format!(
            "{} is not a slug: 1 to 63 of a-z, 0-9 and -, beginning and ending with a letter or digit",
            shown(text)
        ))
    }
}

checked_text!(
    /// The name of an environment, such as `local` or `prod-eu`.
    EnvironmentId, slug, pattern = SLUG, example = "local"
);
checked_text!(
    /// The name of a bundle, the same in every environment.
    BundleId, slug, pattern = SLUG, example = "fast2flow"
);
checked_text!(
    /// Who a deployment is run for; usage is metered by it.
    CustomerId, slug, pattern = SLUG, example = "local-dev"
);
checked_text!(
    /// The name of a pack inside its bundle.
    PackId, slug, pattern = SLUG, example = "web"
);
checked_text!(
    /// A tenant, as named by a request.
    TenantId, slug, pattern = SLUG, example = "acme"
);
checked_text!(
    /// A team of a tenant, as named by a request.
    TeamId, slug, pattern = SLUG, example = "support"
);

const TAG: &str = "^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$";

/// An id begins with a digit and `r3` is what a revision is called anyhow, so a tag is neither.
fn tag(text: &str) -> Result<(), String> {
    slug(text)?;
    let is_sequence = text
        .strip_prefix('r')
        .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()));
    if text.starts_with(|first: char| first.is_ascii_lowercase()) && !is_sequence {
        return Ok(());
    }
    Err(format!("{} is no tag: begin it with a letter, and not like `r3`", shown(text)))
}

checked_text!(
    /// What people call a revision of a deployment, such as `stable`; it can be moved to another.
    RevisionTag, tag, pattern = TAG, example = "stable"
);

impl EnvironmentId {
    /// The environment that `gtc op env init` makes and that every read defaults to.
    #[must_use]
    pub fn local() -> Self {
        Self("local".into())
    }

    /// Whether this is the environment of one's own machine, where its owner may do anything.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.as_str() == "local"
    }
}

impl CustomerId {
    /// The customer of deployments that name none, allowed on `local` only.
    #[must_use]
    pub fn local_dev() -> Self {
        Self("local-dev".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_are_what_dns_labels_are() {
        for good in ["a", "0", "local", "prod-eu", "a--b", &"a".repeat(63)] {
            assert!(good.parse::<EnvironmentId>().is_ok(), "{good}");
        }
        for bad in ["", "-a", "a-", "A", "a_b", "a.b", "..", "a/b", "é", "a\n", &"a".repeat(64)] {
            assert!(bad.parse::<EnvironmentId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_tag_is_neither_an_id_nor_a_sequence() {
        for good in ["stable", "r", "r3a", "rc1", "r-3", "v2-1"] {
            assert!(good.parse::<RevisionTag>().is_ok(), "{good}");
        }
        let id = "01kax0000000000000000000r3";
        for bad in ["r3", "r0", "r00", "3", "1-0", id, "R3", "Stable", "", "a-", "a/b"] {
            assert!(bad.parse::<RevisionTag>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_bad_name_is_shown_bounded_and_escaped() {
        let error = "\u{1b}[31m".repeat(100).parse::<BundleId>().unwrap_err();
        assert!(!error.contains('\u{1b}') && error.len() < 1_000, "{error}");
    }
}
