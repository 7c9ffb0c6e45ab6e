//! Transfers that break off: the real registry is killed in the middle and started again, and where
//! it forgets what others remember, a small server remembers.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, patch};
use deploy_spec::{Digest, Kind};
use registry::{Client, Limits, Options, Progress, blocking, media};

use crate::server::Server;
use crate::support::{Desk, client, limits, oci, options, pull, push, quiet, same, serve};

const MIB: u64 = 1 << 20;

fn with(limits: Limits) -> Client {
    Client::new(&Options { limits, ..options() }).unwrap()
}

/// Pushes some MiB, and does harm to the server once, when `is_time` says so of how far it is. Gives
/// how many bytes were sent, and the server.
///
/// A piece may be begun on a connection of which nobody noticed yet that it is dead.
fn push_harmed(
    limits: Limits,
    mib: u64,
    is_time: fn(u64) -> bool,
    harm: fn(&mut Server),
) -> (u64, Server) {
    let (server, desk) = (Mutex::new(Server::plain()), Desk::new());
    let client = with(limits);
    let artifact = desk.file("a", usize::try_from(mib * MIB).unwrap());
    let at = oci(&server.lock().unwrap().at("a"));
    let was_harmed = AtomicBool::new(false);
    let progress = |progress: Progress| {
        if is_time(progress.done_bytes) && !was_harmed.swap(true, Ordering::Relaxed) {
            harm(&mut server.lock().unwrap());
        }
    };
    let pushed = blocking::run(client.push(&at, &artifact, &progress)).unwrap();
    assert!(was_harmed.into_inner());
    let server = server.into_inner().unwrap();
    pull(&client, &server.at("a"), &desk).unwrap();
    assert!(same(&desk.path("a"), &desk.path("got")));
    (pushed.sent_bytes, server)
}

/// Without a tick, progress is told between two pieces only.
fn without_tick() -> Limits {
    Limits { tick: Duration::from_secs(3600), ..limits() }
}

#[test]
fn an_upload_goes_on_after_the_last_whole_piece() {
    let (sent, server) = push_harmed(without_tick(), 8, |done| done == 3 * MIB, Server::restart);
    assert!((8 * MIB..=9 * MIB).contains(&sent), "{sent}");
    let pieces = server.requests(5, |line| line.starts_with("PATCH") && line.ends_with("202"));
    assert_eq!(pieces.len(), 5);
}

#[test]
fn an_upload_that_the_registry_forgot_begins_again() {
    let forget = |server: &mut Server| {
        server.kill();
        let uploads = "docker/registry/v2/repositories/a/_uploads";
        std::fs::remove_dir_all(server.data().join(uploads)).unwrap();
        server.restart();
    };
    let (sent, server) = push_harmed(without_tick(), 8, |done| done == 3 * MIB, forget);
    assert!((11 * MIB..=12 * MIB).contains(&sent), "{sent}");
    let requests = server.requests(1, |line| line.contains("/v2/a/blobs/uploads/"));
    assert!(requests[0].ends_with("404"), "{requests:?}");
}

#[test]
fn an_upload_that_broke_off_within_a_piece_arrives_all_the_same() {
    // A piece is larger than what the kernel takes at once, so that there is an inside of it. How
    // much of it the registry knows after it was killed is luck.
    let limits = Limits { tick: Duration::from_millis(1), chunk_bytes: 16 * MIB, ..limits() };
    let inside = |done: u64| (17 * MIB..31 * MIB).contains(&done);
    let (sent, _) = push_harmed(limits, 33, inside, Server::restart);
    assert!((33 * MIB + 1..66 * MIB).contains(&sent), "{sent}");
}

#[test]
fn a_registry_that_is_out_of_reach_is_not_tried_again() {
    let desk = Desk::new();
    // By this name it is not asked first whether it speaks TLS.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let limits = Limits { pause: Duration::from_secs(3600), ..limits() };
    let plain_http = registry::PlainHttp::Everywhere;
    let client = Client::new(&Options { limits, plain_http, ..options() }).unwrap();
    let at = format!("oci://0.0.0.0:{}/a", free.port());
    assert_eq!(push(&client, &at, &desk.file("a", 10)).unwrap_err().kind, Kind::Unavailable);
}

