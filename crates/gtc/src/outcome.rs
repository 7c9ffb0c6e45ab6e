//! What a command ends with, and the envelope around it.

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

use control::Reply;
use deploy_spec::Fault;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::globals::Output;
use crate::render;

/// What a command prints when it succeeds.
pub(crate) enum Success {
    /// The `result` of the envelope.
    Result(Box<RawValue>),
    /// A document that stands by itself.
    Document(Value),
    /// What people read; a program asked for something else.
    Text(String),
    /// It has already said all there is to say.
    Silent,
    /// The same, and the process ends with this code.
    Ended(u8),
}

impl Success {
    pub(crate) fn of<T: Serialize>(result: &T) -> Result<Self, Fault> {
        serde_json::value::to_raw_value(result)
            .map(Self::Result)
            .map_err(|error| Fault::internal(format!("the result cannot be written: {error}")))
    }

    pub(crate) fn of_reply(reply: Reply) -> Result<Self, Fault> {
        match reply {
            Reply::Result(raw) => Ok(Self::Result(raw)),
            Reply::Error(fault) => Err(fault),
        }
    }

    /// What was answered, for a command that another one runs.
    pub(crate) fn parsed(&self) -> Result<Value, Fault> {
        match self {
            Self::Result(raw) => serde_json::from_str(raw.get())
                .map_err(|error| Fault::internal(format!("a result is no JSON: {error}"))),
            Self::Document(document) => Ok(document.clone()),
            Self::Text(_) | Self::Silent | Self::Ended(_) => Ok(Value::Null),
        }
    }
}

/// Which command: what the envelope names.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Named {
    pub(crate) noun: &'static str,
    pub(crate) op: &'static str,
}

/// Prints what became of a command, and gives the exit code.
pub(crate) fn finish(
    named: Named,
    output: Option<Output>,
    ended: Result<Success, Fault>,
) -> ExitCode {
    match ended {
        Ok(Success::Ended(code)) => ExitCode::from(code),
        Ok(success) => {
            // A reader that went away has seen enough.
            let _ = succeed(named, output, success);
            ExitCode::SUCCESS
        }
        Err(fault) => {
            fail(named.noun, named.op, output, &fault);
            ExitCode::from(fault.kind.exit_code())
        }
    }
}

/// Prints what a command answered.
///
/// # Errors
/// When nobody reads it any more.
pub(crate) fn succeed(
    named: Named,
    output: Option<Output>,
    success: Success,
) -> std::io::Result<()> {
    let for_people = std::io::stdout().is_terminal();
    let output = output.unwrap_or(if for_people { Output::Table } else { Output::Json });
    let text = match (success, output) {
        (Success::Silent | Success::Ended(_), _) => return Ok(()),
        (Success::Text(text), _) => text,
        (Success::Document(document), Output::Yaml) => yaml(&document),
        (Success::Document(document), _) => pretty(&document),
        (Success::Result(raw), Output::Json) => envelope(named.noun, named.op, "result", raw.get()),
        (Success::Result(raw), Output::Yaml) => {
            let whole = envelope(named.noun, named.op, "result", raw.get());
            yaml(&serde_json::from_str(&whole).unwrap_or_default())
        }
        (Success::Result(raw), Output::Table) => render::table(raw.get()),
    };
    anstream::stdout().write_all(text.as_bytes())
}

/// Prints a failure.
pub(crate) fn fail(noun: &str, op: &str, output: Option<Output>, fault: &Fault) {
    let for_people = std::io::stderr().is_terminal();
    let output = output.unwrap_or(if for_people { Output::Table } else { Output::Json });
    let error = serde_json::to_string(fault).unwrap_or_default();
    let text = match output {
        Output::Table => render::fault(fault),
        Output::Json => envelope(noun, op, "error", &error),
        Output::Yaml => {
            yaml(&serde_json::from_str(&envelope(noun, op, "error", &error)).unwrap_or_default())
        }
    };
    let _ = anstream::stderr().write_all(text.as_bytes());
}

/// The envelope, keys in the order that scripts rely on.
fn envelope(noun: &str, op: &str, field: &str, json: &str) -> String {
    format!("{{\"noun\":\"{noun}\",\"op\":\"{op}\",\"{field}\":{json}}}\n")
}

fn pretty(document: &Value) -> String {
    let mut text = serde_json::to_string_pretty(document).unwrap_or_default();
    text.push('\n');
    text
}

fn yaml(document: &Value) -> String {
    serde_saphyr::to_string(document).unwrap_or_default()
}
