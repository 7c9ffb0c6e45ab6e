//! Drives the library on a machine under test, where there is no `gtc` yet: reads a description,
//! does one thing, and prints what came of it as JSON. It can kill itself, as a power failure would.

use std::path::PathBuf;
use std::process::ExitCode;

use deploy_spec::{Fault, Timestamp};
use machine::{Linux, Machine as _, PlanDocument, Progress, Sources, apply, plan_apply};
use machine::{plan_destroy, status};
use serde_json::{Value, json};
use single_vm::{Aim, Deployment, Desired, Problem, desired};

struct Options {
    spec: PathBuf,
    /// The saved plan that is carried out, or where it is saved.
    plan: Option<PathBuf>,
    /// After how many steps it dies: half-steps, so that an odd number dies with a step begun.
    dies_at: Option<usize>,
    /// What time it thinks it is.
    now: Timestamp,
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let option = |name: &str| {
        let at = words.iter().position(|word| word == name)?;
        words.get(at + 1).cloned()
    };
    let (Some(verb), Some(spec)) = (words.first(), words.get(1)) else {
        eprintln!("plan|apply|status|destroy|purge SPEC [--plan FILE] [--dies-at N] [--days N]");
        return ExitCode::from(2);
    };
    let options = Options {
        spec: spec.into(),
        plan: option("--plan").map(Into::into),
        dies_at: option("--dies-at").and_then(|number| number.parse().ok()),
        now: now(option("--days").and_then(|days| days.parse().ok()).unwrap_or(0)),
    };
    match run(verb, &options) {
        Ok(value) => {
            println!("{value}");
            ExitCode::SUCCESS
        }
        Err(fault) => {
            println!("{}", json!({"error": fault}));
            ExitCode::from(fault.kind.exit_code())
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a program of its own has no clock module")]
fn now(days: i64) -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_second(now.as_second() + days * 86_400).unwrap_or(now)
}

fn run(verb: &str, options: &Options) -> Result<Value, Fault> {
    let text =
        std::fs::read_to_string(&options.spec).map_err(|e| Fault::internal(e.to_string()))?;
    let deployment = Deployment::parse(&text).map_err(|all| Problem::fault("spec", &all))?;
    let linux = Linux::new(options.now);
    let name = &deployment.metadata.name;
    let value = match verb {
        "plan" => json!(made(&linux, &deployment)?),
        "apply" => {
            let document = match &options.plan {
                Some(path) => PlanDocument::from_json(&std::fs::read(path).unwrap_or_default())?,
                None => made(&linux, &deployment)?,
            };
            json!(apply(&linux, &document, &mut teller(options))?)
        }
        "status" => {
            let (wanted, _) = wanted(&linux, &deployment)?;
            let status = status(&linux, name, Some(&wanted), options.now)?;
            let unhealthy = status.check().err();
            json!({"status": status, "unhealthy": unhealthy})
        }
        "destroy" | "purge" => {
            let aim = if verb == "purge" { Aim::Purge } else { Aim::Destroy };
            json!(apply(&linux, &plan_destroy(&linux, name, aim)?, &mut teller(options))?)
        }
        other => return Err(Fault::invalid(format!("no verb `{other}`"))),
    };
    Ok(value)
}

fn wanted(linux: &Linux, deployment: &Deployment) -> Result<(Desired, Sources), Fault> {
    let sources = Sources::of(deployment, "/proc/self/exe".as_ref(), None)?;
    let recorded = linux.recorded(&deployment.metadata.name)?;
    let facts = linux.facts(deployment, &sources, &recorded)?;
    Ok((desired(deployment, &facts)?, sources))
}

fn made(linux: &Linux, deployment: &Deployment) -> Result<PlanDocument, Fault> {
    let (wanted, sources) = wanted(linux, deployment)?;
    plan_apply(linux, &wanted, &sources)
}

fn teller(options: &Options) -> impl FnMut(Progress<'_>) {
    let mut left = options.dies_at;
    move |progress| {
        if let Progress::Begun { number, of, step } = progress {
            eprintln!("{number}/{of} {}", step.id);
        }
        if let Some(left) = &mut left {
            if *left == 0 {
                let _ = rustix::process::kill_process(
                    rustix::process::getpid(),
                    rustix::process::Signal::KILL,
                );
            }
            *left = left.saturating_sub(1);
        }
    }
}
