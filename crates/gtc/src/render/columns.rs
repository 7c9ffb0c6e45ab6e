//! Which columns a list has for people, in which order, and under which titles.

/// A field of the rows, and the title above it.
type Column = (&'static str, &'static str);

/// The columns of the lists whose rows hold more than a line should. What is left out here is in
/// the JSON, and in the noun's `show`.
const LISTS: &[(&str, &[Column])] = &[
    (
        "deployments",
        &[
            ("bundle_id", "bundle"),
            ("route_binding", "routes"),
            ("lifecycle", "lifecycle"),
            ("entries", "traffic"),
            ("customer_id", "customer"),
            ("last_sequence", "staged"),
            ("changed_at", "changed"),
            ("changed_by", "by"),
            ("retired_at", "retired"),
            ("deployment_id", "deployment"),
        ],
    ),
    (
        "revisions",
        &[
            ("sequence", "revision"),
            ("bundle_id", "bundle"),
            ("version", "version"),
            ("lifecycle", "lifecycle"),
            ("weight_bps", "weight"),
            ("tags", "tags"),
            ("requests", "requests"),
            ("errors", "errors"),
            ("in_flight", "in flight"),
            ("created_at", "created"),
            ("bundle_digest", "digest"),
            ("revision_id", "id"),
        ],
    ),
    (
        "entries",
        &[
            ("sequence", "revision"),
            ("weight_bps", "weight"),
            ("lifecycle", "lifecycle"),
            ("revision_id", "id"),
            ("path", "path"),
            ("kind", "kind"),
            ("size", "bytes"),
        ],
    ),
    (
        "traffic",
        &[
            ("deployment_id", "deployment"),
            ("generation", "generation"),
            ("allocation", "traffic"),
            ("op", "op"),
            ("at", "at"),
        ],
    ),
    (
        "generations",
        &[
            ("generation", "generation"),
            ("entries", "traffic"),
            ("op", "op"),
            ("at", "at"),
            ("by", "by"),
            ("idempotency_key", "key"),
        ],
    ),
    ("gate", &[("check", "check"), ("status", "status"), ("millis", "ms"), ("detail", "detail")]),
    (
        "events",
        &[
            ("ts", "at"),
            ("actor", "who"),
            ("noun", "noun"),
            ("verb", "verb"),
            ("target", "target"),
            ("generation", "generation"),
            ("result", "outcome"),
        ],
    ),
    ("values", &[("name", "name"), ("value", "value"), ("origin", "from"), ("overrides", "hides")]),
    (
        "backups",
        &[
            ("backup_id", "backup"),
            ("at", "at"),
            ("by", "by"),
            ("sequence", "sequence"),
            ("records", "records"),
            ("size_bytes", "bytes"),
            ("file", "file"),
        ],
    ),
    (
        "environments",
        &[
            ("environment_id", "environment"),
            ("name", "name"),
            ("deployment_count", "deployments"),
            ("pack_count", "env-packs"),
            ("generation", "generation"),
        ],
    ),
    (
        "bindings",
        &[
            ("slot", "slot"),
            ("kind", "kind"),
            ("pack_ref", "from"),
            ("digest", "digest"),
            ("generation", "generation"),
        ],
    ),
];

/// The columns of the list of this name; none when it has no order of its own.
pub(super) fn of(list: &str) -> Option<&'static [Column]> {
    LISTS.iter().find(|(name, _)| *name == list).map(|(_, columns)| *columns)
}
