//! A deployment is brought to a machine from elsewhere: where it lands there, what the machine is
//! told of it, and whether that may begin.

use deploy_spec::{Digest, Fault};

use crate::certificates::given_directory;
use crate::layout::Layout;
use crate::spec::{
    BundleSource, Deployment, DeploymentName, MachinePath, Mtls, MtlsFiles, Program,
};

/// Where what is brought lies on the machine. All of it is root's.
#[derive(Debug, Clone)]
pub struct Landing {
    folder: MachinePath,
    staged: MachinePath,
}

impl Landing {
    /// The one of this deployment.
    #[must_use]
    pub fn of(name: &DeploymentName) -> Self {
        Self {
            folder: MachinePath::ours(&format!("/var/lib/gtc-single-vm/{name}")),
            staged: MachinePath::ours(&format!("/run/gtc-bootstrap-{name}")),
        }
    }

    /// What stays for the next command on the machine.
    #[must_use]
    pub const fn folder(&self) -> &MachinePath {
        &self.folder
    }

    /// The `gtc` that does the rest there.
    #[must_use]
    pub fn program(&self) -> MachinePath {
        self.folder.join("gtc")
    }

    /// The bundle.
    #[must_use]
    pub fn bundle(&self) -> MachinePath {
        self.folder.join("bundle.gtbundle")
    }

    /// The certificate of a given authority.
    #[must_use]
    pub fn authority(&self) -> MachinePath {
        self.folder.join("ca.pem")
    }

    /// A given certificate.
    #[must_use]
    pub fn certificate(&self) -> MachinePath {
        self.folder.join("cert.pem")
    }

    /// The description, for whoever plans or applies on the machine.
    #[must_use]
    pub fn description(&self) -> MachinePath {
        self.folder.join("deployment.json")
    }

    /// How far it came.
    #[must_use]
    pub fn journal(&self) -> MachinePath {
        self.folder.join("journal")
    }

    /// The directory in memory where secrets are while they are needed.
    #[must_use]
    pub const fn staged(&self) -> &MachinePath {
        &self.staged
    }
}

/// What is brought, as far as it is known by its digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Brought {
    /// The bundle.
    pub bundle: Digest,
    /// A given authority, certificate and key.
    pub certificates: Option<[Digest; 3]>,
}

/// The description as the machine keeps it: what it names is on the machine, and stays there.
#[must_use]
pub fn kept(deployment: &Deployment, brought: &Brought) -> Deployment {
    let name = &deployment.metadata.name;
    let files = brought.certificates.as_ref().map(|[authority, certificate, key]| {
        let folder = given_directory(&Layout::of(name), [authority, certificate, key]);
        MtlsFiles {
            ca_file: folder.join("ca.pem"),
            cert_file: folder.join("cert.pem"),
            key_file: folder.join("key.pem"),
        }
    });
    landed(deployment, brought, files)
}

/// The description that is applied first, when the key is only staged.
#[must_use]
pub fn first(deployment: &Deployment, brought: &Brought) -> Deployment {
    let landing = Landing::of(&deployment.metadata.name);
    let files = brought.certificates.as_ref().map(|_| MtlsFiles {
        ca_file: landing.authority(),
        cert_file: landing.certificate(),
        key_file: landing.staged.join("key.pem"),
    });
    landed(deployment, brought, files)
}

fn landed(deployment: &Deployment, brought: &Brought, files: Option<MtlsFiles>) -> Deployment {
    let mut landed = deployment.clone();
    let landing = Landing::of(&deployment.metadata.name);
    landed.spec.bundle.source = BundleSource::File(landing.bundle());
    landed.spec.bundle.digest = Some(brought.bundle.clone());
    if let Program::Binary(path) = &mut landed.spec.runtime.program {
        *path = landing.program();
    }
    if let Some(files) = files {
        landed.spec.runtime.admin.mtls = Mtls::Files(files);
    }
    landed
}

/// How far an earlier bootstrap came, as its journal on the machine tells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Journal {
    /// There was none.
    #[default]
    Nothing,
    /// It was begun with this description, and not finished.
    Begun(Digest),
    /// It was finished.
    Finished,
}

impl Journal {
    /// Reads lines such as `2026-11-22T01:45:00Z begun sha256:…`. A line that was cut off tells
    /// nothing.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        let mut journal = Self::Nothing;
        for line in whole.lines() {
            let mut words = line.split(' ').skip(1);
            match (words.next(), words.next().map(str::parse)) {
                (Some("begun"), Some(Ok(digest))) => journal = Self::Begun(digest),
                (Some("finished"), _) => journal = Self::Finished,
                _ => {}
            }
        }
        journal
    }
}

/// Whether a machine that has the deployment may be bootstrapped once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// No.
    Refused,
    /// Yes, somebody said so.
    Forced,
}

/// How a bootstrap stands to those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Course {
    /// It is the first.
    First,
    /// It goes on from where another one of the same description broke off.
    Resumed,
    /// It is another one.
    Again,
}

