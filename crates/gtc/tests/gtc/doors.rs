//! `gtc start` over TLS, with HTTP/2, and behind a proxy: as `curl` and `h2load` see it.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use harness::{Authority, Issued, Serving};

use crate::upstreams::{Nginx, deployment, staged};
use crate::world::World;

/// How long something that must happen may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A deployment whose workload tells who asked it.
struct Shop {
    world: World,
    _nginx: Nginx,
}

impl Shop {
    fn new() -> Self {
        let world = World::new();
        let nginx = Nginx::on_socket(&world, "one");
        let id = deployment(&world);
        let revision = staged(&world, "1.0.0", &nginx.url, &id);
        world.op("revisions warm", &[&revision]);
        world.set(&id, &["r1=100"]);
        Self { world, _nginx: nginx }
    }

    fn start(&self, issued: &Issued, more: &[&str]) -> Serving {
        let (chain, key) = (text(&issued.certificate), text(&issued.key));
        let words = ["--tls-listen", "127.0.0.1:0", "--tls-cert", chain, "--tls-key", key];
        self.world.gtc.start(&[&words[..], more].concat()).unwrap()
    }
}

fn text(path: &std::path::Path) -> &str {
    path.to_str().unwrap()
}

/// What `curl` says of the shop, asked over TLS.
fn curl(authority: &Authority, serving: &Serving, more: &[&str]) -> String {
    let address = serving.tls_address.as_deref().unwrap();
    let port = address.rsplit(':').next().unwrap();
    let resolve = format!("shop.test:{port}:127.0.0.1");
    let url = format!("https://shop.test:{port}/path");
    let ca = authority.file();
    let words = ["-sSi", "--max-time", "30", "--resolve", &resolve, "--cacert", text(&ca)];
    let done = Command::new("curl").args(words).args(more).arg(url).output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    format!("{said}{}", String::from_utf8_lossy(&done.stderr))
}

#[test]
fn a_deployment_answers_over_tls_in_both_versions() {
    let shop = Shop::new();
    let authority = Authority::new();
    let serving = shop.start(&authority.issue("DNS:shop.test"), &[]);
    for (version, line) in [("--http1.1", "HTTP/1.1 200"), ("--http2", "HTTP/2 200")] {
        let answer = curl(&authority, &serving, &[version]);
        assert!(answer.starts_with(line), "{answer}");
        assert!(answer.trim_end().ends_with("one /path shop.test 127.0.0.1"), "{answer}");
        let cookie = answer.lines().find(|line| line.starts_with("set-cookie: gt_rev_")).unwrap();
        assert!(cookie.contains("; Secure"), "{cookie}");
    }
    serving.stop().unwrap();
}

#[test]
fn h2load_loses_nothing_on_either_door() {
    let shop = Shop::new();
    let authority = Authority::new();
    let serving = shop.start(&authority.issue("DNS:shop.test,IP:127.0.0.1"), &[]);
    let secure = format!("https://{}/path", serving.tls_address.as_deref().unwrap());
    let plain = format!("http://{}/path", serving.address);
    for url in [&plain, &secure] {
        let words = ["-n", "2000", "-c", "4", "-m", "20", "-t", "1"];
        let words = [&words[..], &["-H", ":authority: shop.test", url]].concat();
        let done = Command::new("h2load").args(words).output().unwrap();
        let said = String::from_utf8_lossy(&done.stdout);
        assert!(said.contains("2000 succeeded, 0 failed, 0 errored"), "{url}: {said}");
        assert!(said.contains("2000 2xx"), "{url}: {said}");
    }
    serving.stop().unwrap();
}

#[test]
fn a_renewed_certificate_is_taken_when_told_and_when_not() {
    let shop = Shop::new();
    let authority = Authority::new();
    let issued = authority.issue("DNS:shop.test");
    let serving = shop.start(&issued, &[]);
    let shown = || curl(&authority, &serving, &["-w", "%{certs}"]);
    for is_told in [true, false] {
        let before = shown();
        authority.issue("DNS:shop.test");
        if is_told {
            let hangup = Command::new("kill").args(["-HUP", &serving.id().to_string()]).status();
            assert!(hangup.unwrap().success());
        }
        let began = Instant::now();
        let certificate = |said: &str| said.split("-----BEGIN").nth(1).map(str::to_owned);
        while certificate(&shown()) == certificate(&before) {
            assert!(began.elapsed() < PATIENCE, "told: {is_told}: {before}");
        }
    }
    serving.stop().unwrap();
}

#[test]
fn certificates_that_cannot_be_used_keep_it_from_starting() {
    let world = World::new();
    world.op("env init", &[]);
    let authority = Authority::new();
    let [a, b] = ["DNS:a.test", "DNS:b.test"].map(|names| authority.issue(names));
    let door = ["start", "--listen", "127.0.0.1:0", "--tls-listen", "127.0.0.1:0"];
    let (chain, key, other) = (text(&a.certificate), text(&a.key), text(&b.key));
    for (words, code) in [
        (&["--tls-cert", chain, "--tls-key", other][..], 5),
        (&["--tls-cert", chain, "--tls-key", chain], 5),
        (&["--tls-cert", chain, "--tls-key", "/nowhere"], 3),
        (&["--tls-cert", chain, "--tls-cert", chain, "--tls-key", key], 2),
        (&["--tls-cert", chain], 2),
        (&["--tls-key", key], 2),
        (&[], 2),
        (&["--tls-cert", chain, "--tls-key", key, "--proxy-protocol"], 2),
        (&["--tls-cert", chain, "--tls-key", key, "--trusted-proxies", "10.0.0.0/8"], 2),
    ] {
        let (ended, envelope) = world.refused(&[&door[..], words].concat(), "");
        assert_eq!(ended, code, "{words:?}: {envelope}");
    }
}

#[test]
fn a_proxy_says_who_its_client_is_and_nobody_else_is_answered() {
    let shop = Shop::new();
    let ask = |trusted: &str| {
        let words = ["--proxy-protocol", "--trusted-proxies", trusted];
        let serving = shop.world.gtc.start(&words).unwrap();
        let mut stream = TcpStream::connect(&serving.address).unwrap();
        let request = "PROXY TCP4 192.0.2.7 198.51.100.2 8080 443\r\n\
                       GET /path HTTP/1.1\r\nhost: shop.test\r\nconnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        // Who is not answered may be reset.
        let _ = stream.read_to_end(&mut answer);
        serving.stop().unwrap();
        String::from_utf8(answer).unwrap()
    };
    let answer = ask("127.0.0.1");
    assert!(answer.contains("one /path shop.test 192.0.2.7"), "{answer}");
    assert_eq!(ask("10.0.0.0/8"), "");
}

#[test]
fn what_a_certificate_is_worth_is_told_in_the_log() {
    let shop = Shop::new();
    let authority = Authority::new();
    let issued = authority.issue("DNS:shop.test");
    let (chain, key) = (text(&issued.certificate), text(&issued.key));
    let words =
        ["start", "--listen", "127.0.0.1:0", "--tls-listen", "127.0.0.1:0", "--log", "warn"];
    let mut command =
        shop.world.gtc.command(&[&words[..], &["--tls-cert", chain, "--tls-key", key]].concat());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut ready = [0; 1];
    child.stdout.as_mut().unwrap().read_exact(&mut ready).unwrap();
    child.kill().unwrap();
    let said = String::from_utf8(child.wait_with_output().unwrap().stderr).unwrap();
    assert!(said.contains("expires soon") && said.contains("shop.test"), "{said}");
}
