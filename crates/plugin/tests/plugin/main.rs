//! What a host does with real components, those that mean no good included.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod asked;
mod guests;
mod hostile;
