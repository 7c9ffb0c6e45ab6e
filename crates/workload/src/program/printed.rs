//! What a program prints: to `tracing`, without the secrets it was given.

use std::sync::Arc;

use deploy_spec::PackId;
use process::{Output, Sink};

use crate::component::Granted;

/// Who is told.
pub(super) struct Printed {
    pub(super) pack_id: PackId,
    pub(super) granted: Arc<Granted>,
}

impl Sink for Printed {
    fn line(&self, output: Output, line: &str) {
        let (pack, revision) = (&self.pack_id, &self.granted.name);
        let stream = match output {
            Output::Stdout => "stdout",
            Output::Stderr => "stderr",
        };
        let line = self.granted.masked(line.to_owned());
        tracing::info!(target: "workload::guest", revision, %pack, stream, "{line}");
    }
}
