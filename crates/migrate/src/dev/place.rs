//! What a path says about a file or folder of an older install.

use std::ffi::OsStr;
use std::path::Path;

use super::names::DEV;

/// The file that an older install kept secrets in.
const SECRET_STORE: &str = ".dev.secrets.env";

/// Why a folder that is called `dev` is a use of the name; none when it is not.
pub(super) fn folder_use(path: &Path) -> Option<&'static str> {
    let above: Vec<&OsStr> = path.iter().rev().take(4).collect();
    match above[..] {
        [name, _, _, top] if name == DEV && top == "deploy" => {
            Some("`gtc op env migrate-state` moves it")
        }
        [name, _, top, ..] if name == DEV && top == "runtime" => {
            Some("it tells of runs under that name, and nothing reads it any more")
        }
        _ => None,
    }
}

/// Whether the file holds secrets.
pub(super) fn is_secret_store(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == SECRET_STORE)
}

/// Why nothing in the file at `path` is rewritten, whatever it says.
pub(super) fn why_fixed(path: &Path) -> Option<&'static str> {
    let below_deploy = path.iter().rev().position(|part| part == "deploy");
    if below_deploy.is_some_and(|below| below >= 4) {
        return Some("it describes what was deployed under that name");
    }
    let name = path.file_name()?.to_string_lossy();
    let is_locked = [".lock", ".lock.json", ".lock.yaml", "manifest.json", "manifest.yaml"];
    if is_locked.iter().any(|end| name.ends_with(end)) {
        return Some("a digest elsewhere may name its bytes");
    }
    if [".tfstate", ".tfvars", ".tfvars.json"].iter().any(|end| name.ends_with(end)) {
        return Some("it describes what was deployed under that name");
    }
    let is_signed = ["sig", "dsse.json"]
        .iter()
        .any(|end| path.with_file_name(format!("{name}.{end}")).symlink_metadata().is_ok());
    is_signed.then_some("a signature beside it is made of its bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_known_by_where_they_are() {
        for path in ["/h/state/deploy/aws/acme/dev", "deploy/a/b/dev", "/h/state/runtime/acme/dev"]
        {
            assert!(folder_use(Path::new(path)).is_some(), "{path}");
        }
        for path in ["/dev", "/h/dev", "/h/deploy/dev", "/h/deploy/a/dev", "deploy/a/b/dev/dev"] {
            assert!(folder_use(Path::new(path)).is_none(), "{path}");
        }
    }

    #[test]
    fn what_others_rely_on_is_fixed() {
        for path in ["/s/deploy/aws/acme/prod/plan.json", "/s/packs.lock", "/s/a.tfvars"] {
            assert!(why_fixed(Path::new(path)).is_some(), "{path}");
        }
        for path in ["/s/deploy/settings.json", "/s/answers.yaml", "/s/clock"] {
            assert!(why_fixed(Path::new(path)).is_none(), "{path}");
        }
    }
}
