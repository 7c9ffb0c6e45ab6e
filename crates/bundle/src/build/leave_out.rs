//! What never goes into a bundle: a table, and what `.gtbundleignore` names. This is not the secret
//! scanner: it looks at names, and at the contents of key and credential files only.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use deploy_spec::Fault;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

use crate::image::io_fault;

/// The file at the root of a folder that names what else stays out, in the syntax of `.gitignore`.
pub(crate) const IGNORE: &str = ".gtbundleignore";

/// How a row of the table recognises a file or folder. Names are compared in lower case.
enum Sign {
    Named(&'static [&'static str]),
    /// One of these paths from the root of the bundle.
    AtRoot(&'static [&'static str]),
    Begins(&'static [&'static str]),
    Ends(&'static [&'static str]),
    Between(&'static str, &'static str),
    Holds(&'static str),
    /// A file that ends like one of the first and contains one of the second.
    Contains(&'static [&'static str], &'static [&'static str]),
}

use Sign::{AtRoot, Begins, Between, Contains, Ends, Holds, Named};

const VERSION_CONTROL: &str = "version control data";
const ENVIRONMENT: &str = "an environment file, which usually holds secrets";
const DEV_SECRETS: &str = "a development secret store";
const CREDENTIALS: &str = "credentials of a cloud or a tool";
const PRIVATE_KEY: &str = "a private key";
const ANSWERS: &str = "answers to setup questions, which may be secret";
const PEM: &str = "PRIVATE KEY-----";

/// The reasons that make a file a leak wherever it is met.
const LEAKS: &[&str] = &[ENVIRONMENT, DEV_SECRETS, CREDENTIALS, PRIVATE_KEY, ANSWERS];

const TABLE: &[(Sign, &str)] = &[
    (Named(&[".git", ".hg", ".svn", ".jj"]), VERSION_CONTROL),
    (Begins(&[".env"]), ENVIRONMENT),
    (Named(&[".greentic"]), DEV_SECRETS),
    (AtRoot(&["secrets"]), DEV_SECRETS),
    (Holds(".secrets"), DEV_SECRETS),
    (
        Named(&[".aws", ".azure", ".gcloud", ".kube", ".docker", ".gnupg", ".ssh", ".oci"]),
        CREDENTIALS,
    ),
    (Named(&[".netrc", "_netrc", ".npmrc", ".pypirc", ".git-credentials", ".pgpass"]), CREDENTIALS),
    (
        Named(&[".dockercfg", ".boto", ".s3cfg", ".my.cnf", ".vault-token", ".htpasswd"]),
        CREDENTIALS,
    ),
    (Named(&[".terraformrc", "terraform.tfstate", "kubeconfig"]), CREDENTIALS),
    (Named(&["application_default_credentials.json", "credentials.tfrc.json"]), CREDENTIALS),
    (Ends(&[".kubeconfig", ".tfstate", ".tfstate.backup", ".kdbx"]), CREDENTIALS),
    (Between("client_secret", ".json"), CREDENTIALS),
    (
        AtRoot(&[".config/gcloud", ".config/gh", ".cargo/credentials", ".cargo/credentials.toml"]),
        CREDENTIALS,
    ),
    (Contains(&[".json"], &[PEM, "\"authorized_user\"", "\"auths\""]), CREDENTIALS),
    (Contains(&["credentials", "config"], &["aws_secret_access_key"]), CREDENTIALS),
    (Begins(&["id_rsa", "id_dsa", "id_ecdsa", "id_ed25519"]), PRIVATE_KEY),
    (Ends(&[".key", ".p12", ".pfx", ".jks", ".keystore", ".ppk", ".pk8"]), PRIVATE_KEY),
    (Contains(&[".pem", ".p8", ".asc", ".gpg"], &[PEM, "PRIVATE KEY BLOCK-----"]), PRIVATE_KEY),
    (AtRoot(&["answers.json", "answers.yaml", "answers.yml"]), ANSWERS),
    (Ends(&[".answers.json", ".answers.yaml", ".answers.yml"]), ANSWERS),
    (Begins(&["setup-answers", "setup_answers"]), ANSWERS),
    (Ends(&[".gtbundle"]), "a finished bundle"),
    (Between(super::TEMPORARY, ".tmp"), "what an interrupted build left behind"),
    (AtRoot(&[IGNORE]), "it says how the bundle is built"),
];

