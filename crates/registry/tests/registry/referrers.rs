//! Signatures beside an artifact: under a tag where the registry keeps no list of its own, which is
//! what the real one here does, and in the list where it keeps one.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post, put};
use deploy_spec::{Digest, Kind};
use registry::{Artifact, Client, Limits, Options, blocking, media};
use serde_json::{Value, json};

use crate::server::Server;
use crate::support::{Desk, client, limits, oci, options, push, serve};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";

#[test]
fn signatures_are_found_by_tag_where_there_is_no_list() {
    let (server, desk, client) = (Server::plain(), Desk::new(), client());
    let pushed = push(&client, &server.at("a"), &desk.file("a", 10)).unwrap();
    let signatures =
        || blocking::run(client.signatures(&pushed.reference, &pushed.manifest_digest)).unwrap();
    assert!(signatures().is_empty());
    for envelope in ["one", "two", "one"] {
        blocking::run(client.attach(&oci(&server.at("a")), envelope.as_bytes())).unwrap();
    }
    assert_eq!(signatures(), [b"one".to_vec(), b"two".to_vec()]);
    let tag = format!("PUT /v2/a/manifests/sha256-{} 201", pushed.manifest_digest.hex());
    assert_eq!(server.requests(2, |line| line == tag).len(), 2);
}

#[test]
fn a_signature_is_there_before_the_tag_is() {
    let (server, desk) = (Server::plain(), Desk::new());
    let artifact = Artifact { signatures: vec![b"one".to_vec()], ..desk.file("a", 10) };
    let pushed = push(&client(), &server.at("a:v1"), &artifact).unwrap();
    let puts = server.requests(4, |line| line.starts_with("PUT /v2/a/manifests/"));
    assert_eq!(puts[0], format!("PUT /v2/a/manifests/{} 201", pushed.manifest_digest));
    assert_eq!(puts[3], "PUT /v2/a/manifests/v1 201");
}

/// A registry with a list of referrers, of which it shows one at a time.
#[derive(Clone, Default)]
struct Listing {
    blobs: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
    manifests: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
    referrers: Arc<Mutex<Vec<Value>>>,
}

impl Listing {
    fn blob(&self, digest: &str) -> Response {
        let blob = self.blobs.lock().unwrap().get(digest).cloned();
        blob.ok_or(StatusCode::NOT_FOUND).into_response()
    }

    fn manifest(&self, target: &str) -> Response {
        let manifest = self.manifests.lock().unwrap().get(target).cloned();
        let kind = [(header::CONTENT_TYPE, "application/vnd.oci.image.manifest.v1+json")];
        manifest.map(|bytes| (kind, bytes)).ok_or(StatusCode::NOT_FOUND).into_response()
    }

    fn take_manifest(&self, target: String, body: &Bytes) -> Response {
        let manifest: Value = serde_json::from_slice(body).unwrap();
        self.manifests.lock().unwrap().insert(target, body.to_vec());
        let Some(subject) = manifest["subject"]["digest"].as_str() else {
            return StatusCode::CREATED.into_response();
        };
        self.referrers.lock().unwrap().push(json!({
            "mediaType": manifest["mediaType"], "digest": Digest::of(body), "size": body.len(),
            "artifactType": manifest["artifactType"],
        }));
        (StatusCode::CREATED, [("oci-subject", subject.to_owned())]).into_response()
    }

