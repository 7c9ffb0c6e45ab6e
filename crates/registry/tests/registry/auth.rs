//! Who we are to a registry: Docker's configuration and helpers, passwords and tokens.

use std::os::unix::fs::PermissionsExt as _;
use std::sync::atomic::Ordering;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use deploy_spec::{Fault, Kind};
use registry::{Client, Options};
use serde_json::{Value, json};

use crate::server::{Server, Setup};
use crate::support::{Desk, options, pull, push};
use crate::tokens::{IDENTITY, Tokens};

/// The line of `htpasswd` for `writer` with the password `of books`.
const HTPASSWD: &str = "writer:$2b$05$JDZy5Nsl6O60uYZiJmJd.ePSt1zkqZ0KLMuegSFc39gGhVZ/lQWBK\n";

/// A client with this `config.json`, and helpers found in the desk.
fn knowing(desk: &Desk, config: &Value) -> Result<Client, Fault> {
    let file = desk.path("config.json");
    std::fs::write(&file, config.to_string()).unwrap();
    Client::new(&Options {
        docker_config: Some(file),
        helper_path: format!("relative:/usr/bin:/bin:{}", desk.folder.path().display()).into(),
        ..options()
    })
}

fn password(host: &str, user: &str, password: &str) -> Value {
    json!({"auths": {host: {"auth": STANDARD.encode(format!("{user}:{password}"))}}})
}

fn helper(desk: &Desk, name: &str, script: &str) {
    let file = desk.path(&format!("docker-credential-{name}"));
    std::fs::write(&file, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o700)).unwrap();
}

fn with_password() -> (Server, Desk) {
    let desk = Desk::new();
    std::fs::write(desk.path("htpasswd"), HTPASSWD).unwrap();
    let auth = format!(
        "auth:\n  htpasswd:\n    realm: a test\n    path: {}\n",
        desk.path("htpasswd").display()
    );
    (Server::start(Setup { auth, ..Setup::default() }), desk)
}

fn with_tokens() -> (Tokens, Server, Desk) {
    let tokens = Tokens::new();
    let auth = tokens.section(tokens.start());
    (tokens, Server::start(Setup { auth, ..Setup::default() }), Desk::new())
}

fn refused(client: &Client, server: &Server, desk: &Desk) -> Fault {
    let fault = push(client, &server.at("a"), &desk.file("a", 10)).unwrap_err();
    assert_eq!(fault.kind, Kind::Refused, "{fault}");
    assert!(!fault.to_string().contains("of books"), "{fault}");
    assert_eq!(fault.hint, Some(format!("docker login {}", server.host())), "{fault}");
    fault
}

#[test]
fn a_password_from_dockers_configuration() {
    let (server, desk) = with_password();
    let artifact = desk.file("a", 3 << 20);
    for host in [server.host(), format!("http://{}/v1/", server.host())] {
        let client = knowing(&desk, &password(&host, "writer", "of books")).unwrap();
        push(&client, &server.at("a"), &artifact).unwrap();
        pull(&client, &server.at("a"), &desk).unwrap();
    }
    for config in [
        json!({}),
        password(&server.host(), "writer", "of poems"),
        password("elsewhere.test", "writer", "of books"),
    ] {
        refused(&knowing(&desk, &config).unwrap(), &server, &desk);
    }
}

#[test]
fn a_configuration_that_docker_did_not_write_is_named_and_not_shown() {
    let (server, desk) = with_password();
    let fault = knowing(&desk, &json!({"auths": "of books"})).unwrap_err();
    assert_eq!(fault.kind, Kind::InvalidInput);
    assert!(
        fault.message.contains("config.json") && !fault.message.contains("of books"),
        "{fault}"
    );
    let config = json!({"auths": {server.host(): {"auth": "of books"}}});
    let client = knowing(&desk, &config).unwrap();
    let fault = push(&client, &server.at("a"), &desk.file("a", 10)).unwrap_err();
    assert_eq!(fault.kind, Kind::InvalidInput);
    assert!(
        fault.message.contains("config.json") && !fault.message.contains("of books"),
        "{fault}"
    );
}

#[test]
fn helpers_are_asked_before_the_file() {
    let (server, desk) = with_password();
    let artifact = desk.file("a", 10);
    let host = server.host();
    let knows = r#"[ "$1 $(cat)" = "get HOST" ] || exit 9
        echo '{"ServerURL": "x", "Username": "writer", "Secret": "of books"}'"#;
    helper(&desk, "knows", &knows.replace("HOST", &host));
    helper(&desk, "empty", "echo 'credentials not found in native keychain'; exit 1");
    helper(&desk, "fails", "echo 'locked: of books'; exit 1");
    helper(&desk, "babbles", "echo 'of books'");
    let stored = |helper: &str| {
        let mut config = password(&host, "writer", "of books");
        config["credsStore"] = helper.into();
        config
    };
    for config in [
        json!({"credsStore": "knows"}),
        json!({"credHelpers": {host.as_str(): "knows"}, "credsStore": "fails"}),
        stored("empty"),
    ] {
        push(&knowing(&desk, &config).unwrap(), &server.at("a"), &artifact).unwrap();
    }
    refused(&knowing(&desk, &json!({"credsStore": "empty"})).unwrap(), &server, &desk);
    for (helper, kind) in [
        ("fails", Kind::Unavailable),
        ("babbles", Kind::Unavailable),
        ("absent", Kind::Unavailable),
        ("../knows", Kind::InvalidInput),
    ] {
        let client = knowing(&desk, &stored(helper)).unwrap();
        let fault = push(&client, &server.at("a"), &artifact).unwrap_err();
        assert_eq!(fault.kind, kind, "{fault}");
        assert!(fault.message.contains(helper) && !fault.message.contains("of books"), "{fault}");
    }
}

