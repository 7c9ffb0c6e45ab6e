//! One value in few characters, and the colour that says how good it is.

use anstyle::{AnsiColor, Style};
use serde_json::{Map, Value};

/// One value in few characters. `name` is the field's name, whose ending tells the unit.
pub(super) fn cell(name: &str, value: &Value) -> String {
    match value {
        Value::Null => "–".into(),
        Value::Bool(yes) => if *yes { "yes" } else { "no" }.into(),
        Value::Number(bps) if name.ends_with("_bps") => percent(bps.as_u64().unwrap_or(0)),
        Value::Number(sequence) if name == "sequence" => format!("r{sequence}"),
        Value::Number(number) => number.to_string(),
        Value::String(text) => string(text),
        Value::Array(items) => {
            items.iter().map(|item| cell("", item)).collect::<Vec<_>>().join(", ")
        }
        Value::Object(map) => object(map),
    }
}

fn object(map: &Map<String, Value>) -> String {
    if map.contains_key("path_prefixes") {
        return route(map);
    }
    let text = |name: &str| map.get(name).and_then(Value::as_str);
    if let Some(entries) = map.get("entries").filter(|_| map.contains_key("slots")) {
        return cell("entries", entries);
    }
    if let (Some(user), Some(host)) = (text("user"), text("host")) {
        return format!("{}@{}", string(user), string(host));
    }
    if let (Some(id), Some(weight)) = (text("revision_id"), map.get("weight_bps")) {
        let name = map.get("sequence").map_or_else(|| id.into(), |s| cell("sequence", s));
        return format!("{name} {}", cell("weight_bps", weight));
    }
    let pairs = map.iter().filter(|(_, value)| worth(value));
    let pair = |(key, value): (&String, &Value)| format!("{}={}", words(key), cell(key, value));
    pairs.map(pair).collect::<Vec<_>>().join(" ")
}

/// Whether a value says anything.
pub(super) fn worth(value: &Value) -> bool {
    !(value.is_null()
        || value.as_array().is_some_and(Vec::is_empty)
        || value.as_object().is_some_and(Map::is_empty))
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

fn route(map: &Map<String, Value>) -> String {
    let texts = |name: &str| -> Vec<String> {
        let list = map.get(name).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_str).map(visible).collect()
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
    let selector = map.get("tenant_selector").filter(|selector| worth(selector));
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
