//! Servers that lie, send too much, send us elsewhere, or fall silent.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use deploy_spec::{Digest, Fault, Kind};
use registry::{Bases, Catalog, Client, Freshness, Limits, Options, Reference, blocking, media};
use serde_json::{Value, json};

use crate::server::files;
use crate::support::{Desk, client, limits, options, pull, serve};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONTENT: &[u8] = b"the bundle";

/// A server that gives this manifest, of this media type, and this answer to everything else.
fn serve_manifest(
    kind: &'static str,
    manifest: &Value,
    other: impl Fn(&Request) -> Response + Clone + Send + Sync + 'static,
) -> String {
    let manifest = manifest.to_string();
    let address = serve(Router::new().fallback(async move |request: Request| {
        if request.uri().path().contains("/manifests/") {
            return ([(header::CONTENT_TYPE, kind)], manifest).into_response();
        }
        other(&request)
    }));
    format!("oci://{address}/a")
}

fn layer(kind: &str, content: &[u8]) -> Value {
    json!({"mediaType": kind, "digest": Digest::of(content), "size": content.len()})
}

fn manifest(layers: &[Value]) -> Value {
    json!({"schemaVersion": 2, "config": layer("application/vnd.oci.empty.v1+json", b"{}"),
           "layers": layers})
}

fn bundle() -> Value {
    manifest(&[layer(media::BUNDLE_ZIP, CONTENT)])
}

/// What a pull ends with when the layer is answered so; and nothing is left behind.
fn pulled(
    client: &Client,
    answer: impl Fn(&Request) -> Response + Clone + Send + Sync + 'static,
) -> Fault {
    let desk = Desk::new();
    let at = serve_manifest(MANIFEST, &bundle(), answer);
    let fault = pull(client, &at, &desk).unwrap_err();
    assert!(!desk.path("got").exists());
    if fault.kind == Kind::Refused {
        assert_eq!(files(desk.folder.path()), Vec::<std::path::PathBuf>::new(), "{fault}");
    }
    fault
}

#[test]
fn other_bytes_are_refused_and_thrown_away() {
    let fault = pulled(&client(), |_| "a bundle !".into_response());
    assert_eq!(fault.kind, Kind::Refused);
    assert_eq!(fault.details["expected"], Digest::of(CONTENT).as_str());
    assert_eq!(fault.details["found"], Digest::of(b"a bundle !").as_str());
}

#[test]
fn more_or_less_than_was_said_is_refused() {
    assert_eq!(pulled(&client(), |_| "the bundle and more".into_response()).kind, Kind::Refused);
    assert_eq!(pulled(&client(), |_| "the".into_response()).kind, Kind::Refused);
    // Without a length in the head it shows only when it arrives.
    let unsaid = |text: &'static [u8]| {
        move |_: &Request| {
            let pieces = text.chunks(4).map(Ok::<_, std::io::Error>);
            let pieces = pieces.collect::<Vec<_>>();
            Body::new(Pieces(pieces.into_iter())).into_response()
        }
    };
    assert_eq!(pulled(&client(), unsaid(b"the bundle and more")).kind, Kind::Refused);
    assert_eq!(pulled(&client(), unsaid(b"the")).kind, Kind::Unavailable);
}