/// What stays out of one folder's bundle.
pub(super) struct LeaveOut(Gitignore);

impl LeaveOut {
    /// Reads `.gtbundleignore` of the folder `root`, if there is one.
    ///
    /// # Errors
    /// `invalid-input` with the line that is no pattern; those of the file system.
    pub(super) fn of(root: &Path, most_bytes: u64) -> Result<Self, Fault> {
        let path = root.join(IGNORE);
        let mut text = String::new();
        match File::open(&path).and_then(|f| f.take(most_bytes).read_to_string(&mut text)) {
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(io_fault("read", &path, &error)),
        }
        let wrong = |line: usize, why: ignore::Error| {
            Fault::invalid(format!("{IGNORE}:{line} is no pattern: {why}"))
                .hint(format!("write the lines of {IGNORE} as those of a .gitignore"))
                .detail("line", line)
        };
        let mut builder = GitignoreBuilder::new("");
        for (i, line) in text.lines().enumerate() {
            builder.add_line(None, line).map_err(|why| wrong(i + 1, why))?;
        }
        builder.build().map(Self).map_err(|why| wrong(1, why))
    }

    /// Why the file or folder at `path` of the bundle stays out, or `None` when it goes in. What
    /// the table keeps out, no `!` of the ignore file brings back.
    ///
    /// # Errors
    /// Those of reading `source`, for the rows that look inside.
    pub(super) fn reason(
        &self,
        path: &str,
        source: &Path,
        kind: std::fs::FileType,
    ) -> std::io::Result<Option<String>> {
        for (sign, reason) in TABLE {
            let matches = match sign {
                Contains(ends, texts) => {
                    kind.is_file()
                        && ends.iter().any(|end| path.to_lowercase().ends_with(end))
                        && contains(source, texts)?
                }
                _ => sign.matches(path),
            };
            if matches {
                return Ok(Some((*reason).to_owned()));
            }
        }
        let named = self.0.matched(path, kind.is_dir());
        let named = named.is_ignore().then(|| named.inner()).flatten();
        Ok(named.map(|glob| format!("{IGNORE} names it: `{}`", glob.original())))
    }
}

/// Why nobody should find a file of this name in a bundle, by the name alone.
pub(crate) fn leak(path: &str) -> Option<&'static str> {
    let parts = path.match_indices('/').map(|(i, _)| &path[..i]).chain([path]);
    let rows = |part: &str| {
        let row = TABLE.iter().find(|(sign, _)| sign.matches(part));
        row.map(|(_, reason)| *reason).filter(|reason| LEAKS.contains(reason))
    };
    parts.into_iter().find_map(rows)
}

impl Sign {
    /// Whether the path is of this kind by its name alone.
    fn matches(&self, path: &str) -> bool {
        let path = path.to_lowercase();
        let name = path.rsplit('/').next().unwrap_or(&path);
        match self {
            Named(names) => names.contains(&name),
            AtRoot(paths) => paths.contains(&path.as_str()),
            Begins(starts) => starts.iter().any(|start| name.starts_with(start)),
            Ends(ends) => ends.iter().any(|end| name.ends_with(end)),
            Between(start, end) => name.starts_with(start) && name.ends_with(end),
            Holds(part) => name.contains(part),
            Contains(..) => false,
        }
    }
}

/// Whether a file has one of `texts` in its first 256 KiB; keys and credentials are small.
fn contains(source: &Path, texts: &[&str]) -> std::io::Result<bool> {
    let mut head = Vec::new();
    File::open(source)?.take(256 << 10).read_to_end(&mut head)?;
    let holds = |text: &&str| head.windows(text.len()).any(|window| window == text.as_bytes());
    Ok(texts.iter().any(holds))
}
