//! `gtc start` with certificates of an authority: Pebble, by which Let's Encrypt tries its clients.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use harness::{BLOCKED, Pebble, Serving};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::Value;

use crate::acme_authority::{Answer, Fake};
use crate::upstreams::{Nginx, deployment, staged};
use crate::watching::{metrics, value};
use crate::world::World;

/// How long something that must happen may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// The series that says how long the certificate of the shop is still valid.
const EXPIRES: &[&str] = &["greentic_certificate_expires_in_seconds{", "name=\"shop.test\""];

/// A deployment whose workload tells who asked it, and an authority.
struct Shop {
    world: World,
    pebble: Pebble,
    _nginx: Nginx,
}

impl Shop {
    fn new(pebble: io::Result<Pebble>) -> Self {
        let world = World::new();
        let nginx = Nginx::on_socket(&world, "one");
        let id = deployment(&world);
        let revision = staged(&world, "1.0.0", &nginx.url, &id);
        world.op("revisions warm", &[&revision]);
        world.set(&id, &["r1=100"]);
        Self { world, pebble: pebble.unwrap(), _nginx: nginx }
    }

    fn start(&self, domains: &[&str], more: &[&str]) -> Serving {
        self.start_with(&self.pebble.directory(), &self.pebble.ca(), domains, more)
    }

    /// With the authority of this directory.
    fn start_with(&self, directory: &str, ca: &Path, domains: &[&str], more: &[&str]) -> Serving {
        let (plain, secure) = (self.pebble.http_door(), self.pebble.tls_door());
        let mut words = vec!["--listen", &plain, "--tls-listen", &secure, "--acme-agree-tos"];
        words.extend(["--acme-directory", directory, "--acme-ca", ca.to_str().unwrap()]);
        words.extend(["--acme-contact", "mailto:ada@example.com"]);
        words.extend(domains.iter().flat_map(|domain| ["--acme-domain", domain]));
        self.world.gtc.start(&[&words, more].concat()).unwrap()
    }

    /// What `curl` says of the shop, asked over TLS, trusting who the authority says.
    fn secure(&self, name: &str, roots: &Path) -> String {
        let (host, port) = self.pebble.tls_door().split_once(':').map(owned).unwrap();
        let resolve = format!("{name}:{port}:{host}");
        let url = format!("https://{name}:{port}/path");
        let roots = roots.to_str().unwrap();
        curl(&["--resolve", &resolve, "--cacert", roots, &url])
    }

    fn plain(&self, path: &str) -> String {
        let url = format!("http://{}{path}", self.pebble.http_door());
        curl(&["-H", "host: shop.test", &url])
    }

    /// Waits until there is a certificate for `name`.
    fn wait_for(&self, name: &str) {
        self.wait(|| self.certificate(name)["ends"].is_string());
    }

    fn wait(&self, happened: impl Fn() -> bool) {
        let began = Instant::now();
        while !happened() {
            assert!(began.elapsed() < PATIENCE, "{}", self.world.gtc.run(&["status"]).unwrap());
        }
    }

    /// What `gtc status` says of the certificate for `name`.
    fn certificate(&self, name: &str) -> Value {
        let status = self.world.gtc.run(&["status"]).unwrap();
        let all = status["certificates"].as_array().unwrap();
        all.iter().find(|certificate| certificate["name"] == name).unwrap().clone()
    }

    /// What `gtc doctor` finds of certificates.
    fn findings(&self) -> Vec<Value> {
        let ended = self.world.gtc.end(&["op", "env", "doctor"], b"").unwrap();
        let said = if ended.code == 0 { &ended.stdout } else { &ended.stderr };
        let envelope: Value = serde_json::from_str(said).unwrap();
        let diagnosis =
            if ended.code == 0 { &envelope["result"] } else { &envelope["error"]["details"] };
        let all = diagnosis["findings"].as_array().unwrap_or_else(|| panic!("{envelope}"));
        all.iter().filter(|finding| finding["check"] == "certificate").cloned().collect()
    }

