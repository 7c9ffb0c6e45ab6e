//! `gtc registry`: provider catalogs and the cache that keeps them.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use deploy_spec::Fault;
use registry::{Catalog, Clean, Freshness, Reference, blocking};
use serde_json::json;

use crate::environment;
use crate::outcome::{Named, Success};
use crate::registries::{Registries, bases};

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Find a provider catalog: in a file, in the cache, or in a registry
    #[command(after_help = "Examples:
  gtc registry resolve oci://registry.example/providers:stable
  gtc registry resolve ./catalog.json
  GTC_PROVIDER_REGISTRY_REF=repo://providers:stable gtc registry resolve --offline")]
    Resolve(ResolveArgs),
    /// List the catalogs that are kept
    List(CacheArgs),
    /// Remove what is damaged and what nothing stands for any more; or one catalog; or all
    #[command(after_help = "Examples:
  gtc registry clean
  gtc registry clean oci://registry.example/providers:stable
  gtc registry clean --all")]
    Clean(CleanArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ResolveArgs {
    /// The catalog: a file, file://, oci://, repo:// or store://
    /// [default: $GTC_PROVIDER_REGISTRY_REF]
    #[arg(value_name = "REF")]
    reference: Option<String>,
    /// The same, as other commands take it
    #[arg(long, value_name = "REF", conflicts_with = "reference")]
    provider_registry: Option<String>,
    /// A file, which wins over any reference
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Ask no registry: what is kept must do
    #[arg(long, conflicts_with = "refresh")]
    offline: bool,
    /// Ask the registry also when something is kept, which stands in when that fails
    #[arg(long)]
    refresh: bool,
    #[command(flatten)]
    cache: CacheArgs,
    #[command(flatten)]
    registries: Registries,
}

#[derive(Debug, Args)]
pub(crate) struct CacheArgs {
    /// Where catalogs are kept [default: $GREENTIC_HOME/cache/provider-registry]
    #[arg(long, value_name = "DIR")]
    cache_root: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct CleanArgs {
    /// Only what is kept for this reference
    #[arg(value_name = "REF")]
    reference: Option<String>,
    /// Everything
    #[arg(long, conflicts_with = "reference")]
    all: bool,
    #[command(flatten)]
    cache: CacheArgs,
}

impl Verb {
    pub(crate) fn run(self) -> (Named, Result<Success, Fault>) {
        let (op, ended) = match self {
            Self::Resolve(args) => ("resolve", resolve(&args)),
            Self::List(args) => ("list", list(&args)),
            Self::Clean(args) => ("clean", clean(&args)),
        };
        (Named { noun: "registry", op }, ended)
    }
}

impl CacheArgs {
    fn catalog(&self, registries: &Registries) -> Result<Catalog, Fault> {
        let root = match &self.cache_root {
            Some(root) => root.clone(),
            None => environment::greentic_home()?.join("cache/provider-registry"),
        };
        Ok(Catalog::new(root, registries.options()))
    }
}

fn resolve(args: &ResolveArgs) -> Result<Success, Fault> {
    let given = args.reference.clone().or_else(|| args.provider_registry.clone());
    let set = || environment::variable("GTC_PROVIDER_REGISTRY_REF")?.into_string().ok();
    let named = given.or_else(|| set().filter(|text| !text.is_empty()));
    let reference = Reference::choose(args.file.as_deref(), named.as_deref(), &bases())?;
    let freshness = match (args.offline, args.refresh) {
        (true, _) => Freshness::Offline,
        (_, true) => Freshness::Refresh,
        _ => Freshness::Cached,
    };
    let catalog = args.cache.catalog(&args.registries)?;
    let resolved = blocking::run(catalog.resolve(&reference, freshness))?;
    Success::of(&resolved)
}

fn list(args: &CacheArgs) -> Result<Success, Fault> {
    let catalogs = args.catalog(&Registries::default())?.list()?;
    Success::of(&json!({ "catalogs": catalogs }))
}

fn clean(args: &CleanArgs) -> Result<Success, Fault> {
    let what = match (&args.reference, args.all) {
        (_, true) => Clean::All,
        (None, false) => Clean::Unused,
        (Some(named), false) => match Reference::parse(named, &bases())? {
            Reference::Oci(reference) => Clean::One(reference),
            Reference::File(_) => {
                let why = format!("`{named}` is a file, and files are not kept in the cache");
                return Err(Fault::invalid(why).hint("gtc registry list"));
            }
        },
    };
    Success::of(&args.cache.catalog(&Registries::default())?.clean(&what)?)
}
