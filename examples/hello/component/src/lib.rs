//! A component that says hello, its version, and which revision answered.
//!
//! `HELLO_VERSION` at build time makes two versions out of one source. It reads two values by
//! `wasi:config`, where the deployment has them: `greeting`, and the secret `api_key`.

use std::io::Write as _;

use wasip2::clocks::monotonic_clock;
use wasip2::exports::http::incoming_handler::Guest;
use wasip2::http::types::{
    Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam,
};
use wasip2::io::streams::StreamError;

mod bindings {
    wit_bindgen::generate!({
        inline: "
            package hello:component;

            world configured {
                import wasi:config/store@0.2.0-rc.1;
            }

            package wasi:config@0.2.0-rc.1 {
                interface store {
                    variant error {
                        upstream(string),
                        io(string),
                    }
                    get: func(key: string) -> result<option<string>, error>;
                }
            }
        ",
        world: "hello:component/configured",
        generate_all,
    });
}

const VERSION: &str = match option_env!("HELLO_VERSION") {
    Some(version) => version,
    None => "1.0.0",
};

struct Hello;

wasip2::http::proxy::export!(Hello);

impl Guest for Hello {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let target = request.path_with_query().unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        match path {
            "/readyz" => answer(out, 200, "text/plain", "ready\n"),
            "/echo" => echo(&request, out),
            "/say" => {
                println!("{query}");
                answer(out, 200, "text/plain", "said\n");
            }
            "/slow" => slow(query, out),
            "/vault" => vault(&request, out),
            _ => answer(out, 200, "application/json", &greeting(&request, path)),
        }
    }
}

fn greeting(request: &IncomingRequest, path: &str) -> String {
    let headers = request.headers();
    let header = |name: &str| match headers.get(name).first() {
        Some(value) => quoted(&String::from_utf8_lossy(value)),
        None => "null".to_owned(),
    };
    format!(
        "{{\"greeting\":{},\"version\":{},\"path\":{},\"prefix\":{},\"revision\":{}}}\n",
        quoted(&configured("greeting").unwrap_or_else(|| "hello".to_owned())),
        quoted(VERSION),
        quoted(path),
        header("x-forwarded-prefix"),
        header("x-greentic-revision"),
    )
}

/// What the deployment says of `name`.
fn configured(name: &str) -> Option<String> {
    bindings::wasi::config::store::get(name).ok().flatten()
}

/// Opens to whoever knows the secret `api_key`, and says nothing else about it.
fn vault(request: &IncomingRequest, out: ResponseOutparam) {
    let given = request.headers().get("x-api-key").into_iter().next();
    match (configured("api_key"), given) {
        (Some(key), Some(given)) if key.as_bytes() == given => {
            answer(out, 200, "text/plain", "open\n");
        }
        _ => answer(out, 403, "text/plain", "give the key as x-api-key\n"),
    }
}

/// `text` as a JSON string.
fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}

/// Sends back what arrives, as it arrives.
fn echo(request: &IncomingRequest, out: ResponseOutparam) {
    let response = OutgoingResponse::new(Fields::new());
    let (Ok(arriving), Ok(leaving)) = (request.consume(), response.body()) else { return };
    ResponseOutparam::set(out, Ok(response));
    let (Ok(from), Ok(to)) = (arriving.stream(), leaving.write()) else { return };
    loop {
        match to.blocking_splice(&from, 64 * 1024) {
            Ok(_) => {}
            Err(StreamError::Closed) => break,
            // The client went away; dropping the body unfinished aborts the answer.
            Err(StreamError::LastOperationFailed(_)) => return,
        }
    }
    drop(to);
    let _ = OutgoingBody::finish(leaving, None);
}

/// Answers after `?ms=N` milliseconds.
fn slow(query: &str, out: ResponseOutparam) {
    let ms = query.split('&').find_map(|pair| pair.strip_prefix("ms=")?.parse::<u32>().ok());
    let Some(ms) = ms else {
        return answer(out, 400, "text/plain", "ask for /slow?ms=250\n");
    };
    monotonic_clock::subscribe_duration(u64::from(ms) * 1_000_000).block();
    answer(out, 200, "text/plain", &format!("slept for {ms} ms\n"));
}

fn answer(out: ResponseOutparam, status: u16, kind: &str, text: &str) {
    let headers = Fields::new();
    let _ = headers.set("content-type", &[kind.as_bytes().to_vec()]);
    let response = OutgoingResponse::new(headers);
    let _ = response.set_status_code(status);
    let Ok(body) = response.body() else { return };
    ResponseOutparam::set(out, Ok(response));
    if let Ok(mut stream) = body.write() {
        let _ = stream.write_all(text.as_bytes());
    }
    let _ = OutgoingBody::finish(body, None);
}
