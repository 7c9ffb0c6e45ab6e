//! HTTP/1.1 as bytes (RFC 9112): bytes go in, views and framing come out. No sockets, no clock,
//! no tasks may enter here, so that every rule can be tested by a table or a property.
//!
//! The rule behind every strict choice: *a message two parsers could read differently is refused*.
//!
//! * [`HeadScan`] finds the end of a request head, once over each byte, however it is split.
//! * [`RequestHead`] is the zero-copy view over those bytes.
//! * [`ChunkedDecoder`] undoes the chunked transfer coding.
//! * [`ResponseHead`] writes the head of an answer.
//! * [`Reject`] is every reason to refuse, with its status.

mod authority;
mod chunked;
mod fields;
mod head;
mod reject;
mod request;
mod response;
mod scan;
mod target;
#[cfg(test)]
mod tests;

pub use authority::Authority;
pub use chunked::{
    ChunkedDecoder, Decoded, MAX_CHUNK_LINE_BYTES, MAX_CHUNK_OVERHEAD_BYTES, may_trail,
};
pub(crate) use fields::content_length;
pub use fields::{Framing, MAX_CONTENT_LENGTH_DIGITS};
pub use head::{HeaderSlots, MAX_HEADERS, RequestHead, header_slots};
pub use reject::Reject;
pub use request::HOP_BY_HOP;
pub(crate) use response::named_by_connection;
pub use response::{
    Length, ResponseHead, bodiless, declared_length, line, write_answer, write_chunk_size,
};
pub use scan::HeadScan;
pub use target::{Form, Target};

/// Bounds on one request head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Request line and header lines together, in bytes. More is a 431.
    pub head_bytes: usize,
    /// The request target alone, in bytes. More is a 414.
    pub target_bytes: usize,
    /// How many header lines; never more than [`MAX_HEADERS`]. More is a 431.
    pub headers: usize,
}
