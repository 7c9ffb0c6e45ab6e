//! What the grammar of the command line gives besides parsing: completions and manual pages.

use std::path::PathBuf;

use clap::{Args, Command};
use clap_complete::Shell;
use deploy_spec::Fault;
use serde_json::json;

use crate::completing;
use crate::outcome::{Named, Success};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gtc completions bash > /etc/bash_completion.d/gtc
  gtc completions zsh > ~/.zfunc/_gtc
  gtc completions fish > ~/.config/fish/completions/gtc.fish

The script asks `gtc` itself at each key press, which also knows environments, deployments and
revisions.")]
pub(crate) struct Completions {
    /// The shell
    shell: Shell,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  gtc man --output /usr/local/share/man/man1")]
pub(crate) struct Man {
    /// The folder to write them to; it is made if need be
    #[arg(long, value_name = "DIR")]
    output: PathBuf,
}

impl Completions {
    pub(crate) fn run(&self) -> (Named, Result<Success, Fault>) {
        let shell = self.shell.to_string();
        let ended = match completing::script(&shell, &mut std::io::stdout()) {
            Ok(true) => Ok(Success::Silent),
            Ok(false) => Err(Fault::invalid(format!("there is no script for `{shell}`"))),
            Err(error) => Err(Fault::unavailable(format!("writing the script failed: {error}"))),
        };
        (Named { noun: "gtc", op: "completions" }, ended)
    }
}

impl Man {
    pub(crate) fn run(&self, grammar: Command) -> (Named, Result<Success, Fault>) {
        let written = std::fs::create_dir_all(&self.output)
            .and_then(|()| clap_mangen::generate_to(grammar, &self.output))
            .map_err(|error| {
                let folder = self.output.display();
                Fault::unavailable(format!("writing manual pages to `{folder}` failed: {error}"))
            });
        let ended = written.and_then(|()| Success::of(&json!({ "path": self.output })));
        (Named { noun: "gtc", op: "man" }, ended)
    }
}
