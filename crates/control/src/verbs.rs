//! Every verb of the command line, for who must know them all: policies, and the test that holds
//! the grammar to this list.

/// A noun, and its verbs: those that change something, and those that look.
pub const VERBS: [(&str, &[&str], &[&str]); 12] = [
    (
        "env",
        &["init", "create", "update", "destroy", "migrate-dev", "migrate-state"],
        &["list", "show", "doctor", "tool-check", "render"],
    ),
    ("env-packs", &["add", "update", "remove", "rollback"], &["list"]),
    ("bundles", &["add", "update", "pause", "resume", "remove"], &["list", "show"]),
    (
        "revisions",
        &["stage", "warm", "drain", "complete-drain", "retry", "archive", "tag", "untag", "prune"],
        &["list", "show", "diff"],
    ),
    (
        "traffic",
        &["set", "rollback", "clear", "shadow", "unshadow"],
        &["show", "history", "differences"],
    ),
    ("config", &["set", "unset"], &["show"]),
    ("credentials", &["bootstrap", "rotate", "import"], &["requirements", "validate", "show"]),
    ("secrets", &["put", "rotate", "delete"], &["list", "get"]),
    ("trust", &["add", "revoke", "threshold"], &["list"]),
    ("audit", &["prune"], &["list", "verify"]),
    ("backups", &["create", "restore", "prune"], &["list"]),
    ("usage", &[], &["report"]),
];
