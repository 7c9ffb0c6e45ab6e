//! One component, many ways to misbehave; each path is one test of the host.

use std::hint::black_box;
use std::io::Write as _;
use std::mem::forget;

use wasip2::clocks::monotonic_clock;
use wasip2::exports::http::incoming_handler::Guest;
use wasip2::http::outgoing_handler;
use wasip2::http::types::{
    Fields, IncomingRequest, OutgoingBody, OutgoingRequest, OutgoingResponse, ResponseOutparam,
    Scheme,
};
use wasip2::io::streams::StreamError;

mod config {
    wit_bindgen::generate!({
        inline: "
            package wasi:config@0.2.0-rc.1;
            interface store {
                variant error { upstream(string), io(string) }
                get: func(key: string) -> result<option<string>, error>;
            }
            world reader { import store; }
        ",
        world: "reader",
    });
}

struct Naughty;

wasip2::http::proxy::export!(Naughty);

impl Guest for Naughty {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let target = request.path_with_query().unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        match path {
            "/spin" => loop {
                black_box(0);
            },
            "/trap" => core::arch::wasm32::unreachable(),
            "/recurse" => answer(out, &recurse(1).to_string()),
            "/hog" => hog(query, out),
            "/grow" => answer(out, &grow().to_string()),
            "/leak" => leak(request, query, out),
            "/silent" => drop(out),
            "/block" => monotonic_clock::subscribe_duration(u64::MAX / 2).block(),
            "/half" => half(&request, out),
            "/stall" => stall(out),
            "/after" => after(request, out),
            "/echo" => echo(&request, out),
            "/hop" => hop(out),
            "/status" => status(query, out),
            "/print" => print(query, out),
            "/forge" => {
                println!("\u{1b}[2Jforged\r line");
                answer(out, "forged");
            }
            "/config" => answer(out, &config_value(query)),
            "/world" => answer(out, &world()),
            "/call" => answer(out, &call(query)),
            "/count" => answer(out, &count().to_string()),
            "/headers" => answer(out, &headers(&request)),
            _ => answer(out, path),
        }
    }
}

#[expect(unconditional_recursion, reason = "until the stack ends")]
fn recurse(depth: u64) -> u64 {
    let frame = black_box([depth; 64]);
    1 + recurse(black_box(frame[0] + 1)) + frame[63]
}

/// Takes and touches `?mb` MiB; all there is when it is not named.
fn hog(query: &str, out: ResponseOutparam) {
    let megabytes = query.strip_prefix("mb=").and_then(|mb| mb.parse().ok()).unwrap_or(u32::MAX);
    let mut taken = Vec::new();
    for _ in 0..megabytes {
        taken.push(black_box(vec![1_u8; 1 << 20]));
    }
    answer(out, &format!("took {} MiB", taken.len()));
}

/// Asks for more memory than anybody may have, and lives on without it.
fn grow() -> bool {
    core::arch::wasm32::memory_grow::<0>(1 << 14) != usize::MAX
}

/// Forgets that it holds `?what`, and answers.
fn leak(request: IncomingRequest, what: &str, out: ResponseOutparam) {
    match what {
        "request" => forget(request),
        "stream" => {
            let body = request.consume().unwrap();
            forget(body.stream().unwrap());
            forget(body);
        }
        "fields" => forget(Fields::new()),
        "pollable" => forget(monotonic_clock::subscribe_duration(0)),
        "stdout" => (0..100).for_each(|_| forget(wasip2::cli::stdout::get_stdout())),
        authority => {
            let request = OutgoingRequest::new(Fields::new());
            request.set_scheme(Some(&Scheme::Http)).unwrap();
            request.set_authority(Some(authority)).unwrap();
            request.set_path_with_query(Some("/")).unwrap();
            let future = outgoing_handler::handle(request, None).unwrap();
            future.subscribe().block();
            forget(future);
        }
    }
    answer(out, "leaked");
}

/// Sends one chunk, waits for one of the request, and traps.
fn half(request: &IncomingRequest, out: ResponseOutparam) {
    let body = begin(out, Fields::new(), 200);
    let stream = body.write().unwrap();
    stream.blocking_write_and_flush(b"first half").unwrap();
    let arriving = request.consume().unwrap();
    let _ = arriving.stream().unwrap().blocking_read(64);
    core::arch::wasm32::unreachable()
}

/// Sends one chunk and never another.
fn stall(out: ResponseOutparam) {
    let body = begin(out, Fields::new(), 200);
    let stream = body.write().unwrap();
    stream.blocking_write_and_flush(b"first chunk").unwrap();
    monotonic_clock::subscribe_duration(u64::MAX / 2).block();
}

