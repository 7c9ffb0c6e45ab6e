//! `gtc logs`: what the data plane said, and what workloads printed; or its access log.

use std::collections::HashMap;
use std::io::{IsTerminal as _, Write as _};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use clap::{Args, ValueEnum};
use control::{Handle, Lookup as _, resolve_deployment, resolve_revision};
use deploy_spec::{EnvironmentId, Fault, RevisionId, Timestamp};
use serde_json::{Value, json};
use serve::{LogFiles, LogLine};
use store::EnvironmentStore;

use super::{Explain, Explained};
use crate::globals::{Globals, Output};
use crate::instant::instant;
use crate::outcome::Success;

/// How long after the last look a follower looks again without being told to.
const LOOK_ANYWAY: Duration = Duration::from_secs(2);

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gtc logs
  gtc logs --follow
  gtc logs r2 --level warn --since 15m
  gtc logs --deployment hello --lines 1000
  gtc logs --access --follow

In a pipe each line is one JSON document.")]
pub(crate) struct Logs {
    /// Only what is about this revision: an id, a prefix, r2 or hello/r2
    #[arg(value_name = "REVISION")]
    revision: Option<Handle>,
    /// The environment
    #[arg(long, default_value = "local", value_name = "ENVIRONMENT")]
    env: EnvironmentId,
    /// Only what is about revisions of this deployment
    #[arg(long)]
    deployment: Option<Handle>,
    /// Go on with what comes, until interrupted
    #[arg(short, long)]
    follow: bool,
    /// How many of the last lines to show
    #[arg(short = 'n', long, default_value_t = 100, value_name = "N")]
    lines: usize,
    /// Not before this: a time as 2026-11-21T17:00:00Z, or how long ago as 30m, 2h or 7d
    #[arg(long, value_name = "TIME", value_parser = instant)]
    since: Option<Timestamp>,
    /// The requests that were answered, as far as `gtc start --access-log file` wrote them down
    #[arg(long)]
    access: bool,
    /// Only what is at least so grave
    #[arg(long, value_enum, value_name = "LEVEL", conflicts_with = "access")]
    level: Option<Grave>,
    #[command(flatten)]
    explained: Explained,
}

/// How grave a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
enum Grave {
    Debug,
    Info,
    Warn,
    Error,
}

impl Grave {
    fn of(line: &LogLine) -> Self {
        match line.level.as_str() {
            "ERROR" => Self::Error,
            "WARN" => Self::Warn,
            "INFO" => Self::Info,
            _ => Self::Debug,
        }
    }
}

/// What somebody wants to see.
struct Wanted {
    /// The revisions, and what they are called; everything when nobody said which.
    revisions: Option<HashMap<String, String>>,
    since: Option<Timestamp>,
    level: Grave,
}

impl Wanted {
    fn takes(&self, line: &LogLine) -> bool {
        let about = |names: &HashMap<String, String>| {
            line.revision.as_ref().is_some_and(|revision| names.contains_key(revision))
        };
        self.revisions.as_ref().is_none_or(about)
            && self.since.is_none_or(|since| line.timestamp >= since)
            && Grave::of(line) >= self.level
    }
}

impl Logs {
    pub(super) fn run(self, globals: &Globals) -> Result<Success, Fault> {
        let store = globals.readable(("env", "show"), &self.env)?;
        let of = if self.access { LogFiles::of_access } else { LogFiles::of };
        let files = of(store.folder());
        if self.explained.how() == Explain::Only {
            let tail = format!("tail -n {} -F {}", self.lines, files.newest().display());
            return Success::of(&json!({ "steps": [tail] }));
        }
        let wanted = self.wanted(&store)?;
        let mut printer = Printer::new(globals.print, store.clone());
        let (ring, heard) = sync_channel(1);
        let mut reader = files.read()?;
        let _watch = if self.follow {
            let ring = move || {
                let _ = ring.try_send(());
            };
            Some(files.watch(ring)?)
        } else {
            None
        };
        for line in reader.last(self.lines, |line| wanted.takes(line))? {
            if printer.print(&line).is_err() {
                return Ok(Success::Silent);
            }
        }
        if !self.follow {
            return Ok(Success::Silent);
        }
        loop {
            while let Some(line) = reader.next_line()? {
                // A reader that went away has seen enough.
                if wanted.takes(&line) && printer.print(&line).is_err() {
                    return Ok(Success::Silent);
                }
            }
            let _ = heard.recv_timeout(LOOK_ANYWAY);
        }
    }