#[test]
fn an_upload_that_is_out_of_luck_says_so() {
    let (server, desk) = (Mutex::new(Server::plain()), Desk::new());
    let at = oci(&server.lock().unwrap().at("a"));
    let kill = |progress: Progress| {
        if progress.done_bytes == 2 * MIB {
            server.lock().unwrap().kill();
        }
    };
    let artifact = desk.file("a", 4 << 20);
    let client = with(Limits { tick: Duration::from_secs(3600), ..limits() });
    let fault = blocking::run(client.push(&at, &artifact, &kill)).unwrap_err();
    assert_eq!(fault.kind, Kind::Unavailable, "{fault}");
}

/// Pushes 8 MiB until the server is killed after 3, and again with another client, which knows what
/// the first one kept. Gives how many bytes the second one sent.
fn push_twice(between: fn(&Server)) -> u64 {
    let (server, desk) = (Mutex::new(Server::plain()), Desk::new());
    let options =
        Options { uploads: Some(desk.path("uploads")), limits: without_tick(), ..options() };
    let at = oci(&server.lock().unwrap().at("a"));
    let artifact = desk.file("a", usize::try_from(8 * MIB).unwrap());
    let kill = |progress: Progress| {
        if progress.done_bytes == 3 * MIB {
            server.lock().unwrap().kill();
        }
    };
    let first = Client::new(&options).unwrap();
    let fault = blocking::run(first.push(&at, &artifact, &kill)).unwrap_err();
    assert_eq!(fault.kind, Kind::Unavailable, "{fault}");
    between(&server.lock().unwrap());
    server.lock().unwrap().restart();
    let second = Client::new(&options).unwrap();
    let pushed = blocking::run(second.push(&at, &artifact, &quiet)).unwrap();
    pull(&second, &server.lock().unwrap().at("a"), &desk).unwrap();
    assert!(same(&desk.path("a"), &desk.path("got")));
    assert_eq!(std::fs::read_dir(desk.path("uploads")).unwrap().count(), 0);
    pushed.sent_bytes
}

#[test]
fn an_upload_goes_on_in_another_process() {
    let sent = push_twice(|_| ());
    assert!((5 * MIB..=6 * MIB).contains(&sent), "{sent}");
}

#[test]
fn an_upload_that_was_forgotten_meanwhile_begins_again() {
    let sent = push_twice(|server| {
        let uploads = "docker/registry/v2/repositories/a/_uploads";
        std::fs::remove_dir_all(server.data().join(uploads)).unwrap();
    });
    assert_eq!(sent, 8 * MIB);
}

/// Pulls 32 MiB, and does something to the server as soon as 4 have arrived.
fn pull_cut(desk: &Desk, client: &Client, cut: fn(&mut Server)) -> (Server, Result<u64, Kind>) {
    let server = Mutex::new(Server::plain());
    let at = server.lock().unwrap().at("a");
    push(client, &at, &desk.file("a", 32 << 20)).unwrap();
    let was_cut = AtomicBool::new(false);
    let progress = |progress: Progress| {
        if progress.done_bytes >= 4 * MIB && !was_cut.swap(true, Ordering::Relaxed) {
            cut(&mut server.lock().unwrap());
        }
    };
    let folder = desk.open();
    let at = oci(&at);
    let pulled = client.pull(&at, media::BUNDLE_LAYERS, &folder, "got", &progress);
    let pulled = blocking::run(pulled).map(|pulled| pulled.reused_bytes);
    assert!(was_cut.into_inner());
    (server.into_inner().unwrap(), pulled.map_err(|fault| fault.kind))
}

#[test]
fn a_download_goes_on_where_it_broke_off() {
    let desk = Desk::new();
    let (server, pulled) = pull_cut(&desk, &client(), Server::restart);
    assert_eq!(pulled, Ok(0));
    assert!(same(&desk.path("a"), &desk.path("got")));
    let parts = server.requests(1, |line| line.starts_with("GET /v2/a/blobs/"));
    assert!(parts.len() == 1 && parts[0].ends_with(" 206"), "{parts:?}");
}

