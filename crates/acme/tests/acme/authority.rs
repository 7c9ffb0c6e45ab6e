//! An authority whose answers the test writes, over real TLS.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;

use harness::Authority;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// An answer without its head's first line and its nonce.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: &'static str,
    pub(crate) body: String,
}

/// Answers until the process ends.
pub(crate) struct Fake {
    pub(crate) directory: String,
    pub(crate) ca: PathBuf,
    /// What vouches for the server, and could sign.
    pub(crate) authority: Authority,
}

impl Fake {
    /// An authority that plays its part, but that its certificate is for a key of its own, and that
    /// these paths are answered so.
    pub(crate) fn answering(changed: impl FnOnce(&str) -> Vec<(&'static str, Answer)>) -> Self {
        let authority = Authority::new();
        let shown = authority.issue("IP:127.0.0.1");
        let chain = vec![CertificateDer::from_pem_file(&shown.certificate).unwrap()];
        let key = PrivateKeyDer::from_pem_file(&shown.key).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("https://{}", listener.local_addr().unwrap());
        let certificate = authority.issue("DNS:a.test").certificate;
        let mut answers = usual(&base, &std::fs::read_to_string(certificate).unwrap());
        answers.extend(changed(&base));
        let config = Arc::new(config);
        std::thread::spawn(move || {
            let mut is_final = false;
            for stream in listener.incoming() {
                // A client may go away in the middle.
                let _ = serve(stream.unwrap(), &config, &answers, &mut is_final);
            }
        });
        Self { directory: format!("{base}/directory"), ca: authority.file(), authority }
    }
}

fn serve(
    stream: TcpStream,
    config: &Arc<ServerConfig>,
    answers: &HashMap<&'static str, Answer>,
    is_final: &mut bool,
) -> std::io::Result<()> {
    let session = ServerConnection::new(Arc::clone(config)).unwrap();
    let mut stream = BufReader::new(StreamOwned::new(session, stream));
    let mut line = String::new();
    stream.read_line(&mut line)?;
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut length = 0;
    while line.trim() != "" {
        line.clear();
        stream.read_line(&mut line)?;
        if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.trim().parse().unwrap();
        }
    }
    stream.read_exact(&mut vec![0; length])?;
    *is_final |= path == "/finalize";
    let of = if *is_final && path == "/order" { "/finalize" } else { &*path };
    let Some(Answer { status, headers, body }) = answers.get(of) else { return Ok(()) };
    let out = stream.get_mut();
    let length = body.len();
    write!(out, "HTTP/1.1 {status} X\r\nreplay-nonce: n\r\nconnection: close\r\n{headers}")?;
    write!(out, "content-length: {length}\r\n\r\n{body}")?;
    out.conn.send_close_notify();
    out.flush()
}

/// What an authority answers that plays its part.
fn usual(base: &str, certificate: &str) -> HashMap<&'static str, Answer> {
    let answer = |headers, body: String| Answer { status: 200, headers, body };
    let order = |status: &str| {
        format!(
            r#"{{"status": "{status}", "authorizations": ["{base}/authorization"],
                "finalize": "{base}/finalize", "certificate": "{base}/certificate"}}"#
        )
    };
    let challenge = |kind: &str| {
        format!(
            r#"{{"type": "{kind}", "url": "{base}/challenge", "token": "t", "status": "pending"}}"#
        )
    };
    let authorization = format!(
        r#"{{"status": "pending", "identifier": {{"type": "dns", "value": "a.test"}},
            "challenges": [{}, {}]}}"#,
        challenge("http-01"),
        challenge("tls-alpn-01"),
    );
    let directory = format!(
        r#"{{"newNonce": "{base}/nonce", "newAccount": "{base}/account", "newOrder": "{base}/orders"}}"#
    );
    // Lives as long as the process, as the answers do.
    let location = &*format!("location: {base}/order\r\n").leak();
    HashMap::from([
        ("/directory", answer("", directory)),
        ("/nonce", answer("", String::new())),
        ("/account", answer("location: /account/1\r\n", "{}".into())),
        ("/orders", answer(location, order("pending"))),
        ("/authorization", answer("", authorization)),
        ("/challenge", answer("", challenge("http-01"))),
        ("/order", answer("", order("ready"))),
        ("/finalize", answer("", order("valid"))),
        ("/certificate", answer("", certificate.to_owned())),
    ])
}
