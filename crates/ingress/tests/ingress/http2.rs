//! HTTP/2, seen by the `h2` library as a client.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use h2::{Reason, RecvStream, SendStream};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version};
use tokio::net::TcpStream;

use crate::client::{Event, LARGE, finish, serve, serve_telling};
use crate::tls::Secure;

const PATIENCE: Duration = Duration::from_secs(20);

/// Runs a client to its end, on a runtime of its own, but not for ever.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(PATIENCE, future).await.unwrap() })
}

type Requests = SendRequest<Bytes>;

/// A connection that is known to speak HTTP/2, and how it ends.
async fn open(address: SocketAddr) -> (Requests, tokio::task::JoinHandle<Result<(), h2::Error>>) {
    let stream = TcpStream::connect(address).await.unwrap();
    let mut builder = h2::client::Builder::new();
    builder.initial_window_size(1 << 20).initial_connection_window_size(1 << 22);
    let (requests, connection) = builder.handshake(stream).await.unwrap();
    (requests, tokio::spawn(connection))
}

fn get(path: &str) -> Request<()> {
    Request::get(format!("http://a.test{path}")).body(()).unwrap()
}

fn post(path: &str) -> Request<()> {
    Request::post(format!("http://a.test{path}")).body(()).unwrap()
}

async fn send(
    requests: &mut Requests,
    request: Request<()>,
) -> Result<Response<RecvStream>, h2::Error> {
    poll_fn(|cx| requests.poll_ready(cx)).await?;
    requests.send_request(request, true).unwrap().0.await
}

async fn begin(
    requests: &mut Requests,
    request: Request<()>,
) -> (ResponseFuture, SendStream<Bytes>) {
    poll_fn(|cx| requests.poll_ready(cx)).await.unwrap();
    requests.send_request(request, false).unwrap()
}

/// What a body holds, and its trailers.
async fn read(mut body: RecvStream) -> Result<(Vec<u8>, Option<HeaderMap>), h2::Error> {
    let mut all = Vec::new();
    while let Some(data) = body.data().await {
        let data = data?;
        body.flow_control().release_capacity(data.len())?;
        all.extend_from_slice(&data);
    }
    Ok((all, body.trailers().await?))
}

async fn text(response: Response<RecvStream>) -> String {
    String::from_utf8(read(response.into_body()).await.unwrap().0).unwrap()
}

/// Sends all of `data` as the server makes room for it.
async fn push(stream: &mut SendStream<Bytes>, mut data: Bytes) {
    while !data.is_empty() {
        stream.reserve_capacity(data.len());
        let room = poll_fn(|cx| stream.poll_capacity(cx)).await.unwrap().unwrap();
        stream.send_data(data.split_to(room.min(data.len())), false).unwrap();
    }
}

#[test]
fn requests_are_answered_side_by_side() {
    let running = serve(|_| {});
    block_on(async {
        let (mut requests, _) = open(running.local_addr()).await;
        let (held, _) = requests.send_request(get("/wait"), true).unwrap();
        let mut answers = Vec::new();
        for i in 0..50 {
            poll_fn(|cx| requests.poll_ready(cx)).await.unwrap();
            let path = format!("/{i}");
            answers.push((path.clone(), requests.send_request(get(&path), true).unwrap().0));
        }
        for (path, answer) in answers {
            let response = answer.await.unwrap();
            assert_eq!((response.status(), response.version()), (StatusCode::OK, Version::HTTP_2));
            assert!(response.headers().contains_key("date"));
            assert_eq!(response.headers()["content-length"], path.len().to_string());
            assert_eq!(text(response).await, path);
        }
        send(&mut requests, get("/release")).await.unwrap();
        assert_eq!(text(held.await.unwrap()).await, "released");
    });
    finish(running);
}

#[test]
fn a_large_body_is_echoed_while_it_is_sent_and_trailers_follow_it() {
    let running = serve(|_| {});
    block_on(async {
        let (mut requests, _) = open(running.local_addr()).await;
        let (answer, mut stream) = begin(&mut requests, post("/echo")).await;
        let sending = async {
            for _ in 0..LARGE / 65_536 {
                push(&mut stream, Bytes::from(vec![b'x'; 65_536])).await;
            }
            let mut trailers = HeaderMap::new();
            trailers.insert("grpc-status", HeaderValue::from_static("0"));
            stream.send_trailers(trailers).unwrap();
        };
        let reading = async { read(answer.await.unwrap().into_body()).await.unwrap() };
        let ((), (body, trailers)) = tokio::join!(sending, reading);
        assert_eq!(body.len(), LARGE);
        assert_eq!(trailers.unwrap()["grpc-status"], "0");
        // Of trailers only those that may trail.
        let (_, trailers) =
            read(send(&mut requests, get("/trailers")).await.unwrap().into_body()).await.unwrap();
        let trailers = trailers.unwrap();
        assert_eq!((trailers.len(), &trailers["x-sum"]), (1, &HeaderValue::from_static("1")));
    });
    finish(running);
}

