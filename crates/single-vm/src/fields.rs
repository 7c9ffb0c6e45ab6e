//! What is wanted and what was found, as fields of the same names.

use serde::{Deserialize, Serialize};

use crate::resource::{Actual, Content, Holds, Mode, Resource};

/// The mode of a key's file.
pub(crate) const KEY_MODE: Mode = Mode::new(0o600);

/// One field that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// Its name: `mode`, `owner`, `content` …
    pub field: String,
    /// What was found; none when there is nothing.
    pub before: Option<String>,
    /// What is wanted; none when there should be nothing.
    pub after: Option<String>,
}

type Fields = Vec<(&'static str, String)>;

fn wanted(resource: &Resource) -> Fields {
    match resource {
        Resource::Group { gid, .. } => vec![("gid", gid.to_string())],
        Resource::User { uid, group, .. } => {
            vec![("uid", uid.to_string()), ("group", group.to_string())]
        }
        Resource::Directory { holds: Holds::Mount, .. } => vec![],
        Resource::Directory { owner, mode, .. } => {
            vec![("owner", owner.to_string()), ("mode", mode.to_string())]
        }
        Resource::File { owner, mode, content, .. } => vec![
            ("owner", owner.to_string()),
            ("mode", mode.to_string()),
            ("content", content.digest().to_string()),
        ],
        Resource::Certificate { owner, .. } => {
            vec![("owner", owner.to_string()), ("mode", KEY_MODE.to_string())]
        }
        Resource::Image { .. } => vec![],
        Resource::Unit { configuration, .. } => {
            let mut fields = vec![("enabled", "yes".into()), ("active", "yes".into())];
            let configuration = configuration.iter().map(ToString::to_string);
            fields.extend(configuration.map(|digest| ("configuration", digest)));
            fields
        }
        Resource::Serving { bundle, .. } => vec![("bundle", bundle.to_string())],
    }
}

fn found(actual: &Actual) -> Fields {
    let yes_no = |yes: bool| if yes { "yes" } else { "no" }.to_owned();
    match actual {
        Actual::Group { gid } => vec![("gid", gid.to_string())],
        Actual::User { uid, group } => vec![("uid", uid.to_string()), ("group", group.clone())],
        Actual::Directory { owner, mode } | Actual::Certificate { owner, mode, .. } => {
            vec![("owner", owner.to_string()), ("mode", mode.to_string())]
        }
        Actual::File { owner, mode, digest, .. } => vec![
            ("owner", owner.to_string()),
            ("mode", mode.to_string()),
            ("content", digest.to_string()),
        ],
        Actual::Image => vec![],
        Actual::Unit { enabled, active, configuration } => {
            let mut fields = vec![("enabled", yes_no(*enabled)), ("active", yes_no(*active))];
            let configuration = configuration.iter().map(ToString::to_string);
            fields.extend(configuration.map(|digest| ("configuration", digest)));
            fields
        }
        Actual::Serving { bundle } => {
            bundle.iter().map(|bundle| ("bundle", bundle.to_string())).collect()
        }
        Actual::Other { what } => vec![("kind", what.clone())],
    }
}

fn value(fields: &Fields, name: &str) -> Option<String> {
    fields.iter().find(|(field, _)| *field == name).map(|(_, value)| value.clone())
}

/// The fields in which `actual` is not what `resource` wants; none when it is.
pub(crate) fn changes(resource: &Resource, actual: &Actual) -> Vec<Change> {
    let found = found(actual);
    let wanted = wanted(resource);
    let differs = wanted.into_iter().filter_map(|(name, after)| {
        let before = value(&found, name);
        let change = Change { field: name.into(), before: before.clone(), after: Some(after) };
        (before != change.after).then_some(change)
    });
    differs.collect()
}

/// Whether what was found is not what `resource` says.
pub(crate) fn differs(resource: &Resource, found: Option<&Actual>) -> bool {
    found.is_none_or(|actual| !changes(resource, actual).is_empty())
}

/// Every field of what is to be made.
pub(crate) fn all_new(resource: &Resource) -> Vec<Change> {
    let new = wanted(resource).into_iter();
    new.map(|(name, after)| Change { field: name.into(), before: None, after: Some(after) })
        .collect()
}

/// Every field of what is to go.
pub(crate) fn all_gone(actual: &Actual) -> Vec<Change> {
    let gone = found(actual).into_iter();
    gone.map(|(name, before)| Change { field: name.into(), before: Some(before), after: None })
        .collect()
}

/// The fields in which `now` is not what it was `before`.
pub(crate) fn back(before: &Actual, now: &Actual) -> Vec<Change> {
    let (was, is) = (found(before), found(now));
    let differs = was.into_iter().filter_map(|(name, after)| {
        let before = value(&is, name);
        let change = Change { field: name.into(), before: before.clone(), after: Some(after) };
        (before != change.after).then_some(change)
    });
    differs.collect()
}

/// Whether `actual` is of the kind that `resource` is.
pub(crate) const fn is_same_kind(resource: &Resource, actual: &Actual) -> bool {
    matches!(
        (resource, actual),
        (Resource::Group { .. }, Actual::Group { .. })
            | (Resource::User { .. }, Actual::User { .. })
            | (Resource::Directory { .. }, Actual::Directory { .. })
            | (Resource::File { .. }, Actual::File { .. })
            | (Resource::Certificate { .. }, Actual::Certificate { .. })
            | (Resource::Image { .. }, Actual::Image)
            | (Resource::Unit { .. }, Actual::Unit { .. })
            | (Resource::Serving { .. }, Actual::Serving { .. })
    )
}

/// The text that a file is to have, which people want to see.
pub(crate) const fn text(resource: &Resource) -> Option<&String> {
    match resource {
        Resource::File { content: Content::Text(text), .. } => Some(text),
        _ => None,
    }
}
