//! The one way of every mutation: document, schema, rehearsal or commit.

use control::{Call, Context, Reply, Verb, document_schema, replay};
use deploy_spec::Fault;
use serde_json::{Map, Value, json};
use serve::ambient;
use store::EnvironmentStore;

use crate::answers;
use crate::globals::{Change, Globals};
use crate::outcome::Success;

/// Whether a command will commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Intent {
    /// It commits.
    Commit,
    /// It shows what it would commit.
    Rehearse,
}

/// What is left to do once the answers are known; none when `--schema` or `--print-answers` was
/// all that was asked for.
pub(crate) enum Asked<A> {
    /// Print this and stop.
    Print(Success),
    /// Go on with this call, that whoever types may give.
    Call(Box<(Call<A>, EnvironmentStore, Context)>),
}

/// Reads the answers of a mutation.
pub(crate) fn ask<V: Verb>(
    globals: &Globals,
    change: &Change,
    flags: Map<String, Value>,
) -> Result<Asked<V::Answers>, Fault> {
    if change.schema {
        return Ok(Asked::Print(Success::Document(document_schema::<V>())));
    }
    let document = answers::document(change, flags)?;
    if change.print_answers {
        return Ok(Asked::Print(Success::Document(document)));
    }
    let mut call: Call<V::Answers> = Call::from_document(document)?;
    let store = globals.store(&call.environment_id)?;
    call.environment_id = store.id().clone();
    let context = serve::permit(&store, (V::NOUN, V::OP), ambient::own_uid())?;
    Ok(Asked::Call(Box::new((call, store, context))))
}

/// Runs a mutation whose facts `find` finds out.
pub(crate) fn mutate<V: Verb>(
    globals: &Globals,
    change: &Change,
    flags: Map<String, Value>,
    find: impl FnOnce(&EnvironmentStore, &V::Answers, Intent) -> Result<V::Facts, Fault>,
) -> Result<Success, Fault> {
    mutate_then::<V>(globals, change, flags, find, |_, _| Ok(()))
}

/// The same, and once it is committed `after` sees to what no record tells: it may fail, or be
/// cut off, and the next one of its kind catches up.
pub(crate) fn mutate_then<V: Verb>(
    globals: &Globals,
    change: &Change,
    flags: Map<String, Value>,
    find: impl FnOnce(&EnvironmentStore, &V::Answers, Intent) -> Result<V::Facts, Fault>,
    after: impl FnOnce(&EnvironmentStore, &Success) -> Result<(), Fault>,
) -> Result<Success, Fault> {
    let (call, store, context) = match ask::<V>(globals, change, flags)? {
        Asked::Print(success) => return Ok(success),
        Asked::Call(asked) => *asked,
    };
    if store.exists()
        && let Some(first) = replay::<V>(&store.read()?, &call)?
    {
        return Success::of_reply(first);
    }
    let intent = if change.dry_run { Intent::Rehearse } else { Intent::Commit };
    let facts = find(&store, &call.answers, intent)?;
    match intent {
        Intent::Rehearse => rehearse::<V>(&store, &call, &facts, &context),
        Intent::Commit => {
            let executed = store.execute::<V>(&call, &facts, &context)?;
            let done = Success::of_reply(executed.reply)?;
            after(&store, &done)?;
            Ok(done)
        }
    }
}

/// What would be committed, and answered.
pub(crate) fn rehearse<V: Verb>(
    store: &EnvironmentStore,
    call: &Call<V::Answers>,
    facts: &V::Facts,
    context: &Context,
) -> Result<Success, Fault> {
    let decision = store.rehearse::<V>(call, facts, context)?;
    let (result, error) = match decision.reply {
        Reply::Result(raw) => (Some(raw), None),
        Reply::Error(fault) => (None, Some(fault)),
    };
    Success::of(&json!({
        "dry_run": true,
        "transaction": decision.transaction,
        "result": result,
        "error": error,
    }))
}

/// Builds the fields that flags give.
#[derive(Default)]
pub(crate) struct Fields(Map<String, Value>);

impl Fields {
    pub(crate) fn set(mut self, name: &str, value: Option<impl Into<Value>>) -> Self {
        if let Some(value) = value {
            self.0.insert(name.into(), value.into());
        }
        self
    }

    pub(crate) fn text(self, name: &str, value: Option<impl std::fmt::Display>) -> Self {
        self.set(name, value.map(|value| value.to_string()))
    }

    pub(crate) fn list<T: std::fmt::Display>(self, name: &str, items: &[T]) -> Self {
        let texts: Vec<String> = items.iter().map(T::to_string).collect();
        self.set(name, (!texts.is_empty()).then_some(texts))
    }

    pub(crate) fn object(self, name: &str, fields: Self) -> Self {
        self.set(name, (!fields.0.is_empty()).then_some(fields.0))
    }

    pub(crate) fn done(self) -> Map<String, Value> {
        self.0
    }
}

/// `NAME=VALUE` words as fields; a value that is no JSON is text.
pub(crate) fn values(flag: &str, pairs: &[String]) -> Result<Fields, Fault> {
    let mut fields = Fields::default();
    for pair in pairs {
        let (name, value) = pair.split_once('=').ok_or_else(|| {
            Fault::invalid(format!("{flag} {pair}: a name, `=` and a value are wanted"))
                .at("/config")
        })?;
        let value = serde_json::from_str(value).unwrap_or_else(|_| json!(value));
        fields = fields.set(name, Some(value));
    }
    Ok(fields)
}
