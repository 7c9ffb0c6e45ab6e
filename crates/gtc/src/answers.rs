//! From a file and flags to one answers document.

use std::io::Read as _;
use std::path::Path;

use deploy_spec::Fault;
use serde_json::{Map, Value};

use crate::globals::Change;

/// The largest answers document, in bytes.
const DOCUMENT_MAX: u64 = 1024 * 1024;

/// The document of a mutation: the file's fields, overridden by those that flags give.
pub(crate) fn document(change: &Change, flags: Map<String, Value>) -> Result<Value, Fault> {
    let mut document = match &change.answers {
        Some(path) => read(path)?,
        None => Map::new(),
    };
    document.extend(flags);
    if let Some(generation) = change.expected_generation {
        document.insert("expected_generation".into(), generation.into());
    }
    if let Some(key) = &change.idempotency_key {
        document.insert("idempotency_key".into(), key.as_str().into());
    }
    Ok(Value::Object(document))
}

/// The fields of an answers file; `-` is standard input.
pub(crate) fn read(path: &Path) -> Result<Map<String, Value>, Fault> {
    let shown = if path == Path::new("-") {
        "standard input".into()
    } else {
        format!("`{}`", path.display())
    };
    let bytes = bytes(path).map_err(|error| {
        let fault = format!("the answers in {shown} cannot be read: {error}");
        if error.kind() == std::io::ErrorKind::NotFound {
            Fault::not_found(fault)
        } else {
            Fault::invalid(fault)
        }
    })?;
    if bytes.len() as u64 > DOCUMENT_MAX {
        return Err(Fault::invalid(format!(
            "the answers in {shown} are larger than {DOCUMENT_MAX} bytes"
        )));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        Fault::invalid(format!("the answers in {shown} are not UTF-8: {error}"))
    })?;
    match parse(&text)
        .map_err(|why| Fault::invalid(format!("the answers in {shown} cannot be parsed: {why}")))?
    {
        Value::Object(map) => Ok(map),
        _ => {
            Err(Fault::invalid(format!("the answers in {shown} are not an object of fields"))
                .at(""))
        }
    }
}

fn bytes(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let most = DOCUMENT_MAX + 1;
    if path == Path::new("-") {
        std::io::stdin().lock().take(most).read_to_end(&mut bytes)?;
    } else {
        std::fs::File::open(path)?.take(most).read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

/// JSON is tried first: its errors are better, and a JSON document is what a script writes.
pub(crate) fn parse(text: &str) -> Result<Value, String> {
    if text.trim_start().starts_with('{') {
        return serde_json::from_str(text).map_err(|error| error.to_string());
    }
    serde_saphyr::from_str(text).map_err(|error| error.to_string())
}