#[test]
fn a_helper_that_hangs_is_not_waited_for() {
    let (server, desk) = with_password();
    helper(&desk, "hangs", "exec tail -f /dev/null");
    let mut options = Options {
        docker_config: Some(desk.path("config.json")),
        helper_path: format!("/usr/bin:/bin:{}", desk.folder.path().display()).into(),
        ..options()
    };
    options.limits.answer = std::time::Duration::from_millis(200);
    std::fs::write(desk.path("config.json"), r#"{"credsStore": "hangs"}"#).unwrap();
    let client = Client::new(&options).unwrap();
    let fault = push(&client, &server.at("a"), &desk.file("a", 10)).unwrap_err();
    assert_eq!(fault.kind, Kind::Unavailable, "{fault}");
}

#[test]
fn a_token_is_fetched_once_for_what_is_to_be_done() {
    let (tokens, server, desk) = with_tokens();
    let client = knowing(&desk, &password(&server.host(), "writer", "of books")).unwrap();
    push(&client, &server.at("a"), &desk.file("a", 3 << 20)).unwrap();
    assert_eq!(tokens.given.load(Ordering::Relaxed), 1);
    pull(&client, &server.at("a"), &desk).unwrap();
    pull(&client, &server.at("a"), &desk).unwrap();
    assert_eq!(tokens.given.load(Ordering::Relaxed), 2);
}

#[test]
fn an_identity_token_is_changed_for_tokens() {
    let (_tokens, server, desk) = with_tokens();
    let host = server.host();
    let artifact = desk.file("a", 10);
    helper(
        &desk,
        "knows",
        &format!(r#"echo '{{"ServerURL": "x", "Username": "<token>", "Secret": "{IDENTITY}"}}'"#),
    );
    for config in [
        json!({"auths": {host.as_str(): {"identitytoken": IDENTITY}}}),
        json!({"credsStore": "knows"}),
    ] {
        push(&knowing(&desk, &config).unwrap(), &server.at("a"), &artifact).unwrap();
    }
    let config = json!({"auths": {host: {"identitytoken": "another"}}});
    refused(&knowing(&desk, &config).unwrap(), &server, &desk);
}

#[test]
fn who_may_not_is_refused() {
    let (_tokens, server, desk) = with_tokens();
    let host = server.host();
    let writer = knowing(&desk, &password(&host, "writer", "of books")).unwrap();
    push(&writer, &server.at("a"), &desk.file("a", 10)).unwrap();
    let reader = knowing(&desk, &password(&host, "reader", "of books")).unwrap();
    pull(&reader, &server.at("a"), &desk).unwrap();
    let other = desk.file("b", 20);
    assert_eq!(push(&reader, &server.at("a"), &other).unwrap_err().kind, Kind::Refused);
    refused(&knowing(&desk, &password(&host, "writer", "of poems")).unwrap(), &server, &desk);
    refused(&knowing(&desk, &json!({})).unwrap(), &server, &desk);
}

#[test]
fn a_token_that_expired_is_replaced() {
    let (tokens, server, desk) = with_tokens();
    let client = knowing(&desk, &password(&server.host(), "writer", "of books")).unwrap();
    push(&client, &server.at("a"), &desk.file("a", 10)).unwrap();
    // It is not used when it is about to expire by what was said of it …
    tokens.said.store(5, Ordering::Relaxed);
    pull(&client, &server.at("a"), &desk).unwrap();
    let before = tokens.given.load(Ordering::Relaxed);
    pull(&client, &server.at("a"), &desk).unwrap();
    assert!(tokens.given.load(Ordering::Relaxed) > before);
    // … and one that expired unsaid is found out by the registry: here while a blob is sent.
    tokens.said.store(3_600, Ordering::Relaxed);
    let client = knowing(&desk, &password(&server.host(), "writer", "of books")).unwrap();
    tokens.spoilt.store(1, Ordering::Relaxed);
    let fault = push(&client, &server.at("b"), &desk.file("b", 10)).unwrap_err();
    assert_eq!(fault.kind, Kind::Refused);
    push(&client, &server.at("b"), &desk.file("b", 3 << 20)).unwrap();
}
