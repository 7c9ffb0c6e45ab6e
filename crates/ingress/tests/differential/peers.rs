//! Others that read HTTP/1.1, each saying what it was asked.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

/// What came of a stream of bytes: method, target and host of each request that was answered, in
/// order; none for one that was refused.
pub(crate) type Seen = Vec<Option<String>>;

pub(crate) trait Peer {
    fn name(&self) -> &'static str;
    fn see(&mut self, bytes: &[u8]) -> Seen;
}

pub(crate) fn all() -> Vec<Box<dyn Peer>> {
    let folder = tempfile::tempdir().unwrap();
    let nginx = Proxy::nginx(folder.path());
    let haproxy = Proxy::haproxy(folder.path(), &nginx.address);
    let caddy = Proxy::caddy(folder.path(), &nginx.address);
    // The folder is as short-lived as the test process.
    let _ = folder.keep();
    vec![Box::new(nginx), Box::new(haproxy), Box::new(caddy), Box::new(H11::start())]
}

/// Sends bytes and ends the sending side; what comes back says what was seen.
pub(crate) fn see(address: &str, bytes: &[u8]) -> Seen {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    // Whoever refuses the beginning may have closed before the end.
    let _ = stream.write_all(bytes).and_then(|()| stream.shutdown(Shutdown::Write));
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let text = String::from_utf8_lossy(&answer);
    // Some answer a request of HTTP/1.0 in its own version.
    let answers = text.split("HTTP/1.").skip(1);
    answers
        .filter(|answer| !answer.trim_start_matches(['0', '1']).starts_with(" 100 "))
        .map(|answer| {
            let said = answer.split_once("seen:").and_then(|(_, rest)| rest.split_once(';'));
            said.map(|(said, _)| said.trim_end().to_owned())
        })
        .collect()
}

struct Proxy {
    name: &'static str,
    address: String,
    child: Child,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Peer for Proxy {
    fn name(&self) -> &'static str {
        self.name
    }

    fn see(&mut self, bytes: &[u8]) -> Seen {
        see(&self.address, bytes)
    }
}

fn free() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

/// A Python package that `cargo xtask test` has installed.
fn python() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("python/parsers")
}

impl Proxy {
    fn start(name: &'static str, address: String, command: &mut Command) -> Self {
        let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = quiet
            .spawn()
            .unwrap_or_else(|error| panic!("{name}: {error}; `cargo xtask test` installs it"));
        while TcpStream::connect(&address).is_err() {}
        Self { name, address, child }
    }

    /// It takes all of a request before it passes it on, to a server of its own.
    fn nginx(folder: &Path) -> Self {
        let (address, dir) = (free(), folder.display());
        let text = format!(
            "daemon off; master_process off; pid {dir}/pid; error_log stderr crit;
             events {{}}
             http {{ access_log off; client_body_temp_path {dir}/b; proxy_temp_path {dir}/p;
               fastcgi_temp_path {dir}/f; uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;
               merge_slashes off;
               server {{ listen {address};
                 location / {{ proxy_pass http://unix:{dir}/behind; proxy_set_header Host $host; }} }}
               server {{ listen unix:{dir}/behind;
                 location / {{ return 200 'seen:$request_method $request_uri $host;'; }} }} }}"
        );
        let file = folder.join("nginx.conf");
        std::fs::write(&file, text).unwrap();
        let mut command = Command::new("nginx");
        command.args(["-e", "stderr", "-p"]).arg(folder).arg("-c").arg(file);
        Self::start("nginx", address, &mut command)
    }

    /// What it passes on is what nginx sees.
    fn haproxy(folder: &Path, behind: &str) -> Self {
        let address = free();
        let text = format!(
            "global\n  nbthread 1\ndefaults\n  mode http\n  timeout connect 5s\n  timeout client 10s\n  \
             timeout server 10s\nfrontend f\n  bind {address}\n  default_backend b\nbackend b\n  \
             server one {behind}\n"
        );
        let file = folder.join("haproxy.cfg");
        std::fs::write(&file, text).unwrap();
        Self::start("HAProxy", address, Command::new("haproxy").args(["-db", "-f"]).arg(file))
    }

    /// As HAProxy.
    fn caddy(folder: &Path, behind: &str) -> Self {
        let address = free();
        let port = address.rsplit(':').next().unwrap();
        let text = format!(
            "{{\n  admin off\n  auto_https off\n  persist_config off\n}}\nhttp://:{port} {{\n  \
             reverse_proxy {behind}\n}}\n"
        );
        let file = folder.join("Caddyfile");
        std::fs::write(&file, text).unwrap();
        let mut command = Command::new(python().join("bin/caddy"));
        command.env("HOME", folder).args(["run", "--adapter", "caddyfile", "--config"]).arg(file);
        Self::start("Caddy", address, &mut command)
    }
}

/// The parser of `h11`, which takes bytes on its standard input.
struct H11 {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

const SCRIPT: &str = "
import sys, h11
for line in sys.stdin:
    connection, out, refused = h11.Connection(h11.SERVER), [], 0
    try:
        connection.receive_data(bytes.fromhex(line.strip()))
        connection.receive_data(b'')
        request = None
        while True:
            event = connection.next_event()
            if isinstance(event, h11.Request):
                host = dict(event.headers).get(b'host', b'').split(b':')[0].lower()
                request = event.method + b' ' + event.target + b' ' + host
            elif isinstance(event, h11.EndOfMessage):
                out.append(request.decode('latin-1'))
                connection.send(h11.Response(status_code=200, headers=[('content-length', '0')]))
                connection.send(h11.EndOfMessage())
                if connection.our_state is not h11.DONE: break
                connection.start_next_cycle()
            elif isinstance(event, h11.ConnectionClosed) or event in (h11.NEED_DATA, h11.PAUSED):
                break
    except h11.ProtocolError:
        refused = 1
    print(refused, '\\x1f'.join(out), sep='\\x1f', flush=True)
";

impl H11 {
    fn start() -> Self {
        let mut child = Command::new("python3")
            .args(["-c", SCRIPT])
            .env("PYTHONPATH", python())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 is installed: `cargo xtask test`");
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self { child, input, output: BufReader::new(output) }
    }
}

impl Drop for H11 {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Peer for H11 {
    fn name(&self) -> &'static str {
        "h11"
    }

    fn see(&mut self, bytes: &[u8]) -> Seen {
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        writeln!(self.input, "{hex}").unwrap();
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        let mut words = line.trim_end_matches('\n').split('\u{1f}');
        let is_refused = words.next() == Some("1");
        let answered =
            words.filter(|word| !word.is_empty()).map(|word| Some(word.trim_end().to_owned()));
        answered.chain(is_refused.then_some(None)).collect()
    }
}