#[test]
fn what_arrived_is_kept_for_the_next_attempt() {
    let (desk, client) = (Desk::new(), client());
    let (mut server, pulled) = pull_cut(&desk, &client, Server::kill);
    assert_eq!(pulled, Err(Kind::Unavailable));
    assert!(!desk.path("got").exists());
    server.restart();
    let pulled = pull(&client, &server.at("a"), &desk).unwrap();
    assert!((4 * MIB..32 * MIB).contains(&pulled.reused_bytes), "{}", pulled.reused_bytes);
    assert!(same(&desk.path("a"), &desk.path("got")));
}

#[test]
fn a_part_that_was_spoilt_is_fetched_anew() {
    let (desk, client) = (Desk::new(), client());
    let (mut server, _) = pull_cut(&desk, &client, Server::kill);
    let names = std::fs::read_dir(desk.folder.path()).unwrap().map(|entry| entry.unwrap().path());
    let part = names.into_iter().find(|path| path.to_string_lossy().ends_with(".part")).unwrap();
    let mut bytes = std::fs::read(&part).unwrap();
    bytes[0] ^= 1;
    std::fs::write(&part, bytes).unwrap();
    server.restart();
    assert_eq!(pull(&client, &server.at("a"), &desk).unwrap().reused_bytes, 0);
    assert!(same(&desk.path("a"), &desk.path("got")) && !part.exists());
}

/// A registry that keeps what arrived of a broken piece, and breaks one off.
#[derive(Clone, Default)]
struct Remembers {
    held: Arc<Mutex<Vec<u8>>>,
    breaks: Arc<AtomicU64>,
    is_done: Arc<AtomicBool>,
    /// Which token is good; the next one from the second piece on, with `expires`.
    token: Arc<AtomicU64>,
    expires: bool,
    /// Whether it takes blobs at once only.
    takes_no_pieces: bool,
}

