//! `gtc bundle`.

mod scan;
mod sign;
mod subject;
mod transfer;

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use deploy_spec::{Digest, Fault};

use crate::outcome::{Named, Success};

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Build a bundle from a folder with a bundle.yaml
    #[command(after_help = "Example:\n  gtc bundle build ./hello --output hello.gtbundle")]
    Build(BuildArgs),
    /// Show what a bundle holds
    Inspect(FileArgs),
    /// Read a bundle to its end and check everything in it
    #[command(after_help = "Example:\n  gtc bundle verify hello.gtbundle --digest sha256:…")]
    Verify(VerifyArgs),
    /// Make a key that signs bundles
    #[command(
        after_help = "Example:\n  gtc bundle keygen release.pem\n  gtc op trust add prod-eu --key release.pem.pub"
    )]
    Keygen(sign::KeygenArgs),
    /// Vouch for a bundle
    #[command(after_help = "Example:\n  gtc bundle sign hello.gtbundle --key release.pem")]
    Sign(sign::SignArgs),
    /// Bring a bundle, and its signature, into a registry
    #[command(
        after_help = "Example:\n  gtc bundle push hello.gtbundle oci://registry.example/hello:1.0.0"
    )]
    Push(transfer::PushArgs),
    /// Fetch a bundle, and its signature, from a registry
    #[command(
        after_help = "Example:\n  gtc bundle pull oci://registry.example/hello:1.0.0 --output hello.gtbundle"
    )]
    Pull(transfer::PullArgs),
    /// Look for secrets in a bundle, a folder or any other file
    #[command(after_help = "Example:\n  gtc bundle scan hello.gtbundle")]
    Scan(scan::ScanArgs),
}

#[derive(Debug, Args)]
pub(crate) struct BuildArgs {
    /// The folder
    dir: PathBuf,
    /// The bundle to write
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
    /// The archive format
    #[arg(long, value_enum, default_value_t = Format::Squashfs)]
    format: Format,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// SquashFS, which Linux can mount
    Squashfs,
    /// ZIP
    Zip,
}

#[derive(Debug, Args)]
pub(crate) struct FileArgs {
    /// The bundle
    file: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// The bundle
    file: PathBuf,
    /// The digest that it must have
    #[arg(long)]
    digest: Option<Digest>,
}

impl Verb {
    pub(crate) fn run(self) -> (Named, Result<Success, Fault>) {
        let (op, ended) = match self {
            Self::Build(args) => ("build", build(&args)),
            Self::Inspect(args) => {
                ("inspect", bundle::inspect(&args.file).and_then(|i| Success::of(&i)))
            }
            Self::Verify(args) => {
                let verified = bundle::verify(&args.file, args.digest.as_ref());
                ("verify", verified.and_then(|v| Success::of(&v)))
            }
            Self::Keygen(args) => ("keygen", sign::keygen(&args)),
            Self::Sign(args) => ("sign", sign::sign(&args)),
            Self::Push(args) => ("push", transfer::push(&args)),
            Self::Pull(args) => ("pull", transfer::pull(&args)),
            Self::Scan(args) => ("scan", scan::scan(&args)),
        };
        (Named { noun: "bundle", op }, ended)
    }
}

fn build(args: &BuildArgs) -> Result<Success, Fault> {
    let format = match args.format {
        Format::Squashfs => bundle::Format::Squashfs,
        Format::Zip => bundle::Format::Zip,
    };
    Success::of(&bundle::build(&args.dir, &args.output, format)?)
}
