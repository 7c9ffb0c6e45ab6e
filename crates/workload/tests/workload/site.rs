//! Static packs.

use std::os::unix::fs::symlink;
use std::sync::Arc;

use bundle::Format;
use http::{Method, Request, StatusCode};
use http_body_util::Full;
use tempfile::TempDir;
use workload::Workload;

use crate::support::{Answer, ask, bundle, bundle_in, engine, get, pack};

const SITE: &str = "  - {pack_id: site, kind: static, path: public}\n";

fn site(files: &[(&str, &[u8])]) -> Arc<Workload> {
    bundle(SITE, files).load(&engine()).unwrap()
}

async fn with(site: &Arc<Workload>, uri: &str, header: (&str, &str)) -> Answer {
    let request = Request::get(uri).header(header.0, header.1).body(Full::default()).unwrap();
    ask(site, request).await
}

#[tokio::test]
async fn a_file_is_sent_with_what_a_browser_needs() {
    for format in [Format::Squashfs, Format::Zip] {
        let files: &[(&str, &[u8])] = &[("public/a b/page.html", b"<p>hi")];
        let site = bundle_in(format, SITE, files).load(&engine()).unwrap();
        let answer = ask(&site, get("/a%20b/page.html?v=1")).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(answer.text(), "<p>hi");
        for (name, value) in [
            ("content-type", "text/html; charset=utf-8"),
            ("content-length", "5"),
            ("cache-control", "no-cache"),
            ("x-content-type-options", "nosniff"),
            ("accept-ranges", "bytes"),
            ("vary", ""),
            ("content-encoding", ""),
        ] {
            assert_eq!(answer.header(name), value, "{name}");
        }
    }
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let site = site(&[("public/a.txt", b"hello")]);
    let got = ask(&site, get("/a.txt")).await;
    let request = Request::head("/a.txt").body(Full::default()).unwrap();
    let head = ask(&site, request).await;
    assert_eq!((head.status, &head.headers), (got.status, &got.headers));
    assert!(head.body.is_empty());
}

#[tokio::test]
async fn other_methods_are_not_allowed() {
    let site = site(&[("public/a.txt", b"hello")]);
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS] {
        let request = Request::builder().method(&method).uri("/a.txt").body(Full::default());
        let answer = ask(&site, request.unwrap()).await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method}");
        assert_eq!(answer.header("allow"), "GET, HEAD");
    }
}

#[tokio::test]
async fn folders_have_an_index_or_nothing() {
    let site = site(&[
        ("public/index.html", b"root"),
        ("public/sub/index.html", b"sub"),
        ("public/bare/x.txt", b"x"),
    ]);
    assert_eq!(ask(&site, get("/")).await.text(), "root");
    assert_eq!(ask(&site, get("/sub/")).await.text(), "sub");
    assert_eq!(ask(&site, get("/bare/")).await.status, StatusCode::NOT_FOUND, "no listing");
    assert_eq!(ask(&site, get("/index.html/")).await.status, StatusCode::NOT_FOUND);
    let answer = ask(&site, get("/sub?q=1")).await;
    assert_eq!(answer.status, StatusCode::PERMANENT_REDIRECT);
    assert_eq!(answer.header("location"), "/sub/?q=1");
}

#[tokio::test]
async fn redirects_name_the_path_that_the_client_sees() {
    let packs = "  - {pack_id: site, kind: static, path: public, public_path: /docs}\n";
    let files: &[(&str, &[u8])] = &[("public/index.html", b"root"), ("public/sub/a", b"a")];
    let site = bundle(packs, files).load(&engine()).unwrap();
    for (path, prefix, location) in [
        ("/docs", "/shop", "/shop/docs/"),
        ("/docs?q", "", "/docs/?q"),
        ("/docs/sub", "/shop", "/shop/docs/sub/"),
        ("/docs/s%75b", "", "/docs/s%75b/"),
    ] {
        let answer = with(&site, path, ("x-forwarded-prefix", prefix)).await;
        assert_eq!(answer.status, StatusCode::PERMANENT_REDIRECT, "{path}");
        assert_eq!(answer.header("location"), location);
    }
    assert_eq!(ask(&site, get("/docs/")).await.text(), "root");
}

