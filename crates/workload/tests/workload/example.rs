//! The example that a newcomer deploys.

use std::path::Path;

use bundle::Format;
use http::{Request, StatusCode};
use http_body_util::Full;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::guests;
use crate::support::{ask, engine, get, pack};

#[tokio::test]
async fn hello_answers_as_its_readme_says() {
    let dir = TempDir::new().unwrap();
    let source = dir.path().join("source");
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/hello/v1");
    for file in ["bundle.yaml", "site/index.html", "site/style.css"] {
        std::fs::create_dir_all(source.join(file).parent().unwrap()).unwrap();
        std::fs::copy(example.join(file), source.join(file)).unwrap();
    }
    std::fs::create_dir(source.join("packs")).unwrap();
    std::fs::write(source.join("packs/hello.wasm"), guests::hello()).unwrap();
    let hello = pack(dir, &source, Format::Squashfs).load(&engine()).unwrap();

    let request = Request::get("/some/path?q")
        .header("x-greentic-revision", "01J \"quoted\"")
        .header("x-forwarded-prefix", "/shop")
        .body(Full::default())
        .unwrap();
    let answer = ask(&hello, request).await;
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(
        serde_json::from_slice::<Value>(&answer.body).unwrap(),
        json!({
            "greeting": "hello", "version": "1.0.0", "path": "/some/path",
            "prefix": "/shop", "revision": "01J \"quoted\"",
        })
    );
    assert_eq!(ask(&hello, get("/readyz")).await.status, StatusCode::OK);
    assert_eq!(ask(&hello, get("/slow?ms=1")).await.text(), "slept for 1 ms\n");
    assert_eq!(ask(&hello, get("/slow")).await.status, StatusCode::BAD_REQUEST);
    let echoed = Request::post("/echo").body(Full::from("said")).unwrap();
    assert_eq!(ask(&hello, echoed).await.text(), "said");
    assert_eq!(ask(&hello, get("/site")).await.header("location"), "/site/");
    assert!(ask(&hello, get("/site/")).await.text().contains("hello from version 1.0.0"));
}