    fn wanted(&self, store: &EnvironmentStore) -> Result<Wanted, Fault> {
        let view = store.read()?;
        let revisions = match (&self.revision, &self.deployment) {
            (Some(revision), deployment) => {
                let (_, found) = resolve_revision(&view, deployment.as_ref(), revision)?;
                Some(vec![found.revision_id])
            }
            (None, Some(deployment)) => {
                let of = resolve_deployment(&view, Some(deployment))?.deployment.deployment_id;
                Some(view.revision_ids(of)?)
            }
            (None, None) => None,
        };
        let named = |ids: Vec<RevisionId>| {
            ids.into_iter().map(|id| (id.to_string(), id.to_string())).collect()
        };
        let level = self.level.unwrap_or(Grave::Debug);
        Ok(Wanted { revisions: revisions.map(named), since: self.since, level })
    }
}

/// Writes lines for people or for programs.
struct Printer {
    output: Output,
    store: EnvironmentStore,
    /// What revisions are called: `hello/r2`.
    names: HashMap<String, String>,
}

impl Printer {
    fn new(output: Option<Output>, store: EnvironmentStore) -> Self {
        let for_people = std::io::stdout().is_terminal();
        let output = output.unwrap_or(if for_people { Output::Table } else { Output::Json });
        Self { output, store, names: HashMap::new() }
    }

    fn print(&mut self, line: &LogLine) -> std::io::Result<()> {
        let text = match self.output {
            Output::Table => self.for_people(line),
            Output::Json => json!(line).to_string(),
            Output::Yaml => format!("---\n{}", serde_saphyr::to_string(line).unwrap_or_default()),
        };
        writeln!(anstream::stdout(), "{}", text.trim_end())
    }

    fn for_people(&mut self, line: &LogLine) -> String {
        let colour = match Grave::of(line) {
            Grave::Error => AnsiColor::Red.on_default(),
            Grave::Warn => AnsiColor::Yellow.on_default(),
            Grave::Info | Grave::Debug => Style::new(),
        };
        let dim = Style::new().dimmed();
        let at = line.timestamp.strftime("%Y-%m-%d %H:%M:%S%.3f");
        let who = self.who(line);
        if line.level.is_empty() {
            return format!("{dim}{at}{dim:#} {who}{}", asked(line));
        }
        let more =
            line.more.iter().filter(|(name, _)| !["target", "stream"].contains(&name.as_str()));
        let more: String = more.map(|(name, value)| format!(" {name}={value}")).collect();
        let (level, message) = (&line.level, &line.message);
        format!("{dim}{at}{dim:#} {colour}{level:5}{colour:#} {who}{message}{dim}{more}{dim:#}")
    }

    /// `hello/r2 web: `
    fn who(&mut self, line: &LogLine) -> String {
        let Some(id) = &line.revision else { return String::new() };
        let known = self.names.entry(id.clone());
        let name = known.or_insert_with(|| called(&self.store, id).unwrap_or_else(|| id.clone()));
        match &line.pack {
            Some(pack) => format!("{name} {pack}: "),
            None => format!("{name}: "),
        }
    }
}

/// `GET shop.test/cart 200 3.2 ms`
fn asked(line: &LogLine) -> String {
    let of = |name: &str| line.more.get(name).unwrap_or(&Value::Null);
    let text = |name: &str| of(name).as_str().unwrap_or("-").to_owned();
    let status = of("status").as_u64().map_or_else(|| text("ended"), |it| it.to_string());
    let ms = of("duration_ms").as_f64().unwrap_or_default();
    let (method, host, path) = (text("method"), text("host"), text("path"));
    format!("{} {method} {host}{path} {status} {ms:.1} ms", text("client_ip"))
}

fn called(store: &EnvironmentStore, id: &str) -> Option<String> {
    let view = store.read().ok()?;
    let (record, revision) = resolve_revision(&view, None, &id.parse().ok()?).ok()?;
    Some(format!("{}/r{}", record.deployment.bundle_id, revision.sequence))
}
