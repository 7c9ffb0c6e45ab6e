//! Where the admin API is reached besides its Unix socket.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use deploy_spec::Fault;
use serve::Plane;
use serve::admin::{Admin, Credentials, Endpoint};
use store::EnvironmentStore;

use crate::globals::Globals;
use crate::op;

#[derive(Debug, Args)]
#[command(next_help_heading = "Options of the admin API; all four together")]
pub(super) struct AdminArgs {
    /// A loopback address at which the admin API answers, by TLS, who has a client certificate
    #[arg(long, value_name = "ADDRESS")]
    admin_bind: Option<SocketAddr>,
    /// The authority of the clients' certificates, in PEM
    #[arg(long, value_name = "FILE")]
    admin_client_ca: Option<PathBuf>,
    /// The certificate that the admin API shows, in PEM
    #[arg(long, value_name = "FILE")]
    admin_cert: Option<PathBuf>,
    /// The key of that certificate, in PEM
    #[arg(long, value_name = "FILE")]
    admin_key: Option<PathBuf>,
}

impl AdminArgs {
    /// The endpoint, if one is wanted.
    ///
    /// # Errors
    /// `invalid-input` when one of the options is missing; as [`Endpoint::bind`].
    pub(super) fn endpoint(&self) -> Result<Option<Endpoint>, Fault> {
        let given = (&self.admin_bind, &self.admin_client_ca, &self.admin_cert, &self.admin_key);
        match given {
            (None, None, None, None) => Ok(None),
            (Some(address), Some(client_ca), Some(certificate), Some(key)) => {
                Endpoint::bind(*address, &Credentials { client_ca, certificate, key }).map(Some)
            }
            (bind, client_ca, certificate, key) => {
                let all = [
                    ("--admin-bind", bind.is_some()),
                    ("--admin-client-ca", client_ca.is_some()),
                    ("--admin-cert", certificate.is_some()),
                    ("--admin-key", key.is_some()),
                ];
                let missing: Vec<&str> =
                    all.into_iter().filter(|(_, given)| !given).map(|(name, _)| name).collect();
                let missing = missing.join(", ");
                Err(Fault::invalid(format!("the admin API by TLS needs {missing} as well"))
                    .hint("all of --admin-bind, --admin-client-ca, --admin-cert and --admin-key"))
            }
        }
    }
}

/// What the admin API answers for.
pub(super) fn admin(
    globals: &Globals,
    plane: Arc<Plane>,
    store: Option<EnvironmentStore>,
) -> Admin {
    let globals = globals.clone();
    let take_in = Arc::new(move |store: &EnvironmentStore, answers: &_| {
        op::take_in(&globals, store, answers)
    });
    Admin { plane, store, take_in }
}
