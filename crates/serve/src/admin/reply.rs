//! The envelope around what is answered.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use control::Reply;
use deploy_spec::Fault;
use serde_json::Value;

/// What a command came to.
pub(super) fn ended(noun: &str, op: &str, ended: Result<Reply, Fault>) -> Response {
    match ended {
        Ok(Reply::Result(raw)) => wrapped(StatusCode::OK, noun, op, "result", raw.get()),
        Ok(Reply::Error(fault)) | Err(fault) => error(noun, op, &fault),
    }
}

pub(super) fn result(noun: &str, op: &str, result: &Value) -> Response {
    let result = serde_json::to_string(result).unwrap_or_default();
    wrapped(StatusCode::OK, noun, op, "result", &result)
}

pub(super) fn error(noun: &str, op: &str, fault: &Fault) -> Response {
    let status = StatusCode::from_u16(fault.kind.http_status());
    failed(status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), noun, op, fault)
}

/// With a status that says more than the kind does.
pub(super) fn failed(status: StatusCode, noun: &str, op: &str, fault: &Fault) -> Response {
    let fault = serde_json::to_string(fault).unwrap_or_default();
    wrapped(status, noun, op, "error", &fault)
}

fn wrapped(status: StatusCode, noun: &str, op: &str, field: &str, json: &str) -> Response {
    let text = format!("{{\"noun\":\"{noun}\",\"op\":\"{op}\",\"{field}\":{json}}}\n");
    (status, [(header::CONTENT_TYPE, "application/json")], text).into_response()
}
