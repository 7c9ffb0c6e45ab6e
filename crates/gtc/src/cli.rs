//! What can be typed.

use std::ffi::OsString;
use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use deploy_spec::Fault;
use serde_json::Value;

use crate::everyday::Everyday;
use crate::globals::Globals;
use crate::outcome::{Named, Success, fail, finish};
use crate::{
    bundle_command, completing, explain, manual, op, policy_command, preview, registry_command,
    single_vm_command, start,
};

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

/// Deploy bundles the way the big clouds do, anywhere.
///
/// A bundle goes to an environment; each push is an immutable revision; a separate traffic split
/// says, in basis points, which revision serves how much.
#[derive(Debug, Parser)]
#[command(name = "gtc", version, styles = STYLES, disable_help_subcommand = true, max_term_width = 100)]
#[command(after_help = "The first rollout:
  gtc op env init
  gtc bundle build DIR --output hello.gtbundle
  gtc op bundles add hello --host hello.localhost
  gtc op revisions stage hello.gtbundle
  gtc op revisions warm r1
  gtc op traffic set r1=100
  gtc start")]
pub(crate) struct Cli {
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The complete, scriptable surface: gtc op NOUN VERB
    #[command(subcommand)]
    Op(op::Noun),
    /// Build, inspect and verify bundles
    #[command(subcommand)]
    Bundle(bundle_command::Verb),
    /// Find provider catalogs, and clean the cache that keeps them
    #[command(subcommand)]
    Registry(registry_command::Verb),
    /// Serve an environment until told to stop
    Start(Box<start::Start>),
    #[command(flatten)]
    Everyday(Everyday),
    /// Make a link that reaches a revision, whatever its weight
    Preview(preview::Preview),
    /// Explain which revision would answer a request
    Explain(explain::Explain),
    /// Turn one Linux machine with systemd into a running deployment, and back
    #[command(subcommand)]
    SingleVm(single_vm_command::Verb),
    /// Explain who may do what; policies are the *.cedar files of the store root
    #[command(subcommand)]
    Policy(policy_command::Verb),
    /// Print a script that completes commands in a shell
    Completions(manual::Completions),
    /// Write the manual pages
    Man(manual::Man),
}

pub(crate) fn run() -> ExitCode {
    let typed: Vec<OsString> = std::env::args_os().collect();
    if completing::answer(&typed, Cli::command) {
        return ExitCode::SUCCESS;
    }
    let command = Cli::command();
    let parsed =
        command.try_get_matches_from(&typed).and_then(|matches| Cli::from_arg_matches(&matches));
    match parsed {
        Ok(cli) => execute(cli),
        Err(error) => misread(&error, &typed),
    }
}

fn execute(cli: Cli) -> ExitCode {
    let Cli { globals, command } = cli;
    let (named, ended) = command.run(&globals);
    finish(named, globals.print, ended)
}

impl Command {
    fn run(self, globals: &Globals) -> (Named, Result<Success, Fault>) {
        match self {
            Self::Op(noun) => noun.run(globals),
            Self::Bundle(verb) => verb.run(),
            Self::Registry(verb) => verb.run(),
            Self::Start(start) => start.run(globals),
            Self::SingleVm(verb) => verb.run(globals),
            Self::Policy(verb) => verb.run(globals),
            Self::Everyday(everyday) => everyday.run(globals),
            Self::Preview(preview) => preview.run(globals),
            Self::Explain(explain) => explain.run(globals),
            Self::Completions(completions) => completions.run(),
            Self::Man(man) => man.run(Cli::command()),
        }
    }
}

/// Runs `gtc WORDS` in this process, and gives its result.
pub(crate) fn in_process(globals: &Globals, words: &[String]) -> Result<Value, Fault> {
    let typed = std::iter::once("gtc").chain(words.iter().map(String::as_str));
    let cli = Cli::try_parse_from(typed).map_err(|error| {
        let text = error.to_string();
        Fault::invalid(text.lines().next().unwrap_or_default().trim_start_matches("error: "))
    })?;
    cli.command.run(globals).1?.parsed()
}

/// Help was asked for, or something was typed that means nothing.
fn misread(error: &clap::Error, typed: &[OsString]) -> ExitCode {
    use clap::error::ErrorKind;
    let for_people = std::io::stderr().is_terminal();
    let asked_for_help = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    if for_people || asked_for_help {
        let _ = error.print();
        return ExitCode::from(u8::from(!asked_for_help) * 2);
    }
    let word = |i: usize| typed.get(i).and_then(|word| word.to_str()).filter(|word| plain(word));
    let (noun, op) = match word(1) {
        Some("op") => (word(2), word(3)),
        first => (first, word(2)),
    };
    let text = error.to_string();
    let message = text.lines().next().unwrap_or("").trim_start_matches("error: ").to_owned();
    let tip = text.lines().find_map(|line| line.trim().strip_prefix("tip: ")).map(str::to_owned);
    let values = text.lines().find_map(|line| {
        let values = line.trim().strip_prefix("[possible values: ")?.strip_suffix(']')?;
        Some(format!("choose from {values}"))
    });
    let mut fault = Fault::invalid(message);
    fault.hint = values.or(tip).or_else(|| Some("add --help to see what can be typed".into()));
    fail(noun.unwrap_or("gtc"), op.unwrap_or("parse"), None, &fault);
    ExitCode::from(fault.kind.exit_code())
}

fn plain(word: &str) -> bool {
    !word.is_empty()
        && word.len() < 32
        && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')
        && !word.starts_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grammar_is_sound() {
        Cli::command().debug_assert();
    }

    /// Policies name verbs; one that is not on the list could never be granted.
    #[test]
    fn every_verb_is_on_the_list_that_policies_know() {
        let grammar = Cli::command();
        let op = grammar.find_subcommand("op").expect("`gtc op`");
        for noun in op.get_subcommands() {
            let known = control::VERBS.iter().find(|(name, ..)| *name == noun.get_name());
            let (_, writes, reads) = known.unwrap_or_else(|| panic!("{}", noun.get_name()));
            for verb in noun.get_subcommands() {
                let name = verb.get_name();
                let changes = verb.get_arguments().any(|argument| argument.get_id() == "dry_run");
                let listed = if changes { writes } else { reads };
                assert!(listed.contains(&name), "{} {name}", noun.get_name());
            }
        }
    }
}
