//! What the admin API of a running data plane takes and answers, as OpenAPI 3.1.

use deploy_spec::{EnvironmentId, Fault, Kind};
use serde_json::{Map, Value, json};

use crate::Verb;
use crate::mechanism::document_schema;
use crate::revisions::{CompleteDrain, Stage, Warm};
use crate::traffic::{Rollback, Set};

/// Where the schemas of a document are that others refer to.
const SCHEMAS: &str = "#/components/schemas/";

/// The document, of any environment or of one: its data plane takes no document for another.
#[must_use]
pub fn admin_api(environment: Option<&EnvironmentId>) -> Value {
    let mut schemas = Map::new();
    let fault = hoisted(schemars::schema_for!(Fault).to_value(), &mut schemas);
    schemas.insert("Fault".into(), fault);
    let envelope = |field: &str, schema: Value| {
        let text = json!({"type": "string"});
        json!({
            "type": "object",
            "properties": {"noun": text, "op": text, field: schema},
            "required": ["noun", "op", field],
            "additionalProperties": false,
        })
    };
    schemas.insert("Result".into(), envelope("result", json!({"type": "object"})));
    schemas.insert("Error".into(), envelope("error", json!({"$ref": format!("{SCHEMAS}Fault")})));
    let paths = json!({
        "/healthz": looked_at("Says that the process runs.", "text/plain"),
        "/readyz": looked_at("Says that the process serves.", "text/plain"),
        "/metrics": looked_at("What was counted, for Prometheus.", "text/plain"),
        "/openapi.json": looked_at("This document.", "application/json"),
        "/status": looked_at("What is served, and what is wrong with it.", "application/json"),
        "/deployments/stage": asked::<Stage>(environment, "Takes a bundle in as a revision.", &mut schemas),
        "/deployments/warm": asked::<Warm>(environment, "Proves a revision, which is then ready.", &mut schemas),
        "/deployments/activate": asked::<Set>(environment, "Sets who is served by which revision.", &mut schemas),
        "/deployments/rollback": asked::<Rollback>(environment, "Serves as before the last change.", &mut schemas),
        "/deployments/complete-drain":
            asked::<CompleteDrain>(environment, "Ends the drain of a revision.", &mut schemas),
    });
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "The admin API of gtc",
            "description": "On the Unix socket `run/admin.sock` of an environment, and on the \
                loopback by mutual TLS where `gtc start` was told so. The documents, the envelope, \
                the kinds of failure and the laws are those of the command line.",
            "version": "1",
        },
        "paths": paths,
        "components": {"schemas": schemas},
    })
}

fn looked_at(summary: &str, media_type: &str) -> Value {
    let text = json!({"type": "string"});
    let schema = if media_type == "text/plain" { text } else { json!({"type": "object"}) };
    let answer = json!({"description": summary, "content": {media_type: {"schema": schema}}});
    json!({"get": {"summary": summary, "responses": {"200": answer}}})
}

fn asked<V: Verb>(
    environment: Option<&EnvironmentId>,
    summary: &str,
    schemas: &mut Map<String, Value>,
) -> Value {
    let mut document = hoisted(document_schema::<V>(), schemas);
    if let Some(environment) = environment {
        document["properties"]["environment_id"]["const"] = environment.as_str().into();
    }
    let of = |schema: Value| json!({"application/json": {"schema": schema}});
    let named = |name: &str| of(json!({"$ref": format!("{SCHEMAS}{name}")}));
    let done = json!({"description": "It is done.", "content": named("Result")});
    let mut responses = Map::from_iter([("200".to_owned(), done)]);
    for kind in Kind::ALL {
        let why = format!("It failed: `{kind}`.");
        let answer = json!({"description": why, "content": named("Error")});
        responses.insert(kind.http_status().to_string(), answer);
    }
    let too_large = json!({"description": "The document is too large.", "content": named("Error")});
    responses.insert("413".to_owned(), too_large);
    let (noun, op) = (V::NOUN, V::OP);
    json!({"post": {
        "summary": summary,
        "description": format!("What `gtc op {noun} {op} --answers` does with the same document."),
        "operationId": format!("{noun}-{op}"),
        "requestBody": {"required": true, "content": of(document)},
        "responses": responses,
    }})
}

/// The schema, with what it defines for itself put where the whole document finds it.
fn hoisted(mut schema: Value, schemas: &mut Map<String, Value>) -> Value {
    if let Some(object) = schema.as_object_mut() {
        object.remove("$schema");
        if let Some(Value::Object(own)) = object.remove("$defs") {
            for (name, definition) in own {
                let definition = hoisted(definition, schemas);
                schemas.insert(name, definition);
            }
        }
    }
    refer(&mut schema);
    schema
}

fn refer(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Some(name) = text.strip_prefix("#/$defs/") {
                *text = format!("{SCHEMAS}{name}");
            }
        }
        Value::Array(values) => values.iter_mut().for_each(refer),
        Value::Object(fields) => fields.values_mut().for_each(refer),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn references<'v>(value: &'v Value, found: &mut Vec<&'v str>) {
        match value {
            Value::Object(fields) => {
                found.extend(fields.get("$ref").and_then(Value::as_str));
                fields.values().for_each(|value| references(value, found));
            }
            Value::Array(values) => values.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let document = admin_api(None);
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(found.len() > 20, "{found:?}");
        for reference in found {
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{reference}");
        }
    }
}
