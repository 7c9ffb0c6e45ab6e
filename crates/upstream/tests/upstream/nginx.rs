//! A real nginx.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use tempfile::TempDir;
use upstream::{Client, Endpoint, Incoming, Trust};

use crate::server::PATIENCE;

pub(crate) struct Nginx {
    child: Child,
    pub(crate) endpoint: Arc<Endpoint>,
    folder: TempDir,
}

impl Nginx {
    async fn start() -> Self {
        let servers = "server {
             listen unix:FOLDER/n.sock;
             location /connection { return 200 $connection; }
             location /files/ { root FOLDER; dav_methods PUT DELETE; }
             location /none { return 204; }
           }";
        Self::serving(servers, &[]).await
    }

    /// With these blocks of the configuration, and with these files in its folder, which is
    /// `FOLDER` there; it listens on `n.sock`.
    pub(crate) async fn serving(servers: &str, files: &[(&str, &str)]) -> Self {
        let folder = TempDir::new().unwrap();
        let socket = folder.path().join("n.sock");
        let config = folder.path().join("nginx.conf");
        std::fs::create_dir(folder.path().join("files")).unwrap();
        configure(folder.path(), servers, files);
        let child = Command::new("nginx")
            .args(["-e", "stderr", "-p"])
            .arg(folder.path())
            .arg("-c")
            .arg(&config)
            .stderr(Stdio::null())
            .spawn()
            .expect("nginx is installed: `cargo xtask test`");
        let endpoint = Arc::new(Endpoint::Unix { path: socket, trust: Trust::Path });
        let begun = Instant::now();
        while endpoint.connect().await.is_err() {
            assert!(begun.elapsed() < PATIENCE, "nginx does not listen");
            tokio::task::yield_now().await;
        }
        Self { child, endpoint, folder }
    }

    /// Has it read another configuration and other files.
    pub(crate) fn reload(&self, servers: &str, files: &[(&str, &str)]) {
        configure(self.folder.path(), servers, files);
        self.signal("-HUP");
    }

    fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // Its workers end with it, which they would not if it were killed.
        self.signal("-TERM");
        let _ = self.child.wait();
    }
}

fn configure(folder: &Path, servers: &str, files: &[(&str, &str)]) {
    for (name, text) in files {
        std::fs::write(folder.join(name), text).unwrap();
    }
    let user = std::fs::metadata("/proc/self").unwrap().uid();
    let user = if user == 0 { "user root;" } else { "" };
    let text = format!(
        "daemon off; worker_processes 1; {user} pid FOLDER/pid; error_log stderr crit;
         events {{}}
         http {{
           access_log off; client_body_temp_path FOLDER/body; client_max_body_size 16m;
           proxy_temp_path FOLDER/proxy; fastcgi_temp_path FOLDER/f;
           uwsgi_temp_path FOLDER/u; scgi_temp_path FOLDER/s;
           keepalive_requests 5;
           {servers}
         }}"
    );
    let text = text.replace("FOLDER", folder.to_str().unwrap());
    std::fs::write(folder.join("nginx.conf"), text).unwrap();
}

pub(crate) async fn send(
    client: &Client,
    nginx: &Nginx,
    request: Request<Full<Bytes>>,
) -> Response<Incoming> {
    let sent = client.send(&nginx.endpoint, request);
    tokio::time::timeout(PATIENCE, sent).await.unwrap().unwrap()
}

pub(crate) fn request(method: Method, path: &str, body: Bytes) -> Request<Full<Bytes>> {
    let request = Request::builder().method(method).uri(path).header("host", "localhost");
    request.body(Full::new(body)).unwrap()
}

pub(crate) async fn text(response: Response<Incoming>) -> Bytes {
    response.into_body().collect().await.unwrap().to_bytes()
}

#[tokio::test]
async fn connections_are_used_until_nginx_wants_another() {
    let (nginx, client) = (Nginx::start().await, Client::default());
    let mut connections = Vec::new();
    for _ in 0..10 {
        let asked = request(Method::GET, "/connection", Bytes::new());
        connections.push(text(send(&client, &nginx, asked).await).await);
    }
    connections.dedup();
    assert_eq!(connections.len(), 2, "five requests over each: {connections:?}");
}

#[tokio::test]
async fn a_file_goes_there_and_comes_back() {
    go_and_come_back(&Client::default(), &Nginx::start().await).await;
}

/// Files of all sizes, below `/files/`.
pub(crate) async fn go_and_come_back(client: &Client, nginx: &Nginx) {
    for size in [0, 1, 10_000, 3 << 20] {
        let bytes: Vec<u8> = (0..size).map(|i| u8::try_from(i % 251).unwrap()).collect();
        let bytes = Bytes::from(bytes);
        let put = request(Method::PUT, "/files/a", bytes.clone());
        assert!(send(client, nginx, put).await.status().is_success(), "{size}");
        let back = send(client, nginx, request(Method::GET, "/files/a", Bytes::new())).await;
        assert!(text(back).await == bytes, "{size}");
        let head = send(client, nginx, request(Method::HEAD, "/files/a", Bytes::new())).await;
        assert_eq!(head.headers()["content-length"], size.to_string());
        assert!(text(head).await.is_empty());
    }
    let gone = send(client, nginx, request(Method::DELETE, "/files/a", Bytes::new())).await;
    assert_eq!(gone.status(), StatusCode::NO_CONTENT);
    let none = send(client, nginx, request(Method::GET, "/none", Bytes::new())).await;
    assert_eq!(none.status(), StatusCode::NO_CONTENT);
}