type Told = (StatusCode, [(&'static str, String); 2]);

impl Remembers {
    fn told(&self, status: StatusCode) -> Told {
        let last = self.held.lock().unwrap().len().saturating_sub(1);
        (status, [("location", "/v2/a/blobs/uploads/1".into()), ("range", format!("0-{last}"))])
    }

    fn piece(&self, headers: &HeaderMap, body: &Bytes) -> Told {
        if self.takes_no_pieces {
            return self.told(StatusCode::PAYLOAD_TOO_LARGE);
        }
        let range = headers["content-range"].to_str().unwrap();
        let from: usize = range.split_once('-').unwrap().0.parse().unwrap();
        if from != self.held.lock().unwrap().len() {
            return self.told(StatusCode::RANGE_NOT_SATISFIABLE);
        }
        let breaks = self.breaks.fetch_add(1, Ordering::Relaxed) == 1 && !self.expires;
        let kept = if breaks { body.len() / 3 } else { body.len() };
        self.held.lock().unwrap().extend_from_slice(&body[..kept]);
        self.told(if breaks { StatusCode::BAD_GATEWAY } else { StatusCode::ACCEPTED })
    }

    /// What somebody without the good token is told.
    fn challenge(&self, request: &Request) -> Option<Response> {
        let is_piece = request.method() == axum::http::Method::PATCH;
        if self.expires && is_piece && self.breaks.load(Ordering::Relaxed) == 1 {
            self.token.store(1, Ordering::Relaxed);
        }
        let good = format!("Bearer t{}", self.token.load(Ordering::Relaxed));
        if request.headers().get("authorization").is_some_and(|given| given == good.as_str()) {
            return None;
        }
        let host = request.headers()["host"].to_str().unwrap();
        let challenge = format!("Bearer realm=\"http://{host}/token\"");
        Some((StatusCode::UNAUTHORIZED, [("www-authenticate", challenge)]).into_response())
    }

    fn router(&self) -> Router {
        let guard = async |State(me): State<Self>, request: Request, next: Next| match me
            .challenge(&request)
        {
            Some(challenge) => challenge,
            None => next.run(request).await,
        };
        let token = async |State(me): State<Self>| {
            format!(r#"{{"token": "t{}"}}"#, me.token.load(Ordering::Relaxed))
        };
        let upload = patch(async |State(me): State<Self>, headers: HeaderMap, body: Bytes| {
            me.piece(&headers, &body)
        })
        .get(async |State(me): State<Self>| me.told(StatusCode::NO_CONTENT))
        .put(async |State(me): State<Self>, body: Bytes| {
            me.held.lock().unwrap().extend_from_slice(&body);
            me.is_done.store(true, Ordering::Relaxed);
            StatusCode::CREATED
        });
        let has = get(async |State(me): State<Self>, Path(digest): Path<String>| {
            let held = Digest::of(&me.held.lock().unwrap());
            let small = digest == Digest::of(b"{}").as_str();
            if small || held.as_str() == digest { StatusCode::OK } else { StatusCode::NOT_FOUND }
        });
        let open = async |State(me): State<Self>| me.told(StatusCode::ACCEPTED);
        Router::new()
            .route("/v2/a/blobs/{digest}", has)
            .route("/v2/a/blobs/uploads/", axum::routing::post(open))
            .route("/v2/a/blobs/uploads/1", upload)
            .route("/v2/a/manifests/{tag}", axum::routing::put(StatusCode::CREATED))
            .layer(axum::extract::DefaultBodyLimit::disable())
            .layer(axum::middleware::from_fn_with_state(self.clone(), guard))
            .route("/token", get(token))
            .with_state(self.clone())
    }
}

/// Pushes 4 MiB in pieces of one; says how many bytes were sent.
fn push_to(registry: &Remembers) -> u64 {
    let desk = Desk::new();
    let artifact = desk.file("a", 4 << 20);
    let at = oci(&format!("oci://{}/a", serve(registry.router())));
    let pushed = blocking::run(client().push(&at, &artifact, &quiet)).unwrap();
    assert!(registry.is_done.load(Ordering::Relaxed));
    assert_eq!(*registry.held.lock().unwrap(), std::fs::read(&artifact.file).unwrap());
    pushed.sent_bytes
}

#[test]
fn an_upload_goes_on_within_a_piece_where_the_registry_kept_it() {
    // The rest of the one piece that broke was sent twice.
    assert_eq!(push_to(&Remembers::default()), 4 * MIB + (MIB - MIB / 3));
}

#[test]
fn a_token_that_expires_between_two_pieces_is_replaced() {
    let registry = Remembers { expires: true, ..Remembers::default() };
    assert!(push_to(&registry) <= 5 * MIB);
    assert_eq!(registry.token.load(Ordering::Relaxed), 1);
}

#[test]
fn a_registry_that_takes_no_pieces_gets_the_blob_at_once() {
    let registry = Remembers { takes_no_pieces: true, ..Remembers::default() };
    assert!((4 * MIB..=5 * MIB).contains(&push_to(&registry)));
}

#[test]
fn two_who_pull_the_same_do_not_disturb_each_other() {
    let (server, desk, client) = (Server::plain(), Desk::new(), client());
    push(&client, &server.at("a"), &desk.file("a", 16 << 20)).unwrap();
    let at = oci(&server.at("a"));
    std::thread::scope(|scope| {
        let pull = |name: &'static str| {
            let (at, folder) = (&at, desk.open());
            let client = with(limits());
            move || {
                let pulled = client.pull(at, media::BUNDLE_LAYERS, &folder, name, &quiet);
                blocking::run(pulled).unwrap()
            }
        };
        let all = ["one", "two", "one"].map(|name| scope.spawn(pull(name)));
        for one in all {
            assert_eq!(one.join().unwrap().size_bytes, 16 * MIB);
        }
    });
    for name in ["one", "two"] {
        assert!(same(&desk.path("a"), &desk.path(name)));
    }
    assert_eq!(std::fs::read_dir(desk.folder.path()).unwrap().count(), 3);
}