#[test]
fn what_is_refused_is_refused_as_on_http_1() {
    let running = serve(|settings| settings.max_body_bytes = 10);
    let long = format!("/{}", "a".repeat(9_000));
    let row = |path: &str, headers: &[(&str, &str)]| {
        let mut request = get(path);
        for (name, value) in headers {
            let name: http::HeaderName = name.parse().unwrap();
            request.headers_mut().append(name, HeaderValue::from_str(value).unwrap());
        }
        request
    };
    let rows = [
        (row("/a//b/../c?q", &[]), 200),
        (row("/", &[("host", "a.test")]), 200),
        (row("/", &[("host", "A.test:80")]), 200),
        (row("/", &[("host", "b.test")]), 400),
        (row("/", &[("host", "a.test"), ("host", "a.test")]), 400),
        (row("/%2f", &[]), 400),
        (row("/%zz", &[]), 400),
        (row(&long, &[]), 414),
        (row("/", &[("expect", "a-miracle")]), 417),
        (row("/", &[("x", " padded")]), 400),
        (row("/", &[("content-length", "0"), ("content-length", "0")]), 400),
        (row("/", &[("te", "trailers")]), 200),
    ];
    block_on(async {
        let (mut requests, _) = open(running.local_addr()).await;
        for (request, status) in rows {
            let shown = format!("{request:?}");
            let response = send(&mut requests, request).await.unwrap();
            assert_eq!(response.status(), status, "{shown}");
            let body = text(response).await;
            match shown.contains("/a//b") {
                true => assert_eq!(body, "/a/c"),
                false => assert!(status == 200 || body.starts_with("{\"error\":"), "{body}"),
            }
        }
        // Too many lines, too much of them, and a body that announces too much.
        let mut many = get("/");
        for i in 0..101 {
            let name: http::HeaderName = format!("x-{i}").parse().unwrap();
            many.headers_mut().insert(name, HeaderValue::from_static("y"));
        }
        assert_eq!(send(&mut requests, many).await.unwrap().status(), 431);
        let mut large = post("/size");
        large.headers_mut().insert("content-length", HeaderValue::from_static("11"));
        let (answer, _stream) = begin(&mut requests, large).await;
        assert_eq!(answer.await.unwrap().status(), 413);
        let (answer, mut stream) = begin(&mut requests, post("/size")).await;
        push(&mut stream, Bytes::from_static(b"eleven byte")).await;
        assert_eq!(answer.await.unwrap().status(), 413);
        let connect = Request::builder().method(Method::CONNECT).uri("a.test:80").body(()).unwrap();
        assert_eq!(send(&mut requests, connect).await.unwrap().status(), 501);
    });
    finish(running);
}

#[test]
fn who_wants_html_is_refused_in_html_and_head_has_no_body() {
    let running = serve(|_| {});
    block_on(async {
        let (mut requests, _) = open(running.local_addr()).await;
        let mut request = get("/%2f");
        request.headers_mut().insert("accept", HeaderValue::from_static("text/html"));
        let response = send(&mut requests, request).await.unwrap();
        assert_eq!(response.headers()["content-type"], "text/html; charset=utf-8");
        assert!(text(response).await.contains("<h1>Bad Request</h1>"));
        for path in ["/head", "/%2f"] {
            let mut request = get(path);
            *request.method_mut() = Method::HEAD;
            let response = send(&mut requests, request).await.unwrap();
            assert!(response.body().is_end_stream(), "{path}");
            assert_ne!(response.headers()["content-length"], "0", "{path}");
        }
    });
    finish(running);
}

#[test]
fn cookies_on_several_lines_become_one() {
    let running = serve(|_| {});
    block_on(async {
        let (mut requests, _) = open(running.local_addr()).await;
        let mut request = get("/cookie");
        for cookie in ["a=1", "b=2; c=3", "d=4"] {
            request.headers_mut().append("cookie", HeaderValue::from_static(cookie));
        }
        assert_eq!(text(send(&mut requests, request).await.unwrap()).await, "a=1; b=2; c=3; d=4");
    });
    finish(running);
}

#[test]
fn a_panic_is_the_end_of_its_own_stream_only() {
    let running = serve(|_| {});
    block_on(async {
        let (mut requests, _) = open(running.local_addr()).await;
        let (held, _) = requests.send_request(get("/wait"), true).unwrap();
        assert_eq!(send(&mut requests, get("/panic")).await.unwrap().status(), 500);
        assert_eq!(send(&mut requests, get("/status/103")).await.unwrap().status(), 500);
        // The head may still be waiting to be sent when the body breaks.
        let late = match send(&mut requests, get("/panic-late")).await {
            Ok(response) => read(response.into_body()).await.map(drop),
            Err(error) => Err(error),
        };
        let error = late.unwrap_err();
        assert_eq!(error.reason(), Some(Reason::INTERNAL_ERROR));
        send(&mut requests, get("/release")).await.unwrap();
        assert_eq!(text(held.await.unwrap()).await, "released");
    });
    finish(running);
}

