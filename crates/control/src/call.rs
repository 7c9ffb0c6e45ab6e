//! What is asked: an answers document, and what every answers document may say besides.

use deploy_spec::{EnvironmentId, Fault, IdempotencyKey, document};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// One command: the answers of a verb, and what belongs to no verb in particular.
#[derive(Debug, Clone, PartialEq)]
pub struct Call<A> {
    /// Where.
    pub environment_id: EnvironmentId,
    /// What makes a retry safe.
    pub idempotency_key: Option<IdempotencyKey>,
    /// The generation that the target must have.
    pub expected_generation: Option<u64>,
    /// What the verb itself asks for.
    pub answers: A,
}

/// The fields that every answers document may have, whatever the verb.
pub(crate) const COMMON: [&str; 3] = ["environment_id", "idempotency_key", "expected_generation"];

impl<A: DeserializeOwned> Call<A> {
    /// Reads an answers document. An absent `environment_id` means `local`.
    ///
    /// # Errors
    /// `invalid-input`, naming the field by JSON pointer.
    pub fn from_document(document: Value) -> Result<Self, Fault> {
        let Value::Object(mut map) = document else {
            return Err(Fault::invalid("the answers are not an object of fields").at(""));
        };
        let environment_id = take(&mut map, COMMON[0])?.unwrap_or_else(EnvironmentId::local);
        let idempotency_key = take(&mut map, COMMON[1])?;
        let expected_generation = take(&mut map, COMMON[2])?;
        let answers = document::from_value(Value::Object(map))?;
        Ok(Self { environment_id, idempotency_key, expected_generation, answers })
    }
}

fn take<T: DeserializeOwned>(map: &mut Map<String, Value>, name: &str) -> Result<Option<T>, Fault> {
    let Some(value) = map.remove(name) else { return Ok(None) };
    document::from_value(value).map_err(|fault| fault.at(format!("/{name}")))
}
