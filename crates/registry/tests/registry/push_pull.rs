//! The way there and back, with everything that travels along.

use deploy_spec::Kind;
use registry::{Artifact, Folder, PlainHttp, blocking, media};

use crate::server::{Server, files};
use crate::support::{Desk, client, oci, options, pull, push, quiet, same};

fn signed(desk: &Desk) -> Artifact {
    Artifact {
        title: Some("a.gtbundle".into()),
        annotations: [("org.opencontainers.image.version".into(), "1.2.3".into())].into(),
        signatures: vec![b"{\"first\":1}".to_vec(), b"{\"second\":2}".to_vec()],
        ..desk.file("a", 300_000)
    }
}

#[test]
fn what_was_pushed_is_pulled_with_all_that_is_known_of_it() {
    let (server, desk, client) = (Server::plain(), Desk::new(), client());
    let artifact = signed(&desk);
    let pushed = push(&client, &server.at("team/a:v1"), &artifact).unwrap();
    assert_eq!((pushed.size_bytes, pushed.sent_bytes), (300_000, 300_000));

    let resolved = blocking::run(client.resolve(&oci(&server.at("team/a:v1")))).unwrap();
    assert_eq!(resolved, pushed.manifest_digest);

    let pulled = pull(&client, &server.at("team/a:v1"), &desk).unwrap();
    assert!(same(&desk.path("a"), &desk.path("got")));
    assert_eq!(pulled.manifest_digest, pushed.manifest_digest);
    assert_eq!((pulled.digest, pulled.size_bytes), (pushed.digest, 300_000));
    assert_eq!((pulled.media_type.as_str(), pulled.reused_bytes), (media::BUNDLE_ZIP, 0));
    assert_eq!(pulled.artifact_type.as_deref(), Some(media::BUNDLE));
    assert_eq!(pulled.title.as_deref(), Some("a.gtbundle"));
    assert_eq!(pulled.annotations, artifact.annotations);

    let envelopes = blocking::run(client.signatures(&pushed.reference, &resolved)).unwrap();
    assert_eq!(envelopes, artifact.signatures);
}

#[test]
fn what_is_there_is_neither_sent_nor_fetched_again() {
    let (server, desk, client) = (Server::plain(), Desk::new(), client());
    let artifact = signed(&desk);
    let first = push(&client, &server.at("a:v1"), &artifact).unwrap();
    let again = push(&client, &server.at("a:v2"), &artifact).unwrap();
    assert_eq!((again.sent_bytes, &again.manifest_digest), (0, &first.manifest_digest));
    let envelopes = blocking::run(client.signatures(&again.reference, &again.manifest_digest));
    assert_eq!(envelopes.unwrap().len(), 2);

    assert_eq!(pull(&client, &server.at("a:v1"), &desk).unwrap().reused_bytes, 0);
    assert_eq!(pull(&client, &server.at("a:v2"), &desk).unwrap().reused_bytes, 300_000);
    let gets = server.requests(1, |line| line.starts_with("GET /v2/a/blobs/"));
    let layer = format!("GET /v2/a/blobs/{} 200", first.digest);
    assert_eq!(gets.iter().filter(|line| **line == layer).count(), 1, "{gets:?}");
}

#[test]
fn progress_goes_from_nothing_to_everything() {
    let (server, desk, client) = (Server::plain(), Desk::new(), client());
    let (at, artifact) = (oci(&server.at("a")), desk.file("a", 5 << 20));
    let told = std::sync::Mutex::new(Vec::new());
    let progress = |progress: registry::Progress| {
        assert_eq!(progress.total_bytes, 5 << 20);
        told.lock().unwrap().push(progress.done_bytes);
    };
    let complete = || {
        let told = std::mem::take(&mut *told.lock().unwrap());
        assert!(told.is_sorted() && told.len() > 4, "{told:?}");
        assert_eq!(told.last(), Some(&(5 << 20)));
    };
    blocking::run(client.push(&at, &artifact, &progress)).unwrap();
    complete();
    let folder = desk.open();
    let pulled = client.pull(&at, media::BUNDLE_LAYERS, &folder, "got", &progress);
    blocking::run(pulled).unwrap();
    complete();
}

#[test]
fn a_tag_moves_and_a_digest_does_not() {
    let (server, desk, client) = (Server::plain(), Desk::new(), client());
    let first = push(&client, &server.at("a"), &desk.file("a", 10)).unwrap();
    let second = push(&client, &server.at("a:latest"), &desk.file("b", 20)).unwrap();
    assert_ne!(first.manifest_digest, second.manifest_digest);
    pull(&client, &first.reference.to_string(), &desk).unwrap();
    assert!(same(&desk.path("a"), &desk.path("got")));
    pull(&client, &server.at("a"), &desk).unwrap();
    assert!(same(&desk.path("b"), &desk.path("got")));
    // Only what it is can be pushed to a digest.
    push(&client, &first.reference.to_string(), &desk.file("a", 10)).unwrap();
    let fault = push(&client, &first.reference.to_string(), &desk.file("b", 20)).unwrap_err();
    assert_eq!(fault.kind, Kind::Refused);
}

