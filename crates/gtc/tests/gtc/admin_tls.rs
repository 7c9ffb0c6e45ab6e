//! The admin API by TLS: who has a certificate of the operator's authority is let in, and named in
//! the audit log.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::{Value, json};

use crate::world::World;

pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
    pem: String,
}

pub(crate) struct Pair {
    certificate: CertificateDer<'static>,
    pub(crate) key: KeyPair,
    pub(crate) pem: String,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let made = params.self_signed(&key).unwrap();
        let (certificate, pem) = (made.der().clone(), made.pem());
        Self { issuer: Issuer::new(params, key), certificate, pem }
    }

    pub(crate) fn issue(&self, name: &str, purpose: ExtendedKeyUsagePurpose) -> Pair {
        self.issue_until(2120, name, purpose)
    }

    fn issue_until(&self, year: i32, name: &str, purpose: ExtendedKeyUsagePurpose) -> Pair {
        let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages = vec![purpose];
        params.not_after = rcgen::date_time_ymd(year, 1, 1);
        let key = KeyPair::generate().unwrap();
        let made = params.signed_by(&key, &self.issuer).unwrap();
        Pair { certificate: made.der().clone(), pem: made.pem(), key }
    }
}

/// A data plane with an admin endpoint; killed when it goes away.
pub(crate) struct Admin {
    child: Child,
    pub(crate) address: String,
    pub(crate) authority: Authority,
}

impl Drop for Admin {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Admin {
    pub(crate) fn start(world: &World) -> Self {
        Self::start_until(2120, world)
    }

    /// With a certificate that ends with the year before.
    fn start_until(year: i32, world: &World) -> Self {
        let authority = Authority::new();
        let server = authority.issue_until(year, "gtc", ExtendedKeyUsagePurpose::ServerAuth);
        let [ca, cert, key] = ["ca.pem", "cert.pem", "key.pem"].map(|name| world.file(name));
        std::fs::write(&ca, &authority.pem).unwrap();
        std::fs::write(&cert, &server.pem).unwrap();
        std::fs::write(&key, server.key.serialize_pem()).unwrap();
        let listen = ["start", "--listen", "127.0.0.1:0", "--log", "error"];
        let admin = ["--admin-bind", "127.0.0.1:0", "--admin-client-ca", &ca];
        let shows = ["--admin-cert", &cert, "--admin-key", &key];
        let mut command = world.gtc.command(&[&listen[..], &admin, &shows].concat());
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap();
        let address = ready["result"]["admin_address"].as_str().unwrap().to_owned();
        Self { child, address, authority }
    }

