//! What a `gtc` that was run answers: its envelope.

use deploy_spec::Fault;
use serde_json::Value;

/// How much of what a program says goes into a message, in characters.
const SAID_MAX: usize = 600;

/// The result of a command, or its own failure.
pub(crate) fn answer(command: &str, success: bool, out: &str, err: &str) -> Result<Value, Fault> {
    let read = |text: &str| serde_json::from_str::<Value>(text.trim()).ok();
    if success {
        let result = read(out).and_then(|mut it| Some(it.get_mut("result")?.take()));
        return result
            .ok_or_else(|| Fault::unavailable(format!("`{command}` did not answer in JSON")));
    }
    let fault = read(err.lines().last().unwrap_or_default())
        .and_then(|mut it| serde_json::from_value(it.get_mut("error")?.take()).ok());
    let why = || if err.trim().is_empty() { shortened(out) } else { shortened(err) };
    Err(fault.unwrap_or_else(|| Fault::unavailable(format!("`{command}` failed: {}", why()))))
}

/// What a program said, as part of a sentence.
pub(crate) fn shortened(said: &str) -> String {
    let said: String = said.trim().chars().take(SAID_MAX).collect();
    said.replace('\n', "; ")
}
