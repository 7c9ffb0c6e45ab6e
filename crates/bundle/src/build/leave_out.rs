//! What never goes into a bundle, as a table. This is not the secret scanner: it looks at names,
//! and at the contents of key and credential files only.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

/// How a row of the table recognises a file or folder. Names are compared in lower case.
enum Sign {
    Named(&'static [&'static str]),
    /// A folder of this name at the root of the bundle.
    FolderAtRoot(&'static str),
    Begins(&'static [&'static str]),
    Ends(&'static [&'static str]),
    Holds(&'static str),
    /// A file that ends like one of the first and contains one of the second.
    Contains(&'static [&'static str], &'static [&'static str]),
}

use Sign::{Begins, Contains, Ends, FolderAtRoot, Holds, Named};

const VERSION_CONTROL: &str = "version control data";
const DEV_SECRETS: &str = "a development secret store";
const CREDENTIALS: &str = "credentials of a cloud or a tool";
const PRIVATE_KEY: &str = "a private key";

const TABLE: &[(Sign, &str)] = &[
    (Named(&[".git", ".hg", ".svn", ".jj"]), VERSION_CONTROL),
    (Begins(&[".env"]), "an environment file, which usually holds secrets"),
    (Named(&[".greentic"]), DEV_SECRETS),
    (FolderAtRoot("secrets"), DEV_SECRETS),
    (Holds(".secrets"), DEV_SECRETS),
    (Named(&[".aws", ".azure", ".gcloud", ".kube", ".docker", ".gnupg", ".ssh"]), CREDENTIALS),
    (Named(&[".netrc", ".npmrc", ".pypirc", ".git-credentials", ".pgpass"]), CREDENTIALS),
    (Named(&["application_default_credentials.json", "kubeconfig"]), CREDENTIALS),
    (Contains(&[".json"], &["PRIVATE KEY-----", "\"authorized_user\""]), CREDENTIALS),
    (Begins(&["id_rsa", "id_dsa", "id_ecdsa", "id_ed25519"]), PRIVATE_KEY),
    (Ends(&[".key", ".p12", ".pfx", ".jks", ".keystore", ".ppk"]), PRIVATE_KEY),
    (Contains(&[".pem"], &["PRIVATE KEY-----"]), PRIVATE_KEY),
    (Ends(&[".gtbundle"]), "a finished bundle"),
    (Begins(&[super::TEMPORARY]), "what an interrupted build left behind"),
];

/// Why the file or folder at `path` of the bundle stays out, or `None` when it goes in.
///
/// # Errors
/// Those of reading `source`, for the rows that look inside.
pub(super) fn reason(
    path: &str,
    source: &Path,
    kind: std::fs::FileType,
) -> std::io::Result<Option<&'static str>> {
    let name = path.rsplit('/').next().unwrap_or(path).to_lowercase();
    for (sign, reason) in TABLE {
        let matches = match sign {
            Named(names) => names.contains(&name.as_str()),
            FolderAtRoot(wanted) => kind.is_dir() && path.to_lowercase() == *wanted,
            Begins(starts) => starts.iter().any(|start| name.starts_with(start)),
            Ends(ends) => ends.iter().any(|end| name.ends_with(end)),
            Holds(part) => name.contains(part),
            Contains(ends, texts) => {
                kind.is_file()
                    && ends.iter().any(|end| name.ends_with(end))
                    && contains(source, texts)?
            }
        };
        if matches {
            return Ok(Some(reason));
        }
    }
    Ok(None)
}

/// Whether a file has one of `texts` in its first 256 KiB; keys and credentials are small.
fn contains(source: &Path, texts: &[&str]) -> std::io::Result<bool> {
    let mut head = Vec::new();
    File::open(source)?.take(256 << 10).read_to_end(&mut head)?;
    let holds = |text: &&str| head.windows(text.len()).any(|window| window == text.as_bytes());
    Ok(texts.iter().any(holds))
}