    fn page(&self, digest: &str, at: usize) -> Response {
        let all = self.referrers.lock().unwrap();
        let shown: Vec<&Value> = all.iter().skip(at).take(1).collect();
        let body = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": shown}).to_string();
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, INDEX.parse().unwrap());
        if at + 1 < all.len() {
            let next = format!("</v2/a/referrers/{digest}?at={}>; rel=\"next\"", at + 1);
            headers.insert(header::LINK, next.parse().unwrap());
        }
        (headers, body).into_response()
    }

    fn router(&self) -> Router {
        let blob = get(async |State(me): State<Self>, Path(digest): Path<String>| me.blob(&digest));
        let take = put(
            async |State(me): State<Self>,
                   Query(ask): Query<BTreeMap<String, String>>,
                   body: Bytes| {
                me.blobs.lock().unwrap().insert(ask["digest"].clone(), body.to_vec());
                StatusCode::CREATED
            },
        );
        let manifest = get(async |State(me): State<Self>, Path(at): Path<String>| me.manifest(&at))
            .put(async |State(me): State<Self>, Path(at): Path<String>, body: Bytes| {
                me.take_manifest(at, &body)
            });
        let page = get(
            async |State(me): State<Self>,
                   Path(digest): Path<String>,
                   Query(ask): Query<BTreeMap<String, usize>>| {
                me.page(&digest, ask.get("at").copied().unwrap_or_default())
            },
        );
        let opened = (StatusCode::ACCEPTED, [("location", "/v2/a/blobs/uploads/1")]);
        Router::new()
            .route("/v2/a/blobs/{digest}", blob)
            .route("/v2/a/blobs/uploads/", post(opened))
            .route("/v2/a/blobs/uploads/1", take)
            .route("/v2/a/manifests/{at}", manifest)
            .route("/v2/a/referrers/{digest}", page)
            .with_state(self.clone())
    }
}

/// A listing registry with an artifact that has two signatures.
fn listed() -> (Listing, registry::Pushed) {
    let (listing, desk) = (Listing::default(), Desk::new());
    let at = format!("oci://{}/a:v1", serve(listing.router()));
    let signatures = vec![b"one".to_vec(), b"two".to_vec()];
    let artifact = Artifact { signatures, ..desk.file("a", 10) };
    let pushed = push(&client(), &at, &artifact).unwrap();
    (listing, pushed)
}

#[test]
fn signatures_are_found_in_the_list_where_there_is_one() {
    let (listing, pushed) = listed();
    let found = blocking::run(client().signatures(&pushed.reference, &pushed.manifest_digest));
    assert_eq!(found.unwrap(), [b"one".to_vec(), b"two".to_vec()]);
    let tags = listing.manifests.lock().unwrap();
    assert!(!tags.keys().any(|tag| tag.starts_with("sha256-")), "no list of ours besides");
}

#[test]
fn a_list_does_not_speak_for_what_it_lists() {
    let (listing, pushed) = listed();
    let find = || blocking::run(client().signatures(&pushed.reference, &pushed.manifest_digest));
    // One that refers to something else is passed over.
    let stranger = listing.referrers.lock().unwrap()[0]["digest"].as_str().unwrap().to_owned();
    let other = Digest::of(b"another");
    let manifest = listing.manifests.lock().unwrap()[&stranger].clone();
    let manifest = String::from_utf8(manifest).unwrap();
    let manifest = manifest.replace(pushed.manifest_digest.as_str(), other.as_str());
    let digest = Digest::of(manifest.as_bytes()).to_string();
    listing.manifests.lock().unwrap().insert(digest.clone(), manifest.into_bytes());
    listing.referrers.lock().unwrap()[0]["digest"] = digest.into();
    assert_eq!(find().unwrap(), [b"two".to_vec()]);
    // One that is not what its digest says is refused.
    let second = listing.referrers.lock().unwrap()[1]["digest"].as_str().unwrap().to_owned();
    listing.manifests.lock().unwrap().get_mut(&second).unwrap().push(b' ');
    assert_eq!(find().unwrap_err().kind, Kind::Refused);
}

#[test]
fn there_are_bounds_to_signatures() {
    let (listing, pushed) = listed();
    let find = |limits: Limits| {
        let client = Client::new(&Options { limits, ..options() }).unwrap();
        blocking::run(client.signatures(&pushed.reference, &pushed.manifest_digest))
    };
    for tight in [
        Limits { signatures: 1, ..limits() },
        Limits { pages: 1, ..limits() },
        Limits { envelope_bytes: 2, ..limits() },
        Limits { manifest_bytes: 100, ..limits() },
    ] {
        let fault = find(tight).unwrap_err();
        assert_eq!(fault.kind, Kind::Refused, "{fault}");
    }
    // What is listed as something else does not count.
    listing.referrers.lock().unwrap()[0]["artifactType"] = media::BUNDLE.into();
    assert_eq!(find(Limits { signatures: 1, ..limits() }).unwrap().len(), 1);
}
