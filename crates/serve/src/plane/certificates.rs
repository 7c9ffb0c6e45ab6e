//! What the data plane is told of the certificates in front of it, and tells on.

use std::sync::{Arc, OnceLock};

use deploy_spec::Timestamp;
use ingress::Challenges;

use super::Plane;
use crate::status::CertificateStatus;

/// What is known of TLS; nothing where it is not spoken.
#[derive(Default)]
pub(super) struct Tls {
    /// When the certificate ends that the admin API shows.
    admin_ends: OnceLock<Timestamp>,
    shown: OnceLock<Box<ShownNow>>,
    challenges: OnceLock<Arc<Challenges>>,
}

/// Says how it stands with the certificates that are shown.
type ShownNow = dyn Fn() -> Vec<CertificateStatus> + Send + Sync;

impl Plane {
    /// Says when the certificate ends that its admin API shows.
    pub fn shows_until(&self, ends: Timestamp) {
        let _ = self.tls.admin_ends.set(ends);
    }

    pub(crate) fn admin_certificate_ends(&self) -> Option<Timestamp> {
        self.tls.admin_ends.get().copied()
    }

    /// Says how it stands with the certificates that are shown over TLS, whenever it is asked.
    pub fn shows_certificates(
        &self,
        now: impl Fn() -> Vec<CertificateStatus> + Send + Sync + 'static,
    ) {
        let _ = self.tls.shown.set(Box::new(now));
    }

    pub(crate) fn certificates(&self) -> Vec<CertificateStatus> {
        self.tls.shown.get().map(|now| now()).unwrap_or_default()
    }

    /// Answers these challenges of an authority over HTTP, as long as they are pending.
    pub fn answers_challenges(&self, challenges: Arc<Challenges>) {
        let _ = self.tls.challenges.set(challenges);
    }

    /// What an authority is answered at this path; none where it asks for nothing there.
    pub(crate) fn challenge_at(&self, path: &str) -> Option<String> {
        self.tls.challenges.get()?.at(path)
    }
}