/// Pieces of a body.
struct Pieces(std::vec::IntoIter<Result<&'static [u8], std::io::Error>>);

#[test]
fn what_is_too_large_is_not_begun() {
    let was_asked = Arc::new(AtomicBool::new(false));
    let asked = was_asked.clone();
    let tight = Limits { layer_bytes: CONTENT.len() as u64 - 1, ..limits() };
    let client = Client::new(&Options { limits: tight, ..options() }).unwrap();
    let fault = pulled(&client, move |_| {
        asked.store(true, Ordering::Relaxed);
        CONTENT.into_response()
    });
    assert_eq!(fault.kind, Kind::Refused);
    assert!(!was_asked.load(Ordering::Relaxed));
    let tight = Limits { manifest_bytes: 64, ..limits() };
    let client = Client::new(&Options { limits: tight, ..options() }).unwrap();
    assert_eq!(pulled(&client, |_| CONTENT.into_response()).kind, Kind::Refused);
}

#[test]
fn a_layer_that_is_not_clear_is_refused() {
    let two = [layer(media::BUNDLE_ZIP, CONTENT), layer(media::BUNDLE_SQUASHFS, b"x")];
    for (kind, manifest) in [
        (MANIFEST, manifest(&two)),
        (MANIFEST, manifest(&[])),
        (MANIFEST, manifest(&[layer("application/octet-stream", CONTENT)])),
        (MANIFEST, json!({"schemaVersion": 2})),
        ("application/vnd.oci.image.index.v1+json", bundle()),
        ("text/html", bundle()),
    ] {
        let at = serve_manifest(kind, &manifest, |_| CONTENT.into_response());
        let fault = pull(&client(), &at, &Desk::new()).unwrap_err();
        assert_eq!(fault.kind, Kind::Refused, "{manifest}");
        assert!(fault.message.contains(&at), "{fault}");
    }
    let both = [layer(media::CATALOG, b"a"), layer("application/json", b"b")];
    let at = serve_manifest(MANIFEST, &manifest(&both), |_| "a".into_response());
    let catalog = Catalog::new(Desk::new().path("cache"), options());
    let reference = Reference::parse(&at, &Bases::default()).unwrap();
    let resolved = blocking::run(catalog.resolve(&reference, Freshness::Cached));
    assert_eq!(resolved.unwrap_err().kind, Kind::Refused);
}

#[test]
fn a_manifest_that_is_not_what_was_asked_for_is_refused() {
    let at = serve_manifest(MANIFEST, &bundle(), |_| CONTENT.into_response());
    let other = Digest::of(b"another manifest");
    let fault = pull(&client(), &format!("{at}@{other}"), &Desk::new()).unwrap_err();
    assert_eq!(fault.kind, Kind::Refused);
    assert_eq!(fault.details["expected"], other.as_str());
    // Nor one that its own server calls something else.
    let address = serve(Router::new().fallback(async move || {
        ([("docker-content-digest", other.to_string())], [(header::CONTENT_TYPE, MANIFEST)], "{}")
    }));
    let fault = pull(&client(), &format!("oci://{address}/a"), &Desk::new()).unwrap_err();
    assert_eq!(fault.kind, Kind::Refused);
}

#[test]
fn a_catalog_of_other_bytes_is_refused_and_not_kept() {
    for bytes in ["b", "ab"] {
        let manifest = manifest(&[layer(media::CATALOG, b"a")]);
        let at = serve_manifest(MANIFEST, &manifest, move |_| bytes.into_response());
        let desk = Desk::new();
        let catalog = Catalog::new(desk.path("cache"), options());
        let reference = Reference::parse(&at, &Bases::default()).unwrap();
        let resolved = blocking::run(catalog.resolve(&reference, Freshness::Cached));
        assert_eq!(resolved.unwrap_err().kind, Kind::Refused);
        assert!(!desk.path("cache").exists());
    }
}

#[test]
fn a_token_is_not_asked_for_in_the_clear_or_from_nowhere() {
    for (challenge, why) in [
        ("Bearer realm=\"http://192.0.2.1/token\"", "without TLS"),
        ("Bearer realm=\"/token\"", "no URL"),
        ("Digest realm=\"x\"", "does not say"),
        ("", "does not say"),
    ] {
        let fault = pulled(&client(), move |_| {
            (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, challenge)]).into_response()
        });
        assert_eq!(fault.kind, Kind::Refused, "{fault}");
        assert!(fault.message.contains(why), "{fault}");
    }
}

fn redirect(to: String) -> impl Fn(&Request) -> Response + Clone + Send + Sync + 'static {
    move |_| (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, to.clone())]).into_response()
}

