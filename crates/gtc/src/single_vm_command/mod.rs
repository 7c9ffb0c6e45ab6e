//! `gtc single-vm`: one Linux machine, from bare to serving and back.

mod apply;
mod bootstrap;
mod described;
mod destroy;
mod plan;
mod shown;
mod status;

use clap::Subcommand;
use deploy_spec::Fault;

use crate::globals::Globals;
use crate::outcome::{Named, Success};

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Show what would change on this machine; nothing is touched
    #[command(after_help = "It runs as root, on a Linux machine with systemd.

Examples:
  sudo gtc single-vm plan --spec deployment.yaml
  sudo gtc single-vm plan --spec deployment.yaml --output hello.plan
  sudo gtc single-vm plan --spec deployment.yaml --detailed-exitcode
  gtc single-vm plan --schema

The smallest description:
  apiVersion: greentic.ai/v1alpha1
  kind: Deployment
  metadata: {name: hello}
  spec:
    bundle: {source: /srv/hello.gtbundle}")]
    Plan(plan::PlanArgs),
    /// Bring this machine to what is described; what is so already stays untouched
    #[command(
        after_help = "It runs as root, on a Linux machine with systemd. Cut off at any moment, \
another apply goes on from
there. When the deployment does not become healthy, what ran before is brought back, and the exit
code is 7.

Examples:
  sudo gtc single-vm apply --spec deployment.yaml
  sudo gtc single-vm apply --plan hello.plan"
    )]
    Apply(apply::ApplyArgs),
    /// Bring a deployment to a machine that has nothing but sshd, and apply it there
    #[command(
        after_help = "It runs anywhere, and reaches the machine by ssh, as root or as somebody with sudo \
that asks for no
password. What the description names is on this machine: the bundle, the certificates, and with
`binary` another gtc for the machine than this one. All of it is copied; the machine needs no
network of its own. Broken off at any moment, the same command goes on from there.

Its key must be known, as for any ssh: by the known hosts, or by --host-key.

Examples:
  gtc single-vm bootstrap --host root@vm.example --spec deployment.yaml
  gtc single-vm bootstrap --host admin@vm.example --port 2222 --identity key --spec deployment.yaml
  gtc single-vm bootstrap --host root@vm.example --spec deployment.yaml \\
    --host-key SHA256:… --secret api_key=file:key.txt --secret other_key=env:OTHER_KEY"
    )]
    Bootstrap(Box<bootstrap::BootstrapArgs>),
    /// Show what is described, what was applied, and what is; exit code 7 unless all is well
    #[command(after_help = "It runs as root, on a Linux machine with systemd.

Example:
  sudo gtc single-vm status --spec deployment.yaml")]
    Status(status::StatusArgs),
    /// Remove what apply has made, and nothing else; data stays without --purge
    #[command(
        after_help = "It runs as root, on a Linux machine with systemd. It shows what it would \
remove, and asks.

Examples:
  sudo gtc single-vm destroy --spec deployment.yaml
  sudo gtc single-vm destroy --spec deployment.yaml --yes --purge"
    )]
    Destroy(destroy::DestroyArgs),
}

impl Verb {
    pub(crate) fn run(self, globals: &Globals) -> (Named, Result<Success, Fault>) {
        let (op, ended) = match self {
            Self::Plan(args) => ("plan", args.run(globals)),
            Self::Apply(args) => ("apply", args.run(globals)),
            Self::Bootstrap(args) => ("bootstrap", args.run(globals)),
            Self::Status(args) => ("status", args.run(globals)),
            Self::Destroy(args) => ("destroy", args.run(globals)),
        };
        (Named { noun: "single-vm", op }, ended)
    }
}