    /// Status and body of an answer; what went wrong where there is none.
    pub(crate) fn ask(
        &self,
        shows: Option<&Pair>,
        head: &str,
        body: &str,
    ) -> std::io::Result<(u16, String)> {
        let mut roots = RootCertStore::empty();
        roots.add(self.authority.certificate.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        let config = match shows {
            Some(pair) => {
                let key = PrivatePkcs8KeyDer::from(pair.key.serialize_der());
                let chain = vec![pair.certificate.clone()];
                config.with_client_auth_cert(chain, PrivateKeyDer::Pkcs8(key)).unwrap()
            }
            None => config.with_no_client_auth(),
        };
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let session = ClientConnection::new(Arc::new(config), name).unwrap();
        let socket = TcpStream::connect(&self.address)?;
        socket.set_read_timeout(Some(Duration::from_secs(20)))?;
        let mut stream = StreamOwned::new(session, socket);
        let length = body.len();
        write!(
            stream,
            "{head} HTTP/1.1\r\nhost: admin\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
        )?;
        let mut answer = Vec::new();
        let mut block = [0; 4096];
        loop {
            match stream.read(&mut block) {
                Ok(0) => break,
                Ok(read) => answer.extend_from_slice(&block[..read]),
                // Its end need not be said in TLS once the answer is whole.
                Err(_) if !answer.is_empty() => break,
                Err(error) => return Err(error),
            }
        }
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        Ok((head[9..12].parse().unwrap(), body.to_owned()))
    }

    fn post(&self, shows: &Pair, path: &str, answers: &Value) -> (u16, Value) {
        let asked = self.ask(Some(shows), &format!("POST {path}"), &answers.to_string());
        let (status, body) = asked.unwrap();
        (status, serde_json::from_str(&body).unwrap())
    }
}

#[test]
fn a_client_with_a_certificate_deploys_and_is_named_in_the_audit_log() {
    let (world, bundles) = World::with_bundles();
    world.op("bundles add", &["hello", "--host", "hello.localhost"]);
    let admin = Admin::start(&world);
    let ada = admin.authority.issue("ada", ExtendedKeyUsagePurpose::ClientAuth);
    assert_eq!(admin.ask(Some(&ada), "GET /readyz", "").unwrap(), (200, "ready\n".into()));
    for (i, bundle) in bundles.iter().enumerate() {
        let staged = json!({"environment_id": "local", "bundle": bundle});
        let (status, said) = admin.post(&ada, "/deployments/stage", &staged);
        assert_eq!((status, &said["op"]), (200, &json!("stage")), "{said}");
        let warm = json!({"environment_id": "local", "revision_id": format!("r{}", i + 1)});
        assert_eq!(admin.post(&ada, "/deployments/warm", &warm).0, 200);
    }
    for (share, id) in [("r1", 0), ("r2", 1)] {
        let entries = json!([{"revision_id": share, "weight_bps": 10_000}]);
        let split = json!({"environment_id": "local", "entries": entries});
        let (status, said) = admin.post(&ada, "/deployments/activate", &split);
        assert_eq!((status, &said["result"]["generation"]), (200, &json!(id)), "{said}");
    }
    let local = json!({"environment_id": "local"});
    let (status, said) = admin.post(&ada, "/deployments/rollback", &local);
    assert_eq!((status, &said["noun"]), (200, &json!("traffic")), "{said}");
    let drained = json!({"environment_id": "local", "revision_id": "r1"});
    let (status, said) = admin.post(&ada, "/deployments/complete-drain", &drained);
    assert_eq!((status, &said["error"]["kind"]), (403, &json!("refused")), "{said}");
    let events = world.op("audit list", &[]);
    let by_ada = events["events"].as_array().unwrap().iter().filter(|event| {
        event["actor"]["kind"] == "client-certificate" && event["actor"]["user"] == "ada"
    });
    assert_eq!(by_ada.count(), 8, "{events:#}");
}

/// A policy that forbids a name is obeyed, and no certificate passes for an account.
#[test]
fn policies_hold_for_certificates() {
    let (world, _) = World::with_bundles();
    let policy = "forbid (principal == User::\"certificate:eve\", action, resource);\n";
    std::fs::write(world.gtc.store_root().join("policy.cedar"), policy).unwrap();
    let admin = Admin::start(&world);
    let warm = json!({"environment_id": "local", "revision_id": "r1"});
    let kinds = ["eve", "ada"].map(|name| {
        let pair = admin.authority.issue(name, ExtendedKeyUsagePurpose::ClientAuth);
        admin.post(&pair, "/deployments/warm", &warm).1["error"]["kind"].clone()
    });
    assert_eq!(kinds, ["refused", "not-found"]);
}

#[test]
fn nobody_else_is_let_in() {
    let world = World::new();
    world.op("env init", &[]);
    let admin = Admin::start(&world);
    let strange = Authority::new().issue("ada", ExtendedKeyUsagePurpose::ClientAuth);
    let server = admin.authority.issue("ada", ExtendedKeyUsagePurpose::ServerAuth);
    for shows in [None, Some(&strange), Some(&server)] {
        let asked = admin.ask(shows, "GET /status", "");
        assert!(asked.is_err(), "{asked:?}");
    }
    let plain = TcpStream::connect(&admin.address).unwrap();
    plain.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    (&plain).write_all(b"GET /status HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    let _ = (&plain).read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP"), "{}", String::from_utf8_lossy(&answer));
}

#[test]
fn the_doctor_warns_of_a_certificate_that_ends() {
    let world = World::new();
    world.op("env init", &[]);
    let checks = |year| {
        let _admin = Admin::start_until(year, &world);
        let diagnosis = world.op("env doctor", &[]);
        let findings = diagnosis["findings"].as_array().unwrap().clone();
        findings.iter().map(|it| it["check"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(checks(2120), [""; 0]);
    assert_eq!(checks(2020), ["certificate"]);
}

#[test]
fn another_address_than_loopback_and_half_of_the_options_are_refused() {
    let world = World::new();
    world.op("env init", &[]);
    let message = |words: &[&str]| {
        let (code, said) = world.refused(&[&["start"], words].concat(), "");
        assert_eq!((code, &said["error"]["kind"]), (2, &json!("invalid-input")), "{said}");
        said["error"]["message"].as_str().unwrap().to_owned()
    };
    let files = ["--admin-client-ca", "a", "--admin-cert", "b", "--admin-key", "c"];
    let anywhere = message(&[&["--admin-bind", "0.0.0.0:8433"], &files[..]].concat());
    assert!(anywhere.contains("for this machine only"), "{anywhere}");
    let half = message(&["--admin-bind", "127.0.0.1:8433", "--admin-key", "c"]);
    assert_eq!(half, "the admin API by TLS needs --admin-client-ca, --admin-cert as well");
    let absent = message(&[&["--admin-bind", "127.0.0.1:0"], &files[..]].concat());
    assert!(absent.contains("` cannot be used for the admin API"), "{absent}");
}
