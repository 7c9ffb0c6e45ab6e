//! How long certificates are still valid. Each has been named by somebody who may start this process,
//! so that there are not many. Pure.

use deploy_spec::Timestamp;
use telemetry::{Family, Point, Points};

use crate::status::CertificateStatus;

pub(super) fn family(
    certificates: Vec<CertificateStatus>,
    now: Timestamp,
    since: Timestamp,
) -> Family {
    let point = |certificate: CertificateStatus| {
        let rest = certificate.ends.map_or(0, |ends| ends.as_second() - now.as_second());
        Point { labels: vec![("name", certificate.name)], since, value: float(rest) }
    };
    Family {
        name: "greentic_certificate_expires_in_seconds",
        help: "How long a certificate shown over TLS is still valid; negative once it is over, 0 while \
               there is none.",
        unit: "s",
        points: Points::Gauges(certificates.into_iter().map(point).collect()),
    }
}

#[expect(clippy::cast_precision_loss, reason = "gauges are floating point")]
const fn float(seconds: i64) -> f64 {
    seconds as f64
}
