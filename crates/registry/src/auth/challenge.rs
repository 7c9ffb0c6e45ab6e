//! How a registry wants to be convinced: the `WWW-Authenticate` header of RFC 9110, section 11.6.1.

use deploy_spec::Fault;
use http::HeaderMap;
use http::header::WWW_AUTHENTICATE;
use http_auth::ChallengeRef;

/// Challenges of one answer that are looked at.
const MOST: usize = 8;

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Challenge {
    /// A name and a password, each time.
    Basic,
    /// A token from `realm`, for `service`
    /// (<https://distribution.github.io/distribution/spec/auth/token/>).
    Bearer { realm: String, service: Option<String> },
}

impl Challenge {
    /// The best of what the headers offer.
    ///
    /// # Errors
    /// `refused` when there is none that we know.
    pub(super) fn read(headers: &HeaderMap) -> Result<Self, Fault> {
        let texts = headers.get_all(WWW_AUTHENTICATE).iter().take(MOST);
        let texts: Vec<&str> = texts.filter_map(|value| value.to_str().ok()).collect();
        let parsed = texts.iter().filter_map(|text| http_auth::parse_challenges(text).ok());
        let offered: Vec<Self> =
            parsed.flatten().filter_map(|challenge| Self::one(&challenge)).collect();
        let is_bearer = |challenge: &Self| matches!(challenge, Self::Bearer { .. });
        let best = offered.iter().position(is_bearer).unwrap_or_default();
        offered.into_iter().nth(best).ok_or_else(|| {
            Fault::refused(
                "the registry does not say how it wants to know who is asking".to_owned(),
            )
        })
    }

    fn one(challenge: &ChallengeRef<'_>) -> Option<Self> {
        let parameter = |wanted: &str| {
            let mut all = challenge.params.iter();
            let found = all.find(|(name, _)| name.eq_ignore_ascii_case(wanted));
            found.map(|(_, value)| value.to_unescaped())
        };
        if challenge.scheme.eq_ignore_ascii_case("basic") {
            return Some(Self::Basic);
        }
        let is_bearer = challenge.scheme.eq_ignore_ascii_case("bearer");
        let realm = parameter("realm").filter(|_| is_bearer)?;
        Some(Self::Bearer { realm, service: parameter("service") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(values: &[&str]) -> Option<Challenge> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(WWW_AUTHENTICATE, value.parse().unwrap());
        }
        Challenge::read(&headers).ok()
    }

    fn bearer(realm: &str, service: Option<&str>) -> Challenge {
        Challenge::Bearer { realm: realm.into(), service: service.map(Into::into) }
    }

    #[test]
    fn a_token_is_better_than_a_password() {
        let token = "bearer Realm=\"https://a/t\",service=\"a \\\"b\\\"\",scope=\"x\"";
        assert_eq!(read(&["Basic realm=\"x\""]), Some(Challenge::Basic));
        assert_eq!(read(&[token]), Some(bearer("https://a/t", Some("a \"b\""))));
        assert_eq!(read(&["Basic realm=x", token]), Some(bearer("https://a/t", Some("a \"b\""))));
        assert_eq!(read(&["Basic realm=x, Bearer realm=y"]), Some(bearer("y", None)));
        for nothing in ["Bearer service=\"x\"", "Digest realm=\"x\"", "\"", "Bearer realm=\"x"] {
            assert_eq!(read(&[nothing]), None, "{nothing}");
        }
        assert_eq!(read(&[]), None);
    }
}
