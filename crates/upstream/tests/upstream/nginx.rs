//! A real nginx.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use tempfile::TempDir;
use upstream::{Client, Endpoint, Incoming};

use crate::server::PATIENCE;

struct Nginx {
    child: Child,
    endpoint: Arc<Endpoint>,
    _folder: TempDir,
}

impl Nginx {
    async fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let socket = folder.path().join("n.sock");
        let config = folder.path().join("nginx.conf");
        std::fs::create_dir(folder.path().join("files")).unwrap();
        std::fs::write(&config, configuration(folder.path())).unwrap();
        let child = Command::new("nginx")
            .args(["-e", "stderr", "-p"])
            .arg(folder.path())
            .arg("-c")
            .arg(&config)
            .stderr(Stdio::null())
            .spawn()
            .expect("nginx is installed: `cargo xtask needs`");
        let endpoint = Arc::new(Endpoint::Unix { path: socket, owner: None });
        let begun = Instant::now();
        while endpoint.connect().await.is_err() {
            assert!(begun.elapsed() < PATIENCE, "nginx does not listen");
            tokio::task::yield_now().await;
        }
        Self { child, endpoint, _folder: folder }
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn configuration(folder: &Path) -> String {
    let folder = folder.display();
    format!(
        "daemon off; master_process off; pid {folder}/pid; error_log stderr crit;
         events {{}}
         http {{
           access_log off; client_body_temp_path {folder}/body; client_max_body_size 16m;
           proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/f;
           uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
           keepalive_requests 5;
           server {{
             listen unix:{folder}/n.sock;
             location /connection {{ return 200 $connection; }}
             location /files/ {{ root {folder}; dav_methods PUT DELETE; }}
             location /none {{ return 204; }}
           }}
         }}"
    )
}

async fn send(client: &Client, nginx: &Nginx, request: Request<Full<Bytes>>) -> Response<Incoming> {
    let sent = client.send(&nginx.endpoint, request);
    tokio::time::timeout(PATIENCE, sent).await.unwrap().unwrap()
}

fn request(method: Method, path: &str, body: Bytes) -> Request<Full<Bytes>> {
    let request = Request::builder().method(method).uri(path).header("host", "localhost");
    request.body(Full::new(body)).unwrap()
}

async fn text(response: Response<Incoming>) -> Bytes {
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
    let (nginx, client) = (Nginx::start().await, Client::default());
    for size in [0, 1, 10_000, 3 << 20] {
        let bytes: Vec<u8> = (0..size).map(|i| u8::try_from(i % 251).unwrap()).collect();
        let bytes = Bytes::from(bytes);
        let put = request(Method::PUT, "/files/a", bytes.clone());
        assert!(send(&client, &nginx, put).await.status().is_success(), "{size}");
        let back = send(&client, &nginx, request(Method::GET, "/files/a", Bytes::new())).await;
        assert!(text(back).await == bytes, "{size}");
        let head = send(&client, &nginx, request(Method::HEAD, "/files/a", Bytes::new())).await;
        assert_eq!(head.headers()["content-length"], size.to_string());
        assert!(text(head).await.is_empty());
    }
    let gone = send(&client, &nginx, request(Method::DELETE, "/files/a", Bytes::new())).await;
    assert_eq!(gone.status(), StatusCode::NO_CONTENT);
    let none = send(&client, &nginx, request(Method::GET, "/none", Bytes::new())).await;
    assert_eq!(none.status(), StatusCode::NO_CONTENT);
}