/// Whether a bootstrap may begin. `is_recorded` says that something was applied on the machine.
///
/// # Errors
/// `refused` when the machine has the deployment.
pub fn course(
    name: &DeploymentName,
    description: &Digest,
    (journal, is_recorded): (&Journal, bool),
    repeat: Repeat,
) -> Result<Course, Fault> {
    let has = match (journal, is_recorded) {
        (Journal::Begun(before), _) if before == description => return Ok(Course::Resumed),
        (Journal::Begun(_), _) => return Ok(Course::Again),
        (Journal::Nothing, false) => return Ok(Course::First),
        (Journal::Nothing, true) => "was applied on it by another way",
        (Journal::Finished, _) => "was bootstrapped before",
    };
    if repeat == Repeat::Forced {
        return Ok(Course::Again);
    }
    Err(Fault::refused(format!("the machine has `{name}` already: it {has}"))
        .hint("gtc single-vm apply on the machine changes it; --force brings everything once more"))
}

#[cfg(test)]
mod tests {
    use deploy_spec::Kind;

    use super::*;

    const SMALL: &str = "{apiVersion: greentic.ai/v1alpha1, kind: Deployment, metadata: {name: hello}, \
                         spec: {bundle: {source: /a/b}RUNTIME}}";

    fn described(runtime: &str) -> Deployment {
        Deployment::parse(&SMALL.replace("RUNTIME", runtime)).unwrap()
    }

    fn digest(text: &str) -> Digest {
        Digest::of(text.as_bytes())
    }

    #[test]
    fn what_the_machine_is_told_is_a_description_that_names_what_is_there() {
        let mtls = "mtls: {caFile: /c/ca, certFile: /c/cert, keyFile: /c/key}";
        let given = format!(", runtime: {{binary: /c/gtc, admin: {{{mtls}}}}}");
        let digests = ["a", "c", "k"].map(digest);
        for (runtime, certificates) in [("", None), (&given[..], Some(digests))] {
            let brought = Brought { bundle: digest("b"), certificates };
            for it in [first(&described(runtime), &brought), kept(&described(runtime), &brought)] {
                let text = serde_json::to_string(&it).unwrap();
                assert_eq!(Deployment::parse(&text).unwrap(), it, "{text}");
                assert!(!text.contains("\"/c/") && !text.contains("/a/b"), "{text}");
                assert!(text.contains("/var/lib/gtc-single-vm/hello/bundle.gtbundle"), "{text}");
            }
            let staged = serde_json::to_string(&first(&described(runtime), &brought)).unwrap();
            let kept = serde_json::to_string(&kept(&described(runtime), &brought)).unwrap();
            let is_given = brought.certificates.is_some();
            assert_eq!(staged.contains("/run/gtc-bootstrap-hello/key.pem"), is_given, "{staged}");
            assert_eq!(kept.contains("/etc/greentic/hello/tls/given-"), is_given, "{kept}");
            assert!(!kept.contains("/run/"), "{kept}");
        }
    }

    #[test]
    fn a_journal_tells_the_last_thing_that_is_whole() {
        let begun = format!("2026-11-22T01:45:00Z begun {}\n", digest("d"));
        let copied = format!("2026-11-22T01:45:01Z copied gtc {}\n", digest("g"));
        let done = "2026-11-22T01:45:02Z finished\n";
        for (text, is) in [
            (String::new(), Journal::Nothing),
            (begun[..begun.len() - 1].to_owned(), Journal::Nothing),
            (begun.clone(), Journal::Begun(digest("d"))),
            (format!("{begun}{copied}"), Journal::Begun(digest("d"))),
            (format!("{begun}{copied}2026-11-22T01:45:02Z fini"), Journal::Begun(digest("d"))),
            (format!("{begun}{copied}{done}"), Journal::Finished),
            (format!("{begun}{done}{begun}"), Journal::Begun(digest("d"))),
        ] {
            assert_eq!(Journal::parse(&text), is, "{text}");
        }
    }

    #[test]
    fn a_machine_that_has_it_is_left_alone_unless_somebody_says_so() {
        let name = &described("").metadata.name;
        let begun = |text| Journal::Begun(digest(text));
        for (journal, recorded, without, with) in [
            (Journal::Nothing, false, Some(Course::First), Course::First),
            (Journal::Nothing, true, None, Course::Again),
            (begun("this"), false, Some(Course::Resumed), Course::Resumed),
            (begun("this"), true, Some(Course::Resumed), Course::Resumed),
            (begun("other"), true, Some(Course::Again), Course::Again),
            (Journal::Finished, true, None, Course::Again),
        ] {
            let may = |repeat| course(name, &digest("this"), (&journal, recorded), repeat);
            match without {
                Some(course) => assert_eq!(may(Repeat::Refused), Ok(course), "{journal:?}"),
                None => assert_eq!(may(Repeat::Refused).unwrap_err().kind, Kind::Refused),
            }
            assert_eq!(may(Repeat::Forced), Ok(with), "{journal:?}");
        }
    }
}
