//! A real nginx behind TLS: who it must be, and what is spoken with it.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Full;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use upstream::{Alpn, Client, Error, Settings, Speaks, Tls};

use crate::nginx::{Nginx, go_and_come_back, request, send, text};
use crate::server::PATIENCE;

const NOW: Range<i32> = 2020..2120;

/// Who vouches for servers.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn new() -> Self {
        Self::called("an authority")
    }

    fn called(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// The certificate and key of a server, good in these years.
    fn issue(&self, names: &[&str], years: Range<i32>) -> [String; 2] {
        let names: Vec<_> = names.iter().map(ToString::to_string).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.not_before = rcgen::date_time_ymd(years.start, 1, 1);
        params.not_after = rcgen::date_time_ymd(years.end, 1, 1);
        let key = KeyPair::generate().unwrap();
        [params.signed_by(&key, &self.issuer).unwrap().pem(), key.serialize_pem()]
    }

    fn client(&self, name: &str, alpn: Alpn) -> Client {
        let tls = Tls::new(name, Some(self.pem.as_bytes())).unwrap();
        Client::speaking(Settings::default(), Speaks::Tls(tls, alpn))
    }
}

/// One server on the socket, with `cert.pem` and `key.pem`.
fn server(listen: &str, says: &str) -> String {
    format!(
        "server {{
           listen unix:FOLDER/n.sock {listen};
           ssl_certificate FOLDER/cert.pem; ssl_certificate_key FOLDER/key.pem;
           location / {{ return 200 '{says}'; }}
           location /connection {{ return 200 $connection; }}
           location /files/ {{ root FOLDER; dav_methods PUT DELETE; }}
           location /none {{ return 204; }}
         }}"
    )
}

async fn nginx(listen: &str, [certificate, key]: &[String; 2]) -> Nginx {
    let servers = server(listen, "$server_protocol $ssl_server_name $host");
    Nginx::serving(&servers, &[("cert.pem", certificate), ("key.pem", key)]).await
}

fn get(path: &str) -> Request<Full<Bytes>> {
    request(Method::GET, path, Bytes::new())
}

#[tokio::test]
async fn both_sides_choose_what_is_spoken() {
    let authority = Authority::new();
    let pair = authority.issue(&["a.test"], NOW);
    for (listen, alpn, spoken) in [
        ("ssl http2", Alpn::Either, "HTTP/2.0"),
        ("ssl http2", Alpn::Http1, "HTTP/1.1"),
        ("ssl", Alpn::Either, "HTTP/1.1"),
        ("ssl", Alpn::Http1, "HTTP/1.1"),
    ] {
        let nginx = nginx(listen, &pair).await;
        let client = authority.client("a.test", alpn);
        // It is asked for by its own name, and for the host that the client means.
        let said = text(send(&client, &nginx, get("/")).await).await;
        assert_eq!(said, format!("{spoken} a.test localhost"), "{listen} {alpn:?}");
        go_and_come_back(&client, &nginx).await;
    }
}

#[tokio::test]
async fn connections_are_used_until_nginx_wants_another() {
    let authority = Authority::new();
    let pair = authority.issue(&["a.test"], NOW);
    for listen in ["ssl http2", "ssl"] {
        let nginx = nginx(listen, &pair).await;
        let client = authority.client("a.test", Alpn::Either);
        let mut connections = Vec::new();
        for _ in 0..10 {
            connections.push(text(send(&client, &nginx, get("/connection")).await).await);
        }
        connections.dedup();
        assert_eq!(connections.len(), 2, "five requests over each: {listen} {connections:?}");
    }
}

#[tokio::test]
async fn many_at_once_lose_nothing_whatever_is_chosen() {
    let authority = Authority::new();
    let pair = authority.issue(&["a.test"], NOW);
    // HTTP/2 has to go on in another connection.
    for listen in ["ssl http2; keepalive_requests 60", "ssl"] {
        let nginx = Arc::new(nginx(listen, &pair).await);
        let client = authority.client("a.test", Alpn::Either);
        let asking = (0..100).map(|_| {
            let (client, nginx) = (client.clone(), nginx.clone());
            tokio::spawn(async move { text(send(&client, &nginx, get("/")).await).await })
        });
        for asked in asking.collect::<Vec<_>>() {
            assert!(asked.await.unwrap().starts_with(b"HTTP/"), "{listen}");
        }
    }
}

