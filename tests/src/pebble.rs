//! An ACME server of its own for a test: Pebble, by which Let's Encrypt tries its clients, with a DNS
//! in which every name leads to one address.

use std::io::{self, BufRead as _, BufReader, Read, Write as _};
use std::net::{Ipv4Addr, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::{Authority, Folder};

/// Where the authority asks by HTTP.
const HTTP: u16 = 5002;
/// Where it asks by TLS.
const TLS: u16 = 5001;
const DIRECTORY: u16 = 14_000;
const ROOTS: u16 = 15_000;
const DNS: u16 = 8053;
const NAMES: u16 = 8055;

/// A name that the authority gives nobody a certificate for.
pub const BLOCKED: &str = "blocked.test";

/// A real server, as strict as it can be; gone when it is dropped. All that it knows is forgotten
/// when it is stopped.
pub struct Pebble {
    address: Ipv4Addr,
    folder: Folder,
    authority: Authority,
    names: Child,
    server: Option<Child>,
}

impl Pebble {
    /// A server that is not there yet, whose certificates will be valid for so many seconds.
    ///
    /// # Errors
    /// When the DNS beside it cannot be run.
    ///
    /// # Panics
    /// When there is no `openssl`.
    pub fn absent(valid_s: u32) -> io::Result<Self> {
        // An address that no other test has, so that its ports are free, and are known before.
        let [_, a, b, c] = std::process::id().to_be_bytes();
        let address = Ipv4Addr::new(127, 64 | (a & 63), b, c);
        let authority = Authority::new();
        let shown = authority.issue(&format!("IP:{address}"));
        let folder = Folder::new().map_err(io::Error::other)?;
        let config = format!(
            r#"{{"pebble": {{"listenAddress": "{address}:{DIRECTORY}",
                "managementListenAddress": "{address}:{ROOTS}",
                "certificate": {:?}, "privateKey": {:?}, "httpPort": {HTTP}, "tlsPort": {TLS},
                "domainBlocklist": ["{BLOCKED}"], "certificateValidityPeriod": {valid_s}}}}}"#,
            shown.certificate, shown.key,
        );
        std::fs::write(folder.path().join("config.json"), config)?;
        let dns = format!("{address}:{DNS}");
        let mut names = Command::new("pebble-challtestsrv");
        names.args(["-dns01", &dns, "-defaultIPv4", &address.to_string(), "-defaultIPv6", ""]);
        names.args(["-http01", "", "-https01", "", "-tlsalpn01", ""]);
        names.args(["-management", &format!("{address}:{NAMES}")]).stdout(Stdio::piped());
        let mut names = names.spawn().map_err(|error| missing(&error))?;
        said(names.stdout.take(), "Starting management server")?;
        while !knows_names(address)? {}
        Ok(Self { address, folder, authority, names, server: None })
    }

    /// A server that answers.
    ///
    /// # Errors
    /// When it cannot be run.
    pub fn start(valid_s: u32) -> io::Result<Self> {
        let mut pebble = Self::absent(valid_s)?;
        pebble.begin()?;
        Ok(pebble)
    }

    /// It is there, and remembers nothing.
    ///
    /// # Errors
    /// When it cannot be run.
    pub fn begin(&mut self) -> io::Result<()> {
        let config = self.folder.path().join("config.json");
        let mut server = Command::new("pebble");
        server.arg("-strict").arg("-config").arg(config);
        server.args(["-dnsserver", &format!("{}:{DNS}", self.address)]);
        server.env("PEBBLE_VA_NOSLEEP", "1").env("PEBBLE_WFE_NONCEREJECT", "20");
        let mut server = server.stdout(Stdio::piped()).spawn().map_err(|error| missing(&error))?;
        said(server.stdout.take(), "ACME directory available")?;
        self.server = Some(server);
        Ok(())
    }

    /// It is gone, as by a loss of power.
    ///
    /// # Errors
    /// When it cannot be killed.
    pub fn stop(&mut self) -> io::Result<()> {
        let Some(mut server) = self.server.take() else { return Ok(()) };
        server.kill()?;
        server.wait().map(drop)
    }

    /// The URL of its directory.
    #[must_use]
    pub fn directory(&self) -> String {
        format!("https://{}:{DIRECTORY}/dir", self.address)
    }

    /// Where its server listens when it is there.
    #[must_use]
    pub fn listens_at(&self) -> (Ipv4Addr, u16) {
        (self.address, DIRECTORY)
    }

    /// The address at which a server must listen for it to be asked by TLS.
    #[must_use]
    pub fn tls_door(&self) -> String {
        format!("{}:{TLS}", self.address)
    }

    /// The address at which a server must listen for it to be asked by HTTP.
    #[must_use]
    pub fn http_door(&self) -> String {
        format!("{}:{HTTP}", self.address)
    }

    /// The file of who vouches for its server.
    #[must_use]
    pub fn ca(&self) -> PathBuf {
        self.authority.file()
    }

    /// A file of who vouches for the certificates it gives since it began last.
    ///
    /// # Errors
    /// When it does not say.
    pub fn roots(&self) -> io::Result<PathBuf> {
        let file = self.folder.path().join("roots.pem");
        let url = format!("https://{}:{ROOTS}/roots/0", self.address);
        let mut asked = Command::new("curl");
        asked.args(["-sSf", "--max-time", "20", "--cacert"]).arg(self.ca()).arg("-o").arg(&file);
        let ended = asked.arg(url).status()?;
        if ended.success() { Ok(file) } else { Err(io::Error::other(format!("curl: {ended}"))) }
    }

    /// Has a name lead to where nobody listens.
    ///
    /// # Errors
    /// When it cannot be told.
    pub fn mislead(&self, name: &str) -> io::Result<()> {
        let mut told = TcpStream::connect((self.address, NAMES))?;
        let body = format!(r#"{{"host": "{name}.", "addresses": ["127.0.0.2"]}}"#);
        let length = body.len();
        write!(
            told,
            "POST /add-a HTTP/1.1\r\nhost: names\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
        )?;
        let mut answer = String::new();
        told.read_to_string(&mut answer)?;
        if answer.starts_with("HTTP/1.1 200") { Ok(()) } else { Err(io::Error::other(answer)) }
    }
}

impl Drop for Pebble {
    fn drop(&mut self) {
        let _ = self.stop();
        let _ = self.names.kill();
        let _ = self.names.wait();
    }
}

/// Whether the DNS answers, as it is asked: by UDP (RFC 1035 §4.1).
fn knows_names(address: Ipv4Addr) -> io::Result<bool> {
    let question = b"\0\x01\x01\0\0\x01\0\0\0\0\0\0\x01a\x04test\0\0\x01\0\x01";
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.set_read_timeout(Some(Duration::from_millis(200)))?;
    socket.connect((address, DNS))?;
    Ok(socket.send(question).and_then(|_| socket.recv(&mut [0; 512])).is_ok())
}

fn missing(error: &io::Error) -> io::Error {
    io::Error::other(format!("pebble: {error}; `cargo xtask test` installs it"))
}

/// Waits until a program has said this, and lets it say what it likes from then on.
fn said(out: Option<impl Read + Send + 'static>, what: &str) -> io::Result<()> {
    let mut lines = BufReader::new(out.ok_or(io::ErrorKind::BrokenPipe)?).lines();
    if lines.by_ref().any(|line| line.is_ok_and(|line| line.contains(what))) {
        std::thread::spawn(move || lines.for_each(drop));
        return Ok(());
    }
    Err(io::Error::other(format!("it ended before it said `{what}`")))
}