#[test]
fn a_request_that_is_taken_back_is_dropped_and_so_is_an_answer() {
    let (running, told) = serve_telling(|_| {});
    block_on(async {
        let (mut requests, _) = open(running.local_addr()).await;
        for path in ["/hold", "/stall"] {
            let (answer, mut stream) = begin(&mut requests, post(path)).await;
            assert_eq!(event(&told).await, Event::Begun);
            if path == "/stall" {
                answer.await.unwrap();
            }
            stream.send_reset(Reason::CANCEL);
            assert_eq!(event(&told).await, Event::Dropped, "{path}");
        }
        // And when the whole connection goes.
        let (other, connection) = open(running.local_addr()).await;
        let mut other = other;
        let (_answer, _stream) = begin(&mut other, post("/hold")).await;
        assert_eq!(event(&told).await, Event::Begun);
        connection.abort();
        assert_eq!(event(&told).await, Event::Dropped);
    });
    finish(running);
}

/// The next event, while the client goes on.
async fn event(told: &std::sync::mpsc::Receiver<Event>) -> Event {
    loop {
        if let Ok(event) = told.try_recv() {
            return event;
        }
        tokio::task::yield_now().await;
    }
}

#[test]
fn a_body_that_does_not_come_is_a_408_and_a_silent_connection_ends() {
    let running = serve(|settings| {
        settings.body_timeout = Duration::from_millis(50);
        settings.idle_timeout = Duration::from_millis(100);
    });
    block_on(async {
        let (mut requests, connection) = open(running.local_addr()).await;
        let (answer, mut stream) = begin(&mut requests, post("/size")).await;
        push(&mut stream, Bytes::from_static(b"some")).await;
        assert_eq!(answer.await.unwrap().status(), 408);
        drop(stream);
        // `GOAWAY` with `NO_ERROR`, which is no error to the client.
        connection.await.unwrap().unwrap();
    });
    finish(running);
}

#[test]
fn a_client_that_makes_no_room_is_left() {
    let running = serve(|settings| settings.write_timeout = Duration::from_millis(50));
    block_on(async {
        let (mut requests, _) = open(running.local_addr()).await;
        // Nothing of it is read, so the window is not renewed.
        let mut body = send(&mut requests, get("/large")).await.unwrap().into_body();
        let error = loop {
            match body.data().await {
                Some(Ok(_)) => {}
                Some(Err(error)) => break error,
                None => panic!("all of it came"),
            }
        };
        assert_eq!(error.reason(), Some(Reason::CANCEL));
        assert_eq!(text(send(&mut requests, get("/next")).await.unwrap()).await, "/next");
    });
    finish(running);
}

#[test]
fn a_drain_lets_what_is_under_way_finish_and_takes_nothing_new() {
    let running = serve(|settings| settings.drain_idle = Duration::from_millis(10));
    let address = running.local_addr();
    let draining = block_on(async {
        let (mut requests, connection) = open(address).await;
        let (answer, mut upload) = begin(&mut requests, post("/size")).await;
        push(&mut upload, Bytes::from_static(b"begun")).await;
        let (mut idle, idle_connection) = open(address).await;
        for requests in [&mut requests, &mut idle] {
            send(requests, get("/a")).await.unwrap();
        }
        let draining = std::thread::spawn(move || running.drain(PATIENCE));
        idle_connection.await.unwrap().unwrap();
        // What was sent before the client knew is still answered; then it may make no more.
        let refused = loop {
            match send(&mut requests, get("/more")).await {
                Ok(_) => tokio::task::yield_now().await,
                Err(error) => break error,
            }
        };
        assert_eq!(refused.reason(), Some(Reason::NO_ERROR), "{refused}");
        upload.send_data(Bytes::from_static(b" and ended"), true).unwrap();
        assert_eq!(text(answer.await.unwrap()).await, "15");
        connection.await.unwrap().unwrap();
        draining
    });
    let report = draining.join().unwrap();
    assert_eq!(report.cut, 0, "{report:?}");
}

#[test]
fn it_is_chosen_over_tls_and_certificates_still_matter() {
    let secure = Secure::new(&["DNS:a.test", "DNS:b.test"], |_| {});
    block_on(async {
        let config = std::sync::Arc::new(secure.trusting(&["h2"]));
        let stream = TcpStream::connect(secure.address()).await.unwrap();
        let name = rustls::pki_types::ServerName::try_from("a.test").unwrap();
        let stream = tokio_rustls::TlsConnector::from(config).connect(name, stream).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        let (mut requests, connection) = h2::client::handshake(stream).await.unwrap();
        tokio::spawn(connection);
        for (host, status) in [("a.test", 200), ("b.test", 421), ("a.test", 200)] {
            let request = Request::get(format!("https://{host}/x")).body(()).unwrap();
            let response = send(&mut requests, request).await.unwrap();
            assert_eq!(response.status(), status, "{host}");
        }
        let (answer, mut stream) = begin(&mut requests, post("/size")).await;
        push(&mut stream, Bytes::from(vec![b'x'; 1 << 20])).await;
        stream.send_data(Bytes::new(), true).unwrap();
        assert_eq!(text(answer.await.unwrap()).await, (1 << 20).to_string());
    });
    finish(secure.running);
}
