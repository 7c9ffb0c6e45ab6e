//! One value in few characters, and the colour that says how good it is.

use anstyle::{AnsiColor, Style};

use super::tree::{Fields, Tree};

/// One value in few characters. `name` is the field's name, whose ending tells the unit.
pub(super) fn cell(name: &str, value: &Tree) -> String {
    match value {
        Tree::Null => "–".into(),
        Tree::Bool(yes) => if *yes { "yes" } else { "no" }.into(),
        Tree::Number(bps) if name.ends_with("_bps") => percent(bps.as_u64().unwrap_or(0)),
        Tree::Number(sequence) if name == "sequence" => format!("r{sequence}"),
        Tree::Number(number) => number.to_string(),
        Tree::Text(text) => string(text),
        Tree::List(items) => items.iter().map(|item| cell("", item)).collect::<Vec<_>>().join(", "),
        Tree::Map(fields) => object(fields),
    }
}

fn object(fields: &Fields) -> String {
    if fields.has("path_prefixes") {
        return route(fields);
    }
    let text = |name: &str| fields.get(name).and_then(Tree::text);
    if let Some(entries) = fields.get("entries").filter(|_| fields.has("slots")) {
        return cell("entries", entries);
    }
    if let (Some(user), Some(host)) = (text("user"), text("host")) {
        return format!("{}@{}", string(user), string(host));
    }
    if let (Some(id), Some(weight)) = (text("revision_id"), fields.get("weight_bps")) {
        let name = fields.get("sequence").map_or_else(|| string(id), |s| cell("sequence", s));
        return format!("{name} {}", cell("weight_bps", weight));
    }
    let pairs = fields.0.iter().filter(|(_, value)| value.says_something());
    let pair = |(key, value): &(String, Tree)| format!("{}={}", words(key), cell(key, value));
    pairs.map(pair).collect::<Vec<_>>().join(" ")
}

/// A field's name for people.
pub(super) fn words(name: &str) -> String {
    name.trim_end_matches("_bps").replace('_', " ")
}

fn string(text: &str) -> String {
    if let Some(hex) = text.strip_prefix("sha256:")
        && hex.len() > 12
    {
        return hex[..12].into();
    }
    if let Ok(at) = text.parse::<deploy_spec::Timestamp>()
        && text.len() > 19
    {
        return at.strftime("%Y-%m-%d %H:%M:%S").to_string();
    }
    visible(text)
}

/// Control characters must not reach a terminal.
pub(super) fn visible(text: &str) -> String {
    let shown = |c: char| {
        let escaped = c.is_control().then(|| c.escape_default());
        let plain = escaped.is_none().then_some(c);
        escaped.into_iter().flatten().chain(plain)
    };
    text.chars().flat_map(shown).collect()
}

fn percent(bps: u64) -> String {
    let bps = u16::try_from(bps).ok().and_then(|bps| deploy_spec::Bps::new(bps).ok());
    bps.map_or_else(|| "?".into(), |bps| format!("{bps} %"))
}

fn route(fields: &Fields) -> String {
    let texts = |name: &str| -> Vec<String> {
        let list = fields.get(name).map_or(&[][..], Tree::list);
        list.iter().filter_map(Tree::text).map(visible).collect()
    };
    let mut hosts = texts("hosts");
    if hosts.is_empty() {
        hosts.push("*".into());
    }
    let mut routes = Vec::new();
    for host in hosts {
        for prefix in texts("path_prefixes") {
            routes.push(format!("{host}{prefix}"));
        }
    }
    let selector = fields.get("tenant_selector").filter(|selector| selector.says_something());
    let tenant = selector.map_or_else(String::new, |selector| format!(" ({})", cell("", selector)));
    format!("{}{tenant}", routes.join(" "))
}

/// The colour of a word that says how something stands.
pub(super) fn style(name: &str, shown: &str) -> Style {
    let colour = match (name, shown) {
        ("lifecycle" | "status" | "outcome", "ready" | "active" | "pass" | "ok" | "created") => {
            AnsiColor::Green
        }
        ("lifecycle" | "status" | "outcome", "failed" | "fail" | "error") => AnsiColor::Red,
        ("lifecycle" | "status", "draining" | "paused" | "warning" | "skipped") => {
            AnsiColor::Yellow
        }
        _ => return Style::new(),
    };
    colour.on_default()
}
