//! Which file holds which record (DESIGN §5).

use std::hash::{BuildHasher as _, RandomState};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use control::{Folder, Key, Record};
use deploy_spec::{DeploymentId, Digest, IdempotencyKey, RevisionId, SecretPath, document};

/// The lock; it says who holds it for writing, or [`FREE`].
pub(crate) const LOCK: &str = ".lock";
/// What is locked: the same file, but for Windows, where nobody reads what another has locked.
pub(crate) const LOCKED: &str = if cfg!(windows) { ".locked" } else { LOCK };
/// What the lock says once a writer has finished and all that it did is durable.
pub(crate) const FREE: &[u8] = b"free\n";
/// The folder of the commit in flight.
pub(crate) const JOURNAL: &str = "journal";
/// The folder of the last commits, which the data plane follows.
pub(crate) const COMMITS: &str = "commits";
/// The audit log.
pub(crate) const AUDIT: &str = "audit/events.jsonl";
/// The folder of before-images.
pub(crate) const BACKUPS: &str = "backups";
/// The folder of what is known of secrets.
const SECRETS: &str = "secrets/index";
/// The folder of the list of deployments.
const ROSTER: &str = "index/deployments";
/// The folder of route claims, by digest.
pub(crate) const ROUTES: &str = "index/routes";

/// Where a record is written.
pub(crate) fn path_of(record: &Record) -> String {
    match record {
        Record::Answered(answered) => format!(
            "{}/{:013}{}",
            answers_folder(&answered.key),
            answered.at.as_millisecond().max(0),
            answer_suffix(&answered.key)
        ),
        other => path(&other.key()),
    }
}

/// Where the record of this name is. Answers are found by [`answer_suffix`].
pub(crate) fn path(key: &Key) -> String {
    match key {
        Key::Environment => "environment.json".into(),
        Key::Deployment(d) => format!("deployments/{d}.json"),
        Key::Retired(d) => format!("retired/{d}.json"),
        Key::Revision(d, r) => format!("revisions/{d}/{r}.json"),
        Key::PastSplit(d, generation) => format!("{}/{generation}.json", past_splits(*d)),
        Key::Route(route) => {
            let name = Digest::of(&document::to_line(route));
            format!("{ROUTES}/{}.json", name.hex())
        }
        Key::BundleMember(bundle, d) => format!("index/bundles/{bundle}/{d}.json"),
        Key::RevisionHome(r) => format!("index/revisions/{r}.json"),
        Key::Roster => format!("{ROSTER}/root.json"),
        Key::RosterPage(page) => format!("{ROSTER}/{page}.json"),
        Key::Secret(path) => format!("{SECRETS}/{}.json", path.as_str().replace('/', "~")),
        Key::Backup(id) => format!("{BACKUPS}/index/{id}.json"),
        Key::Answered(key) => format!("{}/0{}", answers_folder(key), answer_suffix(key)),
    }
}

/// Where the records of a folder are.
pub(crate) fn folder(folder: &Folder) -> String {
    match folder {
        Folder::Deployments => "deployments".into(),
        Folder::Retired => "retired".into(),
        Folder::Revisions(d) => format!("revisions/{d}"),
        Folder::RevisionHomes => "index/revisions".into(),
        Folder::BundleMembers(bundle) => format!("index/bundles/{bundle}"),
        Folder::RosterPages => ROSTER.into(),
        Folder::Secrets => SECRETS.into(),
        Folder::Backups => format!("{BACKUPS}/index"),
    }
}

/// The name of the record that is in this file of a folder, if that is what the file is. What
/// somebody else put there breaks no listing; `stray_files` names it.
pub(crate) fn name_of(folder: &Folder, file: &str) -> Option<String> {
    let stem = file.strip_suffix(".json")?;
    if *folder == Folder::Secrets {
        // No path of a secret has a `~`, so that each has a file name of its own.
        let path = stem.replace('~', "/");
        return path.parse::<SecretPath>().is_ok().then_some(path);
    }
    if *folder == Folder::RosterPages {
        return stem.parse::<u64>().is_ok_and(|n| n.to_string() == stem).then(|| stem.to_owned());
    }
    // All other records are named by ids of one form.
    stem.parse::<RevisionId>().is_ok().then(|| stem.to_owned())
}

/// Where the past splits of a deployment are.
pub(crate) fn past_splits(of: DeploymentId) -> String {
    format!("splits/{of}")
}

/// The folder in which a key's answer is kept: one of 256, so that each stays small.
pub(crate) fn answers_folder(key: &IdempotencyKey) -> String {
    format!("ledger/{}", &Digest::of(key.as_str().as_bytes()).hex()[..2])
}

/// How the file of a key's answer ends; it begins with the time of the answer, so that the oldest
/// sort first.
pub(crate) fn answer_suffix(key: &IdempotencyKey) -> String {
    format!("-{}.json", Digest::of(key.as_str().as_bytes()).hex())
}

/// When an answer was given, in milliseconds since 1970, by the name of its file.
pub(crate) fn answered_at(name: &str) -> Option<i64> {
    name.split('-').next()?.parse().ok()
}

/// The file name of a commit; zero-padded, so that names sort as numbers do.
pub(crate) fn commit_name(sequence: u64) -> String {
    format!("{sequence:020}.json")
}

/// The sequence in a commit's file name.
pub(crate) fn sequence_of(name: &str) -> Option<u64> {
    name.strip_suffix(".json")?.parse().ok()
}

/// Whether before-images of this file are kept.
pub(crate) fn is_backed_up(path: &str) -> bool {
    path == "environment.json" || path.starts_with("deployments/") || path.starts_with("revisions/")
}

/// The folder of the before-images of a file.
pub(crate) fn backups_of(path: &str) -> String {
    format!("{BACKUPS}/{path}")
}

/// A name for a draft of `path` that nobody else in the world uses, nor left behind. The number of
/// the process would not do: in a container it is always one.
pub(crate) fn draft_of(path: &str) -> String {
    static DRAFTS: AtomicU64 = AtomicU64::new(0);
    static OURS: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one(()));
    let n = DRAFTS.fetch_add(1, Ordering::Relaxed);
    format!("{path}.draft-{:016x}-{n}", *OURS)
}

/// The folder that holds `path`; empty for the environment's own.
pub(crate) fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}
