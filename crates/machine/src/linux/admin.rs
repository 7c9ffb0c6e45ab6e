//! Asks the admin endpoint for its health: HTTP over TLS on 127.0.0.1, with a client certificate,
//! and only of the server that has the certificate which we laid down.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use deploy_spec::Fault;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme, StreamOwned};
use single_vm::Gate;

use super::patience::look_until;
use crate::certificates::{CERTIFICATE_FILE, KEY_FILE, read_chain, read_key};

/// How long one question may take.
const QUESTION: Duration = Duration::from_secs(5);
/// The most of an answer that is read, in bytes: its first line.
const ANSWER_MAX: usize = 4096;

/// The directories of the server's and the client's certificate.
#[derive(Debug)]
pub(super) struct Identity {
    pub(super) server: PathBuf,
    pub(super) client: PathBuf,
}

/// Waits until both paths answer 200, for as long as the gate says.
pub(super) fn wait(gate: &Gate, identity: &Identity) -> Result<(), Fault> {
    let seconds = gate.timeout_seconds;
    let mut found = Ok(());
    look_until(Duration::from_secs(seconds.into()), || {
        found = probe(gate, identity);
        Ok(found.is_ok())
    })?;
    found.map_err(|fault| {
        let why = fault.message;
        Fault::unhealthy(format!("`{}` is not healthy after {seconds} s: {why}", gate.service))
    })
}

/// Asks both paths once.
pub(super) fn probe(gate: &Gate, identity: &Identity) -> Result<(), Fault> {
    let config = config(identity)?;
    for path in [&gate.readiness_path, &gate.liveness_path] {
        let said = get(&config, gate.admin_port, path.as_str());
        let why = match said {
            Ok(200) => continue,
            Ok(status) => format!("answers {path} with {status}"),
            Err(error) => format!("does not answer {path}: {error}"),
        };
        return Err(Fault::unhealthy(format!("its admin endpoint {why}")));
    }
    Ok(())
}

fn config(identity: &Identity) -> Result<Arc<ClientConfig>, Fault> {
    let wrong = |path: &Path, why: String| {
        Fault::unhealthy(format!("the certificate in `{}` {why}", path.display()))
    };
    let chain = |folder: &Path| {
        read_chain(&folder.join(CERTIFICATE_FILE)).map_err(|why| wrong(folder, why))
    };
    let key = read_key(&identity.client.join(KEY_FILE));
    let key = key.map_err(|why| wrong(&identity.client, why))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let expected = chain(&identity.server)?.swap_remove(0);
    let only = Arc::new(Only { expected, provider: provider.clone() });
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Fault::internal(format!("TLS: {error}")))?
        .dangerous()
        .with_custom_certificate_verifier(only)
        .with_client_auth_cert(chain(&identity.client)?, key);
    let config = config.map_err(|error| wrong(&identity.client, error.to_string()))?;
    Ok(Arc::new(config))
}

/// The status of the answer to `GET path`.
fn get(config: &Arc<ClientConfig>, port: u16, path: &str) -> std::io::Result<u16> {
    let socket = TcpStream::connect_timeout(&(Ipv4Addr::LOCALHOST, port).into(), QUESTION)?;
    socket.set_read_timeout(Some(QUESTION))?;
    socket.set_write_timeout(Some(QUESTION))?;
    let name = ServerName::IpAddress(Ipv4Addr::LOCALHOST.into());
    let session = ClientConnection::new(config.clone(), name).map_err(std::io::Error::other)?;
    let mut stream = StreamOwned::new(session, socket);
    let host = format!("127.0.0.1:{port}");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")?;
    stream.flush()?;
    let mut answer = Vec::new();
    let mut buffer = [0_u8; 512];
    while !answer.contains(&b'\n') && answer.len() < ANSWER_MAX {
        match stream.read(&mut buffer)? {
            0 => break,
            read => answer.extend_from_slice(&buffer[..read]),
        }
    }
    status(&answer).ok_or_else(|| std::io::Error::other("it is not HTTP"))
}

fn status(answer: &[u8]) -> Option<u16> {
    let line = std::str::from_utf8(answer.split(|byte| *byte == b'\r').next()?).ok()?;
    line.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()
}

/// Accepts one certificate, whatever it says of itself: we put it there.
#[derive(Debug)]
struct Only {
    expected: CertificateDer<'static>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Only {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        match *end_entity == self.expected {
            true => Ok(ServerCertVerified::assertion()),
            false => Err(rustls::Error::General("it shows another certificate than ours".into())),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_is_in_the_first_line() {
        assert_eq!(status(b"HTTP/1.1 200 OK\r\nx: y\r\n"), Some(200));
        assert_eq!(status(b"HTTP/1.1 503\r\n"), Some(503));
        for bad in [&b""[..], b"HTTP/2 200\r\n", b"HTTP/1.1 2", b"SSH-2.0-x\r\n"] {
            assert_eq!(status(bad), None);
        }
    }
}
