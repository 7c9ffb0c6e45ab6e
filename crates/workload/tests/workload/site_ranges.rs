//! Parts of files, and files too large to keep.

use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::Full;
use workload::Workload;

use crate::support::{Answer, ask, bundle, engine, get, next};

/// 3 MB that compress badly and are nowhere the same.
static LARGE: LazyLock<Bytes> = LazyLock::new(|| {
    let mut state = 1_u32;
    Bytes::from_iter(
        std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .take(3_000_000),
    )
});

fn site() -> Arc<Workload> {
    let files: &[(&str, &[u8])] =
        &[("public/ten.txt", b"0123456789"), ("public/empty", b""), ("public/large", &LARGE)];
    let packs = "  - {pack_id: site, kind: static, path: public}\n";
    bundle(packs, files).load(&engine()).unwrap()
}

async fn range(site: &Arc<Workload>, uri: &str, range: &str, if_range: Option<&str>) -> Answer {
    let mut request = Request::get(uri).header("range", range);
    if let Some(etag) = if_range {
        request = request.header("if-range", etag);
    }
    ask(site, request.body(Full::default()).unwrap()).await
}

#[tokio::test]
async fn one_part() {
    let site = site();
    let answer = range(&site, "/ten.txt", "bytes=2-4", None).await;
    assert_eq!(answer.status, StatusCode::PARTIAL_CONTENT);
    assert_eq!(answer.text(), "234");
    assert_eq!(answer.header("content-range"), "bytes 2-4/10");
    assert_eq!(answer.header("content-length"), "3");
    assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
}

#[tokio::test]
async fn several_parts() {
    let answer = range(&site(), "/ten.txt", "bytes=0-1,-2", None).await;
    assert_eq!(answer.status, StatusCode::PARTIAL_CONTENT);
    let kind = answer.header("content-type");
    let boundary = kind.strip_prefix("multipart/byteranges; boundary=").unwrap();
    let part = |range: &str, data: &str| {
        format!(
            "--{boundary}\r\ncontent-type: text/plain; charset=utf-8\r\n\
             content-range: bytes {range}/10\r\n\r\n{data}\r\n"
        )
    };
    let expected = format!("{}{}--{boundary}--\r\n", part("0-1", "01"), part("8-9", "89"));
    assert_eq!(answer.text(), expected);
    assert_eq!(answer.header("content-length"), expected.len().to_string());
    assert_eq!(answer.header("content-range"), "");
}

#[tokio::test]
async fn what_cannot_be_satisfied_says_the_size() {
    let site = site();
    for (uri, size) in [("/ten.txt", 10), ("/empty", 0)] {
        let answer = range(&site, uri, "bytes=10-", None).await;
        assert_eq!(answer.status, StatusCode::RANGE_NOT_SATISFIABLE);
        assert_eq!(answer.header("content-range"), format!("bytes */{size}"));
        assert!(answer.body.is_empty());
    }
}

#[tokio::test]
async fn a_range_of_something_else_gets_everything() {
    let site = site();
    let etag = ask(&site, get("/ten.txt")).await.header("etag").to_owned();
    for (if_range, status) in
        [(etag.as_str(), 206), ("\"other\"", 200), ("Sat, 21 Nov 2026 04:10:20 GMT", 200)]
    {
        let answer = range(&site, "/ten.txt", "bytes=0-0", Some(if_range)).await;
        assert_eq!(answer.status, status, "{if_range}");
    }
    let request = Request::head("/ten.txt").header("range", "bytes=0-0").body(Full::default());
    let head = ask(&site, request.unwrap()).await;
    assert_eq!((head.status, head.header("content-length")), (StatusCode::OK, "10"));
}

#[tokio::test]
async fn a_large_file_is_streamed() {
    let site = site();
    let response = site.respond(get("/large")).await;
    assert!(response.body().whole().is_none());
    let etag = response.headers()["etag"].clone();
    let mut body = response.into_body();
    let mut read = Vec::new();
    while let Some(chunk) = next(&mut body).await {
        let chunk = chunk.unwrap();
        assert!(chunk.len() <= 64 << 10, "{}", chunk.len());
        read.extend(chunk);
    }
    assert!(read == *LARGE);
    let answer = range(&site, "/large", "bytes=2500000-2500999", None).await;
    assert_eq!(answer.header("content-range"), "bytes 2500000-2500999/3000000");
    assert!(answer.body == LARGE[2_500_000..2_501_000]);
    assert_eq!(answer.header("etag"), etag);
    let many = range(&site, "/large", "bytes=0-0,5-5", None).await;
    assert_eq!(many.status, StatusCode::OK, "many parts of a large file are not worth it");
}