    /// A connection that has seen a certificate for the shop.
    fn connect(&self, roots: &Path) -> io::Result<StreamOwned<ClientConnection, TcpStream>> {
        let name = ServerName::try_from("shop.test").unwrap();
        let session = ClientConnection::new(trusting(roots, "http/1.1"), name).unwrap();
        let socket = TcpStream::connect(self.pebble.tls_door())?;
        let mut stream = StreamOwned::new(session, socket);
        stream.conn.complete_io(&mut stream.sock)?;
        Ok(stream)
    }
}

fn owned((host, port): (&str, &str)) -> (String, String) {
    (host.to_owned(), port.to_owned())
}

fn curl(words: &[&str]) -> String {
    let done =
        Command::new("curl").args(["-sSi", "--max-time", "30"]).args(words).output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    format!("{said}{}", String::from_utf8_lossy(&done.stderr))
}

fn trusting(roots: &Path, protocol: &str) -> Arc<ClientConfig> {
    let mut store = RootCertStore::empty();
    for root in CertificateDer::pem_file_iter(roots).unwrap() {
        store.add(root.unwrap()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let mut config = config.unwrap().with_root_certificates(store).with_no_client_auth();
    config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
    Arc::new(config)
}

/// One request over a connection that goes on.
fn ask(stream: &mut StreamOwned<ClientConnection, TcpStream>) {
    stream.write_all(b"GET /path HTTP/1.1\r\nhost: shop.test\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    let mut block = [0; 1024];
    while !String::from_utf8_lossy(&answer).contains("one /path shop.test") {
        let read = stream.read(&mut block).unwrap();
        assert_ne!(read, 0, "{}", String::from_utf8_lossy(&answer));
        answer.extend_from_slice(&block[..read]);
    }
}

fn is_answered(said: &str) -> bool {
    said.contains(" 200") && said.contains("one /path shop.test")
}

#[test]
fn a_certificate_is_got_and_the_next_start_asks_nobody() {
    let mut shop = Shop::new(Pebble::start(3_600));
    let serving = shop.start(&["shop.test", "Also.Shop.Test", "shop.test"], &[]);
    let names = ["shop.test", "also.shop.test"];
    names.iter().for_each(|name| shop.wait_for(name));
    let roots = shop.pebble.roots().unwrap();
    assert!(is_answered(&shop.secure("shop.test", &roots)));
    assert!(shop.secure("also.shop.test", &roots).contains(" 404"), "it has no deployment");
    // What nobody has asked for is shown the first there is.
    let said = shop.secure("other.test", &roots);
    assert!(said.contains("certificate"), "{said}");
    assert_eq!(shop.findings(), [] as [Value; 0]);
    let text = metrics(&shop.world);
    let rest = value(&text, EXPIRES);
    assert!((3_000.0..=3_600.0).contains(&rest), "{rest}");
    serving.stop().unwrap();

    shop.pebble.stop().unwrap();
    let authority = TcpListener::bind(shop.pebble.listens_at()).unwrap();
    authority.set_nonblocking(true).unwrap();
    let serving = shop.start(&names, &[]);
    assert!(is_answered(&shop.secure("shop.test", &roots)));
    assert!(shop.secure("also.shop.test", &roots).contains(" 404"), "it has no deployment");
    // Its files are as private as all the others.
    assert_eq!(shop.world.op("env doctor", &["local"])["findings"], Value::Array(Vec::new()));
    serving.stop().unwrap();
    assert_eq!(authority.accept().unwrap_err().kind(), ErrorKind::WouldBlock, "nobody was asked");
}

#[test]
fn over_http_only_what_is_pending_is_the_authoritys() {
    let shop = Shop::new(Pebble::start(3_600));
    let serving = shop.start(&["shop.test"], &["--acme-challenge", "http-01"]);
    shop.wait_for("shop.test");
    let said = shop.secure("shop.test", &shop.pebble.roots().unwrap());
    assert!(is_answered(&said), "{said}");
    let path = "/.well-known/acme-challenge/of-the-shop";
    let said = shop.plain(path);
    assert!(said.contains(&format!("one {path} shop.test")), "{said}");
    serving.stop().unwrap();
}

#[test]
fn a_pending_token_is_answered_where_servers_answer_the_short_way() {
    let shop = Shop::new(Pebble::absent(3_600));
    let fake = Fake::answering(|base| {
        let body = format!(
            r#"{{"status": "pending", "authorizations": ["{base}/authorization"],
                "finalize": "{base}/finalize"}}"#
        );
        vec![("/order", Answer { status: 200, headers: "", body })]
    });
    let more = ["--acme-challenge", "http-01"];
    let serving = shop.start_with(&fake.directory, &fake.ca, &["shop.test"], &more);
    // Who asks and keeps the connection goes the short way, once the workload is loaded.
    assert!(is_answered(&shop.plain("/path")));
    let [token, other] = ["t", "u"].map(|token| format!("/.well-known/acme-challenge/{token}"));
    shop.wait(|| shop.plain(&token).contains("\r\n\r\nt."));
    let said = shop.plain(&token);
    assert!(said.contains(" 200") && said.contains("application/octet-stream"), "{said}");
    assert!(shop.plain(&other).contains(&format!("one {other} shop.test")));
    serving.stop().unwrap();
}

#[test]
fn a_renewal_loses_no_connection() {
    // Renewed six seconds after it was got.
    let shop = Shop::new(Pebble::start(9));
    let serving = shop.start(&["shop.test"], &[]);
    shop.wait_for("shop.test");
    let roots = shop.pebble.roots().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut one = shop.connect(&roots).unwrap();
    let shown = |stream: &StreamOwned<ClientConnection, TcpStream>| {
        stream.conn.peer_certificates().unwrap()[0].to_vec()
    };
    let (before, ends) = (shown(&one), shop.certificate("shop.test")["ends"].clone());
    runtime.block_on(async {
        let socket = tokio::net::TcpStream::connect(shop.pebble.tls_door()).await.unwrap();
        let connector = tokio_rustls::TlsConnector::from(trusting(&roots, "h2"));
        let name = ServerName::try_from("shop.test").unwrap();
        let stream = connector.connect(name, socket).await.unwrap();
        let (mut two, connection) = h2::client::handshake(stream).await.unwrap();
        let open = tokio::spawn(connection);
        loop {
            ask(&mut one);
            let request = http::Request::get("https://shop.test/path").body(()).unwrap();
            two = two.ready().await.unwrap();
            let (answer, _) = two.send_request(request, true).unwrap();
            assert_eq!(answer.await.unwrap().status(), 200);
            assert!(!open.is_finished());
            // A handshake may meet one that is just over.
            if shop.connect(&roots).is_ok_and(|stream| shown(&stream) != before) {
                break;
            }
        }
        ask(&mut one);
    });
    assert_ne!(shop.certificate("shop.test")["ends"], ends);
    serving.stop().unwrap();
}

#[test]
fn an_authority_that_is_away_is_asked_again_and_plaintext_is_served_all_along() {
    let mut shop = Shop::new(Pebble::absent(3_600));
    let serving = shop.start(&["shop.test"], &[]);
    assert!(is_answered(&shop.plain("/path")));
    shop.wait(|| shop.certificate("shop.test")["problem"].is_string());
    let certificate = shop.certificate("shop.test");
    assert!(certificate["problem"].as_str().unwrap().contains("cannot be asked"), "{certificate}");
    assert!(certificate["again"].is_string(), "{certificate}");
    let found = shop.findings();
    assert_eq!(found[0]["severity"], "error", "{found:?}");
    assert!(found[0]["mend"].as_str().unwrap().contains("spelt right"), "{found:?}");
    // Who comes for the name is told that there is nothing to show.
    let said = shop.secure("shop.test", &shop.pebble.ca());
    assert!(said.contains("unrecognized name"), "{said}");
    assert!(is_answered(&shop.plain("/path")));
    let text = metrics(&shop.world);
    assert_eq!(value(&text, EXPIRES), 0.0);

    shop.pebble.begin().unwrap();
    shop.wait_for("shop.test");
    assert!(is_answered(&shop.secure("shop.test", &shop.pebble.roots().unwrap())));
    assert_eq!(shop.findings(), [] as [Value; 0]);
    // It forgets all that it knew: the account is made anew.
    serving.stop().unwrap();
    shop.pebble.stop().unwrap();
    shop.pebble.begin().unwrap();
    let serving = shop.start(&["shop.test", "new.test"], &[]);
    shop.wait_for("new.test");
    serving.stop().unwrap();
}

#[test]
fn a_name_that_is_refused_is_told_and_the_others_get_theirs() {
    let shop = Shop::new(Pebble::start(3_600));
    shop.pebble.mislead("elsewhere.test").unwrap();
    let serving = shop.start(&[BLOCKED, "elsewhere.test", "shop.test"], &[]);
    shop.wait_for("shop.test");
    for (name, why, hint) in [
        (BLOCKED, "blocked", "leave that --acme-domain out"),
        (
            "elsewhere.test",
            "could not prove `elsewhere.test` by tls-alpn-01",
            "port 443 of elsewhere.test",
        ),
    ] {
        // A nonce may have been refused before.
        shop.wait(|| {
            shop.findings().iter().any(|found| {
                found["message"].as_str().is_some_and(|message| message.contains(why))
                    && found["mend"].as_str().is_some_and(|mend| mend.contains(hint))
            })
        });
        let said = shop.secure(name, &shop.pebble.ca());
        assert!(said.contains("unrecognized name"), "{said}");
    }
    assert!(is_answered(&shop.secure("shop.test", &shop.pebble.roots().unwrap())));
    assert_eq!(shop.findings().len(), 2);
    serving.stop().unwrap();
}

#[test]
fn beside_a_document_a_certificate_is_got_and_kept_as_well() {
    let shop = Shop::new(Pebble::start(3_600));
    let folder = shop.world.gtc.store_root().join("local");
    let document = folder.join("document.json");
    let document = document.to_str().unwrap();
    shop.world.op("env render", &["local", "--output", document]);
    let serving = shop.start(&["shop.test"], &["--config", document]);
    shop.wait_for("shop.test");
    assert!(is_answered(&shop.secure("shop.test", &shop.pebble.roots().unwrap())));
    serving.stop().unwrap();
    let kept = std::fs::read_dir(folder.join("acme")).unwrap().next().unwrap().unwrap().path();
    assert!(kept.join("shop.test.pem").is_file() && kept.join("account.json").is_file());
}

#[test]
fn what_cannot_be_meant_keeps_it_from_starting() {
    let world = World::new();
    world.op("env init", &[]);
    let door = ["start", "--listen", "127.0.0.1:0", "--tls-listen", "127.0.0.1:0"];
    let agreed = ["--acme-agree-tos", "--acme-domain"];
    let none = world.file("none.pem");
    std::fs::write(&none, "no certificate").unwrap();
    for words in [
        &["--acme-domain", "shop.test"][..],
        &[agreed[0]],
        &[agreed[0], agreed[1], "*.shop.test"],
        &[agreed[0], agreed[1], "shop.test", "--acme-directory", "http://ca.test/dir"],
        &[agreed[0], agreed[1], "shop.test", "--acme-contact", "ada@example.com"],
        &[agreed[0], agreed[1], "shop.test", "--acme-ca", "/nowhere"],
        &[agreed[0], agreed[1], "shop.test", "--acme-ca", &none],
        &[agreed[0], agreed[1], "shop.test", "--acme-challenge", "dns-01"],
        &[],
    ] {
        let (code, envelope) = world.refused(&[&door[..], words].concat(), "");
        assert_eq!(code, 2, "{words:?}: {envelope}");
    }
    let words = ["start", "--acme-domain", "shop.test", "--acme-agree-tos"];
    assert_eq!(world.refused(&words, "").0, 2, "there is no door for it");
}
