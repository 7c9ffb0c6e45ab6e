//! Certificates that end soon, or that an authority did not give.

use deploy_spec::Timestamp;

use super::{CertificateKnown, DoctorFacts, Finding, Severity};

/// How long before its end a certificate is a finding, in seconds: 30 days.
const SOON_S: i64 = 30 * 86_400;

pub(super) fn of_certificates(facts: &DoctorFacts) -> Vec<Finding> {
    let now = facts.now;
    let admin =
        facts.admin_certificate_ends.filter(|ends| is_soon(*ends, now)).map(|ends| Finding {
            check: "certificate",
            severity: Severity::Warning,
            message: format!("the certificate of the admin API ends at {ends}"),
            mend: "gtc single-vm apply, or gtc start with another --admin-cert".into(),
        });
    let shown = facts.certificates.iter().filter_map(|known| of_shown(known, now));
    admin.into_iter().chain(shown).collect()
}

/// One that an authority gives is renewed by itself, at a time of its own: it is a finding when that
/// failed, however long it is still valid.
fn of_shown(known: &CertificateKnown, now: Timestamp) -> Option<Finding> {
    let CertificateKnown { name, file, ends, problem } = known;
    let is_over = ends.is_none_or(|ends| ends <= now);
    let is_finding = match file {
        Some(_) => ends.is_some_and(|ends| is_soon(ends, now)),
        None => is_over || problem.is_some(),
    };
    if !is_finding {
        return None;
    }
    let mut message = match ends {
        Some(ends) => format!("the certificate for `{name}` ends at {ends}"),
        None => format!("there is no certificate for `{name}` yet"),
    };
    let mut mend = match file {
        Some(file) => format!("put a newer one into {file}, and its key beside it"),
        None => "wait: it is being got".into(),
    };
    if let Some((why, hint)) = problem {
        message = format!("{message}; the last try to get one failed: {why}");
        mend.clone_from(hint);
    }
    // Without one, nobody comes in under this name.
    let severity = if is_over && (file.is_some() || problem.is_some()) {
        Severity::Error
    } else {
        Severity::Warning
    };
    Some(Finding { check: "certificate", severity, message, mend })
}

fn is_soon(ends: Timestamp, now: Timestamp) -> bool {
    ends.as_second() - now.as_second() < SOON_S
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// How bad it is, and what is said.
    fn found(
        file: Option<&str>,
        ends: Option<i64>,
        problem: Option<&str>,
    ) -> Option<(Severity, String)> {
        let known = CertificateKnown {
            name: "a.test".into(),
            file: file.map(str::to_owned),
            ends: ends.map(at),
            problem: problem.map(|why| (why.to_owned(), "mend it".to_owned())),
        };
        of_shown(&known, at(1_000)).map(|finding| (finding.severity, finding.message))
    }

    #[test]
    fn one_of_a_file_is_a_finding_for_thirty_days() {
        let file = Some("a.pem");
        assert_eq!(found(file, Some(1_000 + SOON_S), None), None);
        for (ends, severity) in [
            (999 + SOON_S, Severity::Warning),
            (1_001, Severity::Warning),
            (1_000, Severity::Error),
        ] {
            assert_eq!(found(file, Some(ends), None).unwrap().0, severity, "{ends}");
        }
    }

    #[test]
    fn one_of_an_authority_is_a_finding_when_it_was_not_renewed() {
        assert_eq!(found(None, Some(1_001), None), None);
        let failed = found(None, Some(1_000 + 2 * SOON_S), Some("it said no")).unwrap();
        assert_eq!(failed.0, Severity::Warning);
        assert!(failed.1.ends_with("the last try to get one failed: it said no"), "{}", failed.1);
        assert_eq!(found(None, Some(1_000), Some("no")).unwrap().0, Severity::Error);
        assert_eq!(found(None, None, Some("no")).unwrap().0, Severity::Error);
        assert_eq!(found(None, None, None).unwrap().0, Severity::Warning, "it is being got");
    }
}