#[test]
fn the_smallest_files_travel_too() {
    let (server, desk, client) = (Server::plain(), Desk::new(), client());
    for size in [0, 1] {
        push(&client, &server.at("a"), &desk.file("a", size)).unwrap();
        assert_eq!(pull(&client, &server.at("a"), &desk).unwrap().size_bytes, size as u64);
        assert!(same(&desk.path("a"), &desk.path("got")));
    }
}

#[test]
fn what_is_absent_is_said_to_be() {
    let (server, desk, client) = (Server::plain(), Desk::new(), client());
    push(&client, &server.at("a:v1"), &desk.file("a", 10)).unwrap();
    for at in ["a:v2", "b:v1"] {
        let fault = pull(&client, &server.at(at), &desk).unwrap_err();
        assert_eq!(fault.kind, Kind::NotFound, "{fault}");
        assert!(
            fault.message.contains("MANIFEST_UNKNOWN") || fault.message.contains("NAME_UNKNOWN")
        );
    }
    let absent = Artifact { file: desk.path("absent"), ..desk.file("a", 10) };
    assert_eq!(push(&client, &server.at("a"), &absent).unwrap_err().kind, Kind::NotFound);
    let folder = Artifact { file: desk.folder.path().into(), ..absent };
    assert_eq!(push(&client, &server.at("a"), &folder).unwrap_err().kind, Kind::InvalidInput);
}

#[test]
fn a_server_that_is_gone_is_unavailable() {
    let (mut server, desk, client) = (Server::plain(), Desk::new(), client());
    push(&client, &server.at("a"), &desk.file("a", 10)).unwrap();
    server.kill();
    let fault = pull(&client, &server.at("a"), &desk).unwrap_err();
    assert_eq!(fault.kind, Kind::Unavailable);
    assert!(fault.message.contains(&server.host()) && fault.hint.is_some(), "{fault}");
}

#[test]
fn a_file_lands_in_the_folder_that_was_opened() {
    let (server, desk, client) = (Server::plain(), Desk::new(), client());
    push(&client, &server.at("a"), &desk.file("a", 10)).unwrap();
    let (opened, moved) = (desk.path("opened"), desk.path("moved"));
    let folder = Folder::make(&opened).unwrap();
    std::fs::rename(&opened, &moved).unwrap();
    std::fs::create_dir(&opened).unwrap();
    // And a link in its place is replaced, not followed.
    let outside = desk.path("outside");
    std::os::unix::fs::symlink(&outside, moved.join("got")).unwrap();
    let at = oci(&server.at("a"));
    let pulled = client.pull(&at, media::BUNDLE_LAYERS, &folder, "got", &quiet);
    blocking::run(pulled).unwrap();
    assert_eq!(files(&opened), Vec::<std::path::PathBuf>::new());
    assert!(!outside.exists() && same(&desk.path("a"), &moved.join("got")));
    assert_eq!(files(&moved), [moved.join("got")]);
    for name in ["", "..", "a/b", "/a"] {
        let pulled = client.pull(&at, media::BUNDLE_LAYERS, &folder, name, &quiet);
        assert_eq!(blocking::run(pulled).unwrap_err().kind, Kind::InvalidInput);
    }
}

/// The most memory this process ever had, in KiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn a_large_layer_takes_little_memory() {
    const SIZE: u64 = 256 << 20;
    let (server, desk) = (Server::plain(), Desk::new());
    let client = registry::Client::new(&registry::Options::default()).unwrap();
    let mut artifact = desk.file("a", 10);
    let file = std::fs::File::options().write(true).open(&artifact.file).unwrap();
    file.set_len(SIZE).unwrap();
    artifact.layer_media_type = media::BUNDLE_SQUASHFS.into();
    let before = peak();
    push(&client, &server.at("a"), &artifact).unwrap();
    let pulled = pull(&client, &server.at("a"), &desk).unwrap();
    assert_eq!(pulled.size_bytes, SIZE);
    let grown = peak() - before;
    assert!(grown < 64 << 10, "{grown} KiB more for {} KiB", SIZE >> 10);
}

#[test]
fn plain_http_where_it_is_asked_for() {
    let (server, desk) = (Server::plain(), Desk::new());
    // An address of this machine that is not of the loopback network by its name.
    let at = format!("oci://0.0.0.0:{}/a", server.port());
    let artifact = desk.file("a", 10);
    let fault = push(&client(), &at, &artifact).unwrap_err();
    assert_eq!(fault.kind, Kind::Refused);
    assert!(fault.hint.as_deref().is_some_and(|hint| hint.contains("--plain-http")), "{fault}");
    let everywhere = registry::Options { plain_http: PlainHttp::Everywhere, ..options() };
    push(&registry::Client::new(&everywhere).unwrap(), &at, &artifact).unwrap();
}
