//! One thing that is wrong with a document, so that all of them can be said at once.

/// What is wrong with a document: the field by JSON pointer (RFC 6901), and why. It never shows an
/// answer, which may be a secret that somebody put in the wrong place.
pub type Objection = (String, String);

/// A pointer to the member `name` of the document at `parent`.
pub(crate) fn member(parent: &str, name: &str) -> String {
    format!("{parent}/{}", name.replace('~', "~0").replace('/', "~1"))
}