#[tokio::test]
async fn nothing_outside_the_folder_can_be_named() {
    let site = site(&[("public/a.txt", b"a"), ("secret.txt", b"s"), ("publicity/b.txt", b"b")]);
    for (path, status) in [
        ("/../secret.txt", 400),
        ("/%2e%2e/secret.txt", 400),
        ("/..%2fsecret.txt", 400),
        ("/a.txt%00", 400),
        ("/%zz", 400),
        ("//a.txt", 404),
        ("/secret.txt", 404),
        ("/public/a.txt", 404),
        ("/ity/b.txt", 404),
        ("/A.txt", 404),
    ] {
        assert_eq!(ask(&site, get(path)).await.status, status, "{path}");
    }
}

#[tokio::test]
async fn links_are_followed_inside_the_folder_only() {
    let dir = TempDir::new().unwrap();
    let source = dir.path().join("source");
    std::fs::create_dir_all(source.join("public/real")).unwrap();
    let manifest = "schema: greentic.bundle.v1\nbundle_id: test\nversion: 1.0.0\npacks:\n";
    std::fs::write(source.join("bundle.yaml"), format!("{manifest}{SITE}")).unwrap();
    std::fs::write(source.join("public/real/a.txt"), "a").unwrap();
    symlink("real", source.join("public/folder")).unwrap();
    symlink("real/a.txt", source.join("public/file.txt")).unwrap();
    symlink("../bundle.yaml", source.join("public/out.txt")).unwrap();
    let site = pack(dir, &source, Format::Squashfs).load(&engine()).unwrap();
    assert_eq!(ask(&site, get("/file.txt")).await.text(), "a");
    assert_eq!(ask(&site, get("/folder/a.txt")).await.text(), "a");
    assert_eq!(ask(&site, get("/out.txt")).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_client_that_has_the_file_is_told_so() {
    let site_a = site(&[("public/a.txt", b"one"), ("public/same.txt", b"one")]);
    let got = ask(&site_a, get("/a.txt")).await;
    let etag = got.header("etag");
    assert!(etag.starts_with('"') && etag.len() == 34, "{etag}");
    let again = with(&site_a, "/a.txt", ("if-none-match", etag)).await;
    assert_eq!(again.status, StatusCode::NOT_MODIFIED);
    assert_eq!((again.header("etag"), again.header("content-type")), (etag, ""));
    assert!(again.body.is_empty());
    let other = with(&site_a, "/a.txt", ("if-match", "\"other\"")).await;
    assert_eq!(other.status, StatusCode::PRECONDITION_FAILED);

    let next = site(&[("public/a.txt", b"one"), ("public/new.txt", b"new")]);
    let same = ask(&next, get("/a.txt")).await;
    assert_eq!(same.header("etag"), etag, "the same content, though another bundle");
    assert_ne!(ask(&next, get("/new.txt")).await.header("etag"), etag);
}

#[tokio::test]
async fn compressed_forms_are_sent_to_those_who_take_them() {
    let site = site(&[
        ("public/app.js", b"plain"),
        ("public/app.js.br", b"as br"),
        ("public/app.js.gz", b"as gzip"),
        ("public/other.js", b"other"),
    ]);
    for (accept, body, coding) in [
        ("", "plain", ""),
        ("gzip, br", "as br", "br"),
        ("gzip, br;q=0.5", "as gzip", "gzip"),
        ("zstd, gzip", "as gzip", "gzip"),
        ("zstd", "plain", ""),
        ("identity, gzip;q=0.5", "plain", ""),
        ("gzip;q=0", "plain", ""),
    ] {
        let answer = with(&site, "/app.js", ("accept-encoding", accept)).await;
        assert_eq!((answer.text(), answer.header("content-encoding")), (body, coding), "{accept}");
        assert_eq!(answer.header("content-type"), "text/javascript; charset=utf-8");
        assert_eq!(answer.header("vary"), "accept-encoding");
        assert_eq!(answer.header("content-length"), body.len().to_string());
    }
    let plain = ask(&site, get("/app.js")).await;
    let gzip = with(&site, "/app.js", ("accept-encoding", "gzip")).await;
    assert_ne!(plain.header("etag"), gzip.header("etag"));
    assert_eq!(ask(&site, get("/other.js")).await.header("vary"), "");
}
