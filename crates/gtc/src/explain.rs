//! `gtc explain`: which revision would answer a request, and why.

use std::net::IpAddr;

use clap::Args;
use deploy_spec::{EnvironmentId, Fault, TeamId, TenantId, TenantSelector};
use serve::Question;

use crate::globals::Globals;
use crate::outcome::{Named, Success};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gtc explain --url http://shop.localhost/cart
  gtc explain --url http://shop.localhost/cart --cookie 'gt_rev_01J…=AT6P…'
  gtc explain --url http://shop.localhost/cart --subject user-17
  gtc explain --url http://shop.localhost/cart --revision r2 --peer 10.0.0.7

Nothing is sent: the rules of the data plane are asked with what the environment says now. A
request without a session is drawn; what is shown then are the shares.")]
pub(crate) struct Explain {
    /// Where the request goes
    #[arg(long, value_name = "URL")]
    url: String,
    /// Its Cookie header
    #[arg(long, value_name = "NAME=VALUE")]
    cookie: Option<String>,
    /// Its session, where the application names it in a header of its own
    #[arg(long, value_name = "NAME")]
    subject: Option<String>,
    /// The revision that its x-greentic-revision header asks for
    #[arg(long, value_name = "REVISION", requires = "peer")]
    revision: Option<String>,
    /// The preview that its x-greentic-preview header brings
    #[arg(long, value_name = "PREVIEW")]
    preview: Option<String>,
    /// The address that it comes from
    #[arg(long, value_name = "ADDRESS")]
    peer: Option<IpAddr>,
    /// The tenant that it names
    #[arg(long)]
    tenant: Option<TenantId>,
    /// The team that it names
    #[arg(long, requires = "tenant")]
    team: Option<TeamId>,
    /// The environment
    #[arg(long, default_value = "local", value_name = "ENVIRONMENT")]
    env: EnvironmentId,
}

impl Explain {
    pub(crate) fn run(self, globals: &Globals) -> (Named, Result<Success, Fault>) {
        (Named { noun: "gtc", op: "explain" }, self.explain(globals))
    }

    fn explain(self, globals: &Globals) -> Result<Success, Fault> {
        let store = globals.readable(("traffic", "show"), &self.env)?;
        let team = self.team;
        let question = Question {
            url: self.url,
            cookie: self.cookie,
            subject: self.subject,
            revision: self.revision,
            preview: self.preview,
            peer: self.peer,
            tenant: self.tenant.map(|tenant| TenantSelector { tenant, team }),
        };
        Success::of(&serve::explain_request(&store, &question)?)
    }
}
