//! What a secret looks like, and where one stands in a stream of bytes.
//!
//! The rules are data, `rules/*.json`, written from the formats that the issuers publish. A rule is a
//! keyword that is looked for first, a pattern, and what makes a match of the pattern no secret: too
//! little entropy, a wrong checksum, a placeholder. Nothing here reads a file, and nothing here gives
//! a secret back: a [`Finding`] says where and by which rule.

mod check;
mod finding;
mod judge;
mod rule;
mod rules;
#[cfg(any(test, feature = "samples"))]
pub mod samples;
mod stream;

pub use finding::Finding;
pub use rules::Rules;
pub use stream::Stream;

#[cfg(test)]
mod tests;
