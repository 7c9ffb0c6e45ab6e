//! A request's way into a component and back.

use bytes::Bytes;
use deploy_spec::PackKind;
use http::{Request, StatusCode};
use http_body_util::Full;
use serde_json::json;

use crate::guests;
use crate::support::{ask, bundle, engine, get, naughty, naughty_bundle};
use workload::Failure;

#[tokio::test]
async fn the_longest_public_path_answers_and_is_moved_to_the_prefix_header() {
    let packs = "
  - {pack_id: root, kind: http-component, path: packs/web.wasm}
  - {pack_id: api, kind: http-component, path: packs/web.wasm, public_path: /headers}
  - {pack_id: site, kind: static, path: site, public_path: /headers/site}
";
    let files: &[(&str, &[u8])] =
        &[("packs/web.wasm", guests::naughty()), ("site/a.txt", b"a file")];
    let workload = bundle(packs, files).load(&engine()).unwrap();
    let ids: Vec<_> = workload.packs().map(|pack| pack.pack_id.to_string()).collect();
    assert_eq!(ids, ["site", "api", "root"]);
    assert_eq!(workload.packs().next().unwrap().kind, PackKind::Static);

    assert_eq!(ask(&workload, get("/headers/site/a.txt")).await.text(), "a file");
    let mut request = get("/headers/headers?x=/headers");
    request.headers_mut().insert("x-forwarded-prefix", "/shop".parse().unwrap());
    let text = ask(&workload, request).await.text().to_owned();
    assert!(text.contains("path: /headers?x=/headers"), "{text}");
    assert!(text.contains("x-forwarded-prefix: /shop/headers"), "{text}");
    let text = ask(&workload, get("/headersandmore")).await.text().to_owned();
    assert_eq!(text, "/headersandmore", "prefixes match whole segments");
}

#[tokio::test]
async fn a_path_that_no_pack_covers_is_not_found() {
    let workload = naughty("public_path: /api");
    let response = workload.respond(get("/other")).await;
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    assert_eq!(response.extensions().get(), Some(&Failure::NoPack));
    assert_eq!(ask(&workload, get("/api/there")).await.text(), "/there");
}

#[tokio::test]
async fn the_guest_sees_the_host_and_not_the_headers_of_the_connection() {
    let workload = naughty("");
    let request = Request::get("/headers")
        .header("host", "shop.example")
        .header("connection", "keep-alive, x-hop")
        .header("x-kept", "yes")
        .body(Full::default())
        .unwrap();
    let text = ask(&workload, request).await.text().to_owned();
    assert!(text.contains("authority: shop.example"), "{text}");
    assert!(text.contains("x-kept: yes"), "{text}");
    assert!(!text.contains("connection:"), "{text}");
    let none = ask(&workload, get("/headers")).await;
    assert!(none.text().contains("authority: localhost"), "HTTP/1.0 may name no host");
}

#[tokio::test]
async fn a_host_that_is_no_text_is_a_bad_request() {
    let mut request = get("/");
    request.headers_mut().insert("host", http::HeaderValue::from_bytes(b"\xff").unwrap());
    let answer = ask(&naughty(""), request).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn hop_by_hop_headers_of_a_guest_are_dropped() {
    let answer = ask(&naughty(""), get("/hop")).await;
    for name in ["connection", "keep-alive", "transfer-encoding", "upgrade", "te", "trailer"] {
        assert_eq!(answer.header(name), "", "{name}");
    }
    assert_eq!(answer.header("x-kept"), "yes");
    assert_eq!(answer.text(), "te trailer", "what the guest was able to set at all");
}

#[tokio::test]
async fn a_reply_that_is_complete_has_its_length() {
    let workload = naughty("");
    // A guest that is interrupted because the machine is busy has no whole answer at first.
    let mut response = workload.respond(get("/short")).await;
    while response.body().whole().is_none() {
        response = workload.respond(get("/short")).await;
    }
    assert_eq!(response.body().whole().unwrap(), "/short");
    let exact = http_body::Body::size_hint(response.body()).exact();
    assert_eq!(exact, Some(6));
}

#[tokio::test]
async fn statuses_pass_but_informational_ones_are_no_answer() {
    let workload = naughty("");
    for (code, expected) in [("404", 404), ("204", 204), ("599", 599), ("101", 502), ("103", 502)] {
        let answer = ask(&workload, get(&format!("/status?{code}"))).await;
        assert_eq!(answer.status, expected, "{code}");
    }
}

#[tokio::test]
async fn configuration_is_read_by_name() {
    let config = json!({"text": "as it is", "number": 8, "list": [1, "two"], "nothing": null});
    let workload = naughty_bundle("").load_with(&engine(), config.as_object().unwrap()).unwrap();
    for (key, value) in [
        ("text", "as it is"),
        ("number", "8"),
        ("list", "[1,\"two\"]"),
        ("nothing", "null"),
        ("absent", "nothing"),
    ] {
        assert_eq!(ask(&workload, get(&format!("/config?{key}"))).await.text(), value, "{key}");
    }
}

#[tokio::test]
async fn large_bodies_pass_both_ways() {
    let bytes = Bytes::from_iter((0..3_000_000_u32).map(|i| (i % 251) as u8));
    let request = Request::post("/echo").body(Full::new(bytes.clone())).unwrap();
    let answer = ask(&naughty(""), request).await;
    assert!(answer.body == bytes, "{} bytes came back", answer.body.len());
}
