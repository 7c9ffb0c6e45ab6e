//! What every verb has in common: authorization, compare-and-swap, idempotency, audit, dry run.

use deploy_spec::document;
use deploy_spec::{AuditEvent, AuditResult, Digest, Fault, GenerationChange};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::authorization::{event, permitted};
use crate::call::{COMMON, Call};
use crate::change::Change;
use crate::draft::{Context, Draft};
use crate::record::{Answered, AnsweredSchema, Record};
use crate::view::{Lookup as _, View};

/// A command that changes something.
pub trait Verb {
    /// Its noun on the command line.
    const NOUN: &'static str;
    /// Its name on the command line.
    const OP: &'static str;
    /// What it asks for.
    type Answers: DeserializeOwned + Serialize + JsonSchema;
    /// What the caller has to find out first, because it takes more than the records to know.
    type Facts;
    /// What it answers.
    type Outcome: Serialize;

    /// The rule.
    ///
    /// # Errors
    /// Why it may not be done. Nothing is changed then.
    fn rule(
        answers: &Self::Answers,
        facts: &Self::Facts,
        draft: &mut Draft<'_>,
    ) -> Result<Self::Outcome, Fault>;
}

/// What a command is answered.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reply {
    /// It was done: the `result` of the envelope, byte for byte.
    Result(Box<RawValue>),
    /// It was done and the answer is no: the `error` of the envelope.
    Error(Fault),
}

impl PartialEq for Reply {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Result(a), Self::Result(b)) => a.get() == b.get(),
            (Self::Error(a), Self::Error(b)) => a == b,
            _ => false,
        }
    }
}

/// Records that change together, and the audit event that goes with them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Transaction {
    /// What changes.
    pub changes: Vec<Change>,
    /// Who did what; the store chains it.
    pub audit: AuditEvent,
}

/// What follows from a command.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// What the command is answered.
    pub reply: Reply,
    /// What changes; none when nothing does.
    pub transaction: Option<Transaction>,
}

/// Why a command may not be done, and the audit event that says so.
#[derive(Debug, Clone, PartialEq)]
pub struct Rejection {
    /// Why.
    pub fault: Fault,
    /// Who was refused what.
    pub audit: AuditEvent,
}

/// Decides a command.
///
/// # Errors
/// Why it may not be done. Nothing changes then, and the rejection belongs into the audit log.
pub fn decide<V: Verb>(
    view: &dyn View,
    call: &Call<V::Answers>,
    facts: &V::Facts,
    context: &Context,
) -> Result<Decision, Box<Rejection>> {
    let mut draft = Draft {
        view,
        context,
        idempotency_key: call.idempotency_key.as_ref(),
        expected_generation: call.expected_generation,
        target: None,
        generation: GenerationChange::default(),
        changes: Vec::new(),
        fault: None,
        is_noted: false,
    };
    weigh::<V>(&mut draft, call, facts).map_err(|fault| {
        let result = AuditResult::Error { kind: fault.kind, message: fault.message.clone() };
        draft.generation.after = None;
        Box::new(Rejection { audit: audit::<V>(&draft, result), fault })
    })
}

fn weigh<V: Verb>(
    draft: &mut Draft<'_>,
    call: &Call<V::Answers>,
    facts: &V::Facts,
) -> Result<Decision, Fault> {
    if call.environment_id != *draft.view.environment_id() {
        return Err(Fault::internal("a command was brought to another environment's records"));
    }
    permitted((V::NOUN, V::OP), &call.environment_id, draft.context)?;
    let body_digest = document::canonical_digest(&json!(call.answers));
    if let Some(first) = first_answer::<V>(draft, &body_digest)? {
        return Ok(Decision { reply: first, transaction: None });
    }
    let outcome = V::rule(&call.answers, facts, draft)?;
    let reply = match draft.fault.take() {
        Some(fault) => Reply::Error(fault),
        None => Reply::Result(raw(&outcome)?),
    };
    if draft.changes.is_empty() && draft.idempotency_key.is_none() && !draft.is_noted {
        return Ok(Decision { reply, transaction: None });
    }
    if let Some(key) = draft.key() {
        draft.put(Record::Answered(Answered {
            schema: AnsweredSchema,
            key,
            noun: V::NOUN.into(),
            op: V::OP.into(),
            body_digest,
            reply: reply.clone(),
            at: draft.now(),
        }));
    }
    let result = match &reply {
        Reply::Result(_) => AuditResult::Ok,
        Reply::Error(f) => AuditResult::Error { kind: f.kind, message: f.message.clone() },
    };
    let audit = audit::<V>(draft, result);
    let changes = std::mem::take(&mut draft.changes);
    Ok(Decision { reply, transaction: Some(Transaction { changes, audit }) })
}

/// The first answer to a command that is asked again, for callers to whom finding the facts anew
/// would be costly, or impossible by now. No answer says nothing: [`decide`] says it.
///
/// # Errors
/// When the records cannot be read.
pub fn replay<V: Verb>(view: &dyn View, call: &Call<V::Answers>) -> Result<Option<Reply>, Fault> {
    let Some(key) = &call.idempotency_key else { return Ok(None) };
    let body_digest = document::canonical_digest(&json!(call.answers));
    let answered = view.answered(key)?;
    Ok(answered
        .filter(|answered| answered.is_for::<V>(&body_digest))
        .map(|answered| answered.reply))
}

/// Law 7: the same key and the same body get the first answer; another body is a conflict.
fn first_answer<V: Verb>(draft: &Draft<'_>, body: &Digest) -> Result<Option<Reply>, Fault> {
    let Some(key) = draft.idempotency_key else { return Ok(None) };
    let Some(answered) = draft.view().answered(key)? else { return Ok(None) };
    if answered.is_for::<V>(body) {
        return Ok(Some(answered.reply));
    }
    Err(Fault::conflict(format!(
        "idempotency key `{key}` was already used for another `{} {}`, at {}",
        answered.noun, answered.op, answered.at
    ))
    .hint("use a new key for a new change"))
}

fn audit<V: Verb>(draft: &Draft<'_>, result: AuditResult) -> AuditEvent {
    let environment_id = draft.view.environment_id();
    AuditEvent {
        target: draft.target.clone(),
        idempotency_key: draft.key(),
        generation: draft.generation,
        ..event((V::NOUN, V::OP), environment_id, draft.context, result)
    }
}

fn raw<T: Serialize>(outcome: &T) -> Result<Box<RawValue>, Fault> {
    serde_json::value::to_raw_value(outcome)
        .map_err(|error| Fault::internal(format!("the result cannot be written: {error}")))
}

/// The JSON Schema of a verb's answers document, with the fields that every document may have.
#[must_use]
pub fn document_schema<V: Verb>() -> Value {
    let mut schema = schemars::schema_for!(V::Answers).to_value();
    if !schema["properties"].is_object() {
        schema["properties"] = json!({});
    }
    let common = [
        json!({"type": "string", "default": "local", "description": "The environment."}),
        json!({"type": "string", "pattern": "^[!-~]{1,128}$",
               "description": "Makes a retry safe: the same key is answered the same."}),
        json!({"type": "integer", "minimum": 0,
               "description": "The generation that the target must have."}),
    ];
    for (name, field) in COMMON.into_iter().zip(common) {
        schema["properties"][name] = field;
    }
    schema["title"] = json!(format!("{} {}", V::NOUN, V::OP));
    schema
}
