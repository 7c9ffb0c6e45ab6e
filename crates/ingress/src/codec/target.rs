//! The request target (RFC 9112 §3.2): origin form, absolute form, or `*`.

use std::borrow::Cow;

use super::{Authority, Reject};
use crate::path;

/// How the target was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Form<'b> {
    /// `/path?query`
    Origin,
    /// `http://host/path?query`, with the authority and the default port of its scheme.
    Absolute(Authority<'b>, u16),
    /// `*`, of OPTIONS only.
    Asterisk,
}

/// A checked target with a normalised path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target<'b> {
    /// How it was written.
    pub form: Form<'b>,
    /// Normalised ([`path::normalise`]); `*` for the asterisk form.
    pub path: Cow<'b, str>,
    /// As sent, without the `?`; `"`, `<`, `>` and the like are percent-encoded.
    pub query: Option<Cow<'b, str>>,
}

impl<'b> Target<'b> {
    /// Reads the target of a request with this method.
    ///
    /// # Errors
    /// One of the target reasons of [`Reject`].
    pub fn parse(method: &str, text: &'b str) -> Result<Self, Reject> {
        if method == "CONNECT" {
            return Err(Reject::Connect);
        }
        if text.bytes().any(|b| !(0x21..=0x7e).contains(&b) || b == b'#') {
            return Err(Reject::TargetBytes);
        }
        if text.starts_with('/') {
            return Self::with_path(Form::Origin, text);
        }
        if text == "*" {
            return match method {
                "OPTIONS" => {
                    Ok(Self { form: Form::Asterisk, path: Cow::Borrowed("*"), query: None })
                }
                _ => Err(Reject::Asterisk),
            };
        }
        Self::absolute(text)
    }

    /// `path?query` as it goes into a request.
    #[must_use]
    pub fn path_and_query(&self) -> Cow<'_, str> {
        match &self.query {
            Some(query) => Cow::Owned(format!("{}?{query}", self.path)),
            None => Cow::Borrowed(&self.path),
        }
    }

    fn absolute(text: &'b str) -> Result<Self, Reject> {
        let (scheme, rest) = text.split_once("://").ok_or(Reject::Target)?;
        let port = match scheme {
            _ if scheme.eq_ignore_ascii_case("http") => 80,
            _ if scheme.eq_ignore_ascii_case("https") => 443,
            _ => return Err(Reject::Target),
        };
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        if authority.contains('@') {
            return Err(Reject::UserInfo);
        }
        let form = Form::Absolute(Authority::parse(authority.as_bytes())?, port);
        Self::with_path(form, path)
    }

    fn with_path(form: Form<'b>, text: &'b str) -> Result<Self, Reject> {
        let (path, query) = match memchr::memchr(b'?', text.as_bytes()) {
            Some(end) => (&text[..end], Some(path::escape_query(&text[end + 1..]))),
            None => (text, None),
        };
        let path = path::normalise(path).map_err(|_| Reject::Path)?;
        Ok(Self { form, path, query })
    }
}
