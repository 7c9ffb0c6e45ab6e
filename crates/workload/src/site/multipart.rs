//! Answers that send parts of a file (RFC 9110 §14.4 and §14.6).

use std::ops::Range;

use bytes::Bytes;
use http::{Response, StatusCode, header};

use super::head::{insert, whole};
use crate::body::Body;

/// Separates the parts; long enough that no file holds it by chance.
const BOUNDARY: &str = "gt-part-9d1f8c0e5b7a42364c8de21b";

/// One part of a file of `size` bytes.
pub(super) fn one(body: Body, part: &Range<u64>, size: u64) -> Response<Body> {
    let mut response = whole(body, part.end - part.start);
    *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    insert(&mut response, header::CONTENT_RANGE, content_range(part, size));
    response
}

/// Several parts of a file that is in memory, each with its own head.
pub(super) fn many(file: &Bytes, parts: &[Range<u64>], kind: &str) -> Response<Body> {
    let mut body = Vec::new();
    for part in parts {
        let range = content_range(part, file.len() as u64);
        let head =
            format!("--{BOUNDARY}\r\ncontent-type: {kind}\r\ncontent-range: {range}\r\n\r\n");
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(&file[part.start as usize..part.end as usize]);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
    let length = body.len() as u64;
    let mut response = whole(Bytes::from(body).into(), length);
    *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    let kind = format!("multipart/byteranges; boundary={BOUNDARY}");
    insert(&mut response, header::CONTENT_TYPE, kind);
    response
}

fn content_range(part: &Range<u64>, size: u64) -> String {
    format!("bytes {}-{}/{size}", part.start, part.end - 1)
}
