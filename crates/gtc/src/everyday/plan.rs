//! A plan: the `gtc op` commands that an everyday command stands for. Nothing happens that could
//! not be typed.

use deploy_spec::{Fault, SecretPath};
use env_pack::SecretBytes;
use serde_json::{Map, Value, json};

use super::Explain;
use crate::globals::Globals;
use crate::outcome::Success;
use crate::{cli, op, progress};

/// What of the steps' results is told at the end.
const TOLD: [&str; 10] = [
    "deployment_id",
    "bundle_id",
    "version",
    "bundle_digest",
    "revision_id",
    "sequence",
    "lifecycle",
    "generation",
    "entries",
    "gate",
];

/// One command.
struct Step {
    words: Vec<String>,
    /// The value that `secrets put` is given on standard input when it is typed.
    value: Option<SecretBytes>,
}

/// The commands, in order.
#[derive(Default)]
pub(super) struct Plan(Vec<Step>);

impl Plan {
    /// One more command.
    pub(super) fn add<T: Into<String>>(&mut self, words: impl IntoIterator<Item = T>) {
        self.0.push(Step { words: words.into_iter().map(Into::into).collect(), value: None });
    }

    /// One more command: a secret and its value, which is no word of it.
    pub(super) fn put_secret(&mut self, env: &str, path: &SecretPath, value: SecretBytes) {
        let words = ["op", "secrets", "put", env, path.as_str()].map(str::to_owned);
        self.0.push(Step { words: words.into(), value: Some(value) });
    }

    /// The commands as they would be typed.
    pub(super) fn typed(&self) -> Vec<String> {
        self.0.iter().map(|step| typed(&step.words)).collect()
    }

    /// Names the commands, or runs them: what the later ones answer comes on top of what the
    /// earlier ones did.
    pub(super) fn carry_out(&self, globals: &Globals, explain: Explain) -> Result<Success, Fault> {
        if explain == Explain::Only {
            return Success::of(&json!({ "steps": self.typed() }));
        }
        Success::of(&self.run(globals)?)
    }

    pub(super) fn run(&self, globals: &Globals) -> Result<Map<String, Value>, Fault> {
        let mut result = Map::new();
        for Step { words, value } in &self.0 {
            let shown = typed(words);
            let step = progress::step(&shown);
            let answered = match value {
                Some(value) => op::put_secret(globals, &words[3..], value),
                None => cli::in_process(globals, words),
            };
            let answered = answered.map_err(|fault| fault.detail("step", shown.clone()))?;
            step.done();
            if let Value::Object(fields) = answered {
                let told = fields.into_iter().filter(|(name, _)| TOLD.contains(&name.as_str()));
                result.extend(told);
            }
        }
        result.insert("steps".into(), json!(self.typed()));
        Ok(result)
    }
}

/// A command as it would be typed in a shell.
fn typed(words: &[String]) -> String {
    let quoted = |word: &String| {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_./=:@%+,".contains(&b);
        if !word.is_empty() && word.bytes().all(plain) {
            return word.clone();
        }
        format!("'{}'", word.replace('\'', r"'\''"))
    };
    let words: Vec<String> = words.iter().map(quoted).collect();
    format!("gtc {}", words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_can_be_typed() {
        let mut plan = Plan::default();
        plan.add(["op", "bundles", "add", "hello", "--host", "hello.localhost"]);
        plan.add(["op", "config", "set", "greeting=it's \"me\"", ""]);
        assert_eq!(
            plan.typed(),
            [
                "gtc op bundles add hello --host hello.localhost",
                r#"gtc op config set 'greeting=it'\''s "me"' ''"#,
            ]
        );
    }
}