#[tokio::test]
async fn who_does_not_prove_who_it_is_is_told_apart() {
    let (authority, same) = (Authority::new(), Authority::new());
    let other = Authority::called("another");
    let good = authority.issue(&["a.test"], NOW);
    let trusted = authority.pem.as_bytes();
    let cases: [(_, _, Option<&[u8]>, _, _); 7] = [
        (&good, "a.test", Some(other.pem.as_bytes()), "UnknownIssuer", "`tls.ca`"),
        (&good, "a.test", Some(same.pem.as_bytes()), "BadSignature", "`tls.ca`"),
        (&good, "a.test", None, "UnknownIssuer", "`tls.ca`"),
        (&good, "b.test", Some(trusted), "not valid for name", "`tls.server_name`"),
        (&good, "127.0.0.1", Some(trusted), "not valid for name", "`tls.server_name`"),
        (&authority.issue(&["a.test"], 2020..2021), "a.test", Some(trusted), "expired", "a new"),
        (
            &authority.issue(&["a.test"], 2119..2120),
            "a.test",
            Some(trusted),
            "not valid yet",
            "clock",
        ),
    ];
    for (pair, name, ca, why, hint) in cases {
        let nginx = nginx("ssl http2", pair).await;
        for alpn in [Alpn::Either, Alpn::Http1] {
            let speaks = Speaks::Tls(Tls::new(name, ca).unwrap(), alpn);
            let client = Client::speaking(Settings::default(), speaks);
            let error = client.send(&nginx.endpoint, get("/")).await.unwrap_err();
            assert!(matches!(error, Error::Tls(_)), "{error:?}");
            let said = error.to_string();
            assert!(said.contains(why) && said.contains(hint), "{why}: {said}");
        }
    }
}

#[tokio::test]
async fn who_speaks_no_tls_is_found_out() {
    let nginx = Nginx::serving("server { listen unix:FOLDER/n.sock; }", &[]).await;
    let client = Authority::new().client("a.test", Alpn::Either);
    let said = client.send(&nginx.endpoint, get("/")).await.unwrap_err().to_string();
    assert!(said.contains("begins with `http://`"), "{said}");
}

#[test]
fn what_vouches_for_nobody_is_refused() {
    for (name, ca, why) in [
        ("a.test", "", "there is none in it"),
        ("a.test", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "PEM file"),
        ("a test", "", "no name of a server"),
    ] {
        let fault = Tls::new(name, Some(ca.as_bytes())).unwrap_err();
        assert!(fault.message.contains(why), "{}", fault.message);
    }
}

#[tokio::test]
async fn a_renewed_certificate_costs_no_request() {
    let authority = Authority::new();
    let pair = |years| authority.issue(&["a.test"], years);
    for listen in ["ssl http2", "ssl"] {
        let [certificate, key] = pair(NOW);
        let files = [("cert.pem", certificate.as_str()), ("key.pem", key.as_str())];
        let nginx = Arc::new(Nginx::serving(&server(listen, "before"), &files).await);
        let client = authority.client("a.test", Alpn::Either);
        let asking = (0..4).map(|_| {
            let (client, nginx) = (client.clone(), nginx.clone());
            tokio::spawn(async move {
                let mut answered = 0;
                loop {
                    let said = text(send(&client, &nginx, get("/")).await).await;
                    answered += 1;
                    if said == "after" {
                        return answered;
                    }
                    assert_eq!(said, "before");
                }
            })
        });
        let asking: Vec<_> = asking.collect();
        while text(send(&client, &nginx, get("/")).await).await != "before" {}
        let [certificate, key] = pair(NOW);
        let files = [("cert.pem", certificate.as_str()), ("key.pem", key.as_str())];
        nginx.reload(&server(listen, "after"), &files);
        for asked in asking {
            let answered = tokio::time::timeout(PATIENCE, asked).await.unwrap().unwrap();
            assert!(answered > 0, "{listen}");
        }
    }
}