/// Answers at once, then waits for the end of the request's body and prints.
fn after(request: IncomingRequest, out: ResponseOutparam) {
    answer(out, "answered");
    let body = request.consume().unwrap();
    let stream = body.stream().unwrap();
    while stream.blocking_read(64).is_ok() {}
    println!("still here after the answer");
}

fn echo(request: &IncomingRequest, out: ResponseOutparam) {
    let arriving = request.consume().unwrap();
    let from = arriving.stream().unwrap();
    let body = begin(out, Fields::new(), 200);
    let to = body.write().unwrap();
    loop {
        match to.blocking_splice(&from, 64 * 1024) {
            Ok(_) => {}
            Err(StreamError::Closed) => break,
            Err(StreamError::LastOperationFailed(_)) => return,
        }
    }
    drop(to);
    OutgoingBody::finish(body, None).unwrap();
}

/// Tries to set headers that belong to the connection.
fn hop(out: ResponseOutparam) {
    let headers = Fields::new();
    let mut taken = Vec::new();
    for name in ["connection", "keep-alive", "transfer-encoding", "upgrade", "te", "trailer"] {
        if headers.append(name, b"x-secret").is_ok() {
            taken.push(name);
        }
    }
    headers.append("x-kept", b"yes").unwrap();
    finish(begin(out, headers, 200), &taken.join(" "));
}

fn status(query: &str, out: ResponseOutparam) {
    let code = query.parse().unwrap();
    finish(begin(out, Fields::new(), code), "");
}

/// Prints `?N` lines to both streams.
fn print(query: &str, out: ResponseOutparam) {
    for line in 0..query.parse::<u32>().unwrap() {
        println!("out {line}");
        eprintln!("err {line}");
    }
    answer(out, "printed");
}

fn config_value(key: &str) -> String {
    match config::wasi::config::store::get(key) {
        Ok(Some(value)) => value,
        Ok(None) => "nothing".to_owned(),
        Err(_) => "error".to_owned(),
    }
}

/// What it can see of the world: arguments, environment, files, sockets.
fn world() -> String {
    let arguments = std::env::args().count();
    let variables = std::env::vars().count();
    let files = std::fs::read_dir("/").is_ok() || std::fs::read("/etc/passwd").is_ok();
    let sockets = std::net::TcpStream::connect("127.0.0.1:80").err().map(|error| error.kind());
    format!("{arguments} {variables} {files} {sockets:?}")
}

/// Asks `http://?authority/` and tells the status and body.
fn call(authority: &str) -> String {
    let request = OutgoingRequest::new(Fields::new());
    request.set_scheme(Some(&Scheme::Http)).unwrap();
    request.set_authority(Some(authority)).unwrap();
    request.set_path_with_query(Some("/")).unwrap();
    let future = match outgoing_handler::handle(request, None) {
        Ok(future) => future,
        Err(error) => return format!("{error:?}"),
    };
    future.subscribe().block();
    let response = match future.get().unwrap().unwrap() {
        Ok(response) => response,
        Err(error) => return format!("{error:?}"),
    };
    let status = response.status();
    let body = response.consume().unwrap();
    let stream = body.stream().unwrap();
    let mut text = Vec::new();
    while let Ok(chunk) = stream.blocking_read(4096) {
        text.extend(chunk);
    }
    format!("{status} {}", String::from_utf8_lossy(&text))
}

/// Counts the requests that this instance has seen.
fn count() -> u32 {
    static SEEN: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    SEEN.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1
}

fn headers(request: &IncomingRequest) -> String {
    let mut lines = vec![
        format!("path: {}", request.path_with_query().unwrap_or_default()),
        format!("authority: {}", request.authority().unwrap_or_default()),
    ];
    for (name, value) in request.headers().entries() {
        lines.push(format!("{name}: {}", String::from_utf8_lossy(&value)));
    }
    lines.join("\n")
}

fn begin(out: ResponseOutparam, headers: Fields, status: u16) -> OutgoingBody {
    let response = OutgoingResponse::new(headers);
    response.set_status_code(status).unwrap();
    let body = response.body().unwrap();
    ResponseOutparam::set(out, Ok(response));
    body
}

fn finish(body: OutgoingBody, text: &str) {
    body.write().unwrap().write_all(text.as_bytes()).unwrap();
    OutgoingBody::finish(body, None).unwrap();
}

fn answer(out: ResponseOutparam, text: &str) {
    finish(begin(out, Fields::new(), 200), text);
}
