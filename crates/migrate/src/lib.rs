//! What an older install left behind.
//!
//! An install from before environments had a store kept its state in three places, and called the
//! environment of one's own machine `dev` where it is called `local` now:
//!
//! | where | what |
//! |---|---|
//! | `<home>/state/deploy/<provider>/<tenant>/<environment>/<scope>/…`, or `deploy/…` beside a project's `.greentic` | what a deployer rendered and ran: plans, Terraform, hand-over documents |
//! | `<home>/state/runtime/<tenant>/<environment>/<scope>/…` | the plan and the invocation of the last run |
//! | `<home>/state/pack-configs/<pack>.json` (`greentic.pack-config-input.v1`) | the non-secret answers of a setup, and references to the secret ones |
//! | `<home>/config.toml`, `secrets.toml`, answers documents, `seeds.yaml` | `env_id = "dev"`, `env: dev`, `secrets://dev/<tenant>/…` |
//! | `<home>/dev/.dev.secrets.env`, `<home>/state/dev/.dev.secrets.env` | the secrets themselves; `dev` is the name of that store there, and not of an environment |
//!
//! [`dev`] finds the name `dev` and rewrites it where that is safe; [`alias`] lets it go on meaning
//! `local` where it is not. [`state`] moves the first tree below `<environment>/legacy/`, once:
//! nothing in the layout of the store corresponds to any of its files, since records are made by
//! verbs only, so it is kept whole for people to read. [`config`] reads the non-secret answers where
//! they are.
//!
//! On Windows there are [`alias`] and [`config`] alone.
//!
//! Nothing here ever writes a record, and nothing below the folder of environments is rewritten.

pub mod alias;
pub mod config;
#[cfg(unix)]
pub mod dev;
#[cfg(unix)]
pub mod state;