#[test]
fn a_redirect_is_followed_without_our_credentials() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let heard = seen.clone();
    let elsewhere = serve(Router::new().fallback(async move |request: Request| {
        let told = request.headers().get(header::AUTHORIZATION).cloned();
        heard.lock().unwrap().push(told);
        CONTENT
    }));
    let desk = Desk::new();
    let config = desk.path("config.json");
    let to = redirect(format!("http://{elsewhere}/blob"));
    let at = serve_manifest(MANIFEST, &bundle(), move |request| {
        match request.headers().get(header::AUTHORIZATION) {
            Some(_) => to(request),
            None => (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, "Basic realm=x")])
                .into_response(),
        }
    });
    let host = at.trim_start_matches("oci://").trim_end_matches("/a");
    let auth = json!({"auths": {host: {"username": "me", "password": "secret"}}});
    std::fs::write(&config, auth.to_string()).unwrap();
    let options = Options { docker_config: Some(config), ..options() };
    pull(&Client::new(&options).unwrap(), &at, &desk).unwrap();
    assert_eq!(*seen.lock().unwrap(), [None]);
}

#[test]
fn a_redirect_that_goes_on_for_ever_or_nowhere_good_is_not_followed() {
    for (to, why) in [
        ("/again", "more than 5 times"),
        ("http://192.0.2.1/x", "without TLS"),
        ("ftp://localhost/x", "no URL"),
        ("", "no URL"),
    ] {
        let fault = pulled(&client(), redirect(to.into()));
        assert_eq!(fault.kind, Kind::Refused, "{fault}");
        assert!(fault.message.contains(why), "{fault}");
    }
    // Nor does anybody from outside send us into this machine.
    let open = registry::PlainHttp::Everywhere;
    let everywhere = Client::new(&Options { plain_http: open, ..options() }).unwrap();
    let at = serve_manifest(MANIFEST, &bundle(), redirect("http://127.0.0.1:1/x".into()));
    let at = at.replace("127.0.0.1", "0.0.0.0");
    let fault = pull(&everywhere, &at, &Desk::new()).unwrap_err();
    assert_eq!(fault.kind, Kind::Refused);
    assert!(fault.message.contains("this machine"), "{fault}");
}

#[test]
fn a_server_that_falls_silent_is_given_up() {
    let quick = Duration::from_millis(100);
    let limits = Limits { silence: quick, connect: quick, attempts: 0, ..limits() };
    let client = Client::new(&Options { limits, ..options() }).unwrap();
    // One that takes connections and says nothing, and one that stops after the head.
    let mute = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let at = format!("oci://{}/a", mute.local_addr().unwrap());
    let fault = pull(&client, &at, &Desk::new()).unwrap_err();
    assert_eq!(fault.kind, Kind::Unavailable, "{fault}");
    let fault = pulled(&client, |_| {
        let length = [(header::CONTENT_LENGTH, CONTENT.len())];
        (length, Body::new(Never)).into_response()
    });
    assert_eq!(fault.kind, Kind::Unavailable, "{fault}");
    assert!(fault.message.contains("heard nothing"), "{fault}");
}

#[test]
fn a_server_that_takes_for_ever_is_given_up() {
    let quick = Duration::from_millis(100);
    let limits = Limits { transfer: quick, ..limits() };
    let client = Client::new(&Options { limits, ..options() }).unwrap();
    let fault = pulled(&client, |_| Body::new(Never).into_response());
    assert_eq!(fault.kind, Kind::Unavailable, "{fault}");
    assert!(fault.message.contains("was not whole after"), "{fault}");
}

/// A body that never comes.
struct Never;

impl http_body::Body for Never {
    type Data = axum::body::Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Self::Data>, Self::Error>>> {
        std::task::Poll::Pending
    }
}

impl http_body::Body for Pieces {
    type Data = axum::body::Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Self::Data>, Self::Error>>> {
        let piece = self.0.next();
        let frame = |piece: &'static [u8]| http_body::Frame::data(axum::body::Bytes::from(piece));
        std::task::Poll::Ready(piece.map(|piece| piece.map(frame)))
    }
}

#[test]
fn what_a_server_says_is_shown_without_its_control_characters() {
    let error = r#"{"errors": [{"code": "DENIED", "message": "\u001b[2J no"}]}"#;
    let fault = pulled(&client(), move |_| (StatusCode::FORBIDDEN, error).into_response());
    assert_eq!(fault.kind, Kind::Refused);
    assert!(fault.message.contains("DENIED") && !fault.message.contains('\u{1b}'), "{fault}");
    assert!(fault.hint.is_some_and(|hint| hint.starts_with("docker login 127.0.0.1:")));
}
