//! Results for people: the same facts as the JSON, as lists and tables.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use comfy_table::{ContentArrangement, Table, presets};
use deploy_spec::Fault;
use serde_json::{Map, Value};

const HEAD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();

/// Columns that say nothing in a list, because they are the same on every line or too long.
const NOT_IN_LISTS: [&str; 9] = [
    "schema",
    "environment_id",
    "config_digest",
    "pack_list",
    "signature",
    "gate",
    "slots",
    "salt",
    "by",
];

/// A result: its plain fields first, then a table for each list.
pub(crate) fn table(result: &Value) -> String {
    let Value::Object(map) = result else { return format!("{}\n", cell("", result)) };
    let mut text = String::new();
    fields(&mut text, map, 0);
    for (name, value) in map {
        if let Some(rows) = rows(value) {
            list(&mut text, name, rows);
        }
    }
    text
}

fn rows(value: &Value) -> Option<&Vec<Value>> {
    value.as_array().filter(|list| list.iter().all(Value::is_object))
}

fn fields(text: &mut String, map: &Map<String, Value>, depth: usize) {
    let plain = |value: &Value| !value.is_object() && rows(value).is_none_or(Vec::is_empty);
    let width = map.iter().filter(|(_, v)| plain(v)).map(|(name, _)| name.len()).max().unwrap_or(0);
    let indent = "  ".repeat(depth);
    for (name, value) in map {
        if name == "schema" || rows(value).is_some() {
            continue;
        }
        match value {
            Value::Object(inner) if inner.is_empty() => {}
            Value::Object(inner) => {
                let _ = writeln!(text, "{indent}{HEAD}{}{HEAD:#}", words(name));
                fields(text, inner, depth + 1);
            }
            plain => {
                let label = words(name);
                let _ = writeln!(text, "{indent}{DIM}{label:width$}{DIM:#}  {}", cell(name, plain));
            }
        }
    }
}

fn list(text: &mut String, name: &str, rows: &[Value]) {
    if !text.is_empty() {
        text.push('\n');
    }
    if rows.is_empty() {
        let _ = writeln!(text, "{HEAD}{}{HEAD:#}\n{DIM}none{DIM:#}", words(name));
        return;
    }
    let _ = writeln!(text, "{HEAD}{}{HEAD:#}", words(name));
    let mut columns: Vec<&str> = Vec::new();
    for key in rows.iter().filter_map(Value::as_object).flat_map(Map::keys) {
        let useful =
            !NOT_IN_LISTS.contains(&key.as_str()) && rows.iter().any(|row| worth(&row[key]));
        if useful && !columns.contains(&key.as_str()) {
            columns.push(key);
        }
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(columns.iter().map(|column| words(column)));
    for row in rows {
        table.add_row(columns.iter().map(|column| cell(column, &row[*column])));
    }
    for line in table.to_string().lines() {
        let _ = writeln!(text, "{}", line.trim_end());
    }
}

fn worth(value: &Value) -> bool {
    !(value.is_null()
        || value.as_array().is_some_and(Vec::is_empty)
        || value.as_object().is_some_and(Map::is_empty))
}

fn words(name: &str) -> String {
    name.trim_end_matches("_bps").replace('_', " ")
}

/// One value in few characters.
fn cell(name: &str, value: &Value) -> String {
    match value {
        Value::Null => "–".into(),
        Value::Bool(yes) => if *yes { "yes" } else { "no" }.into(),
        Value::Number(bps) if name.ends_with("_bps") => percent(bps.as_u64().unwrap_or(0)),
        Value::Number(number) => number.to_string(),
        Value::String(text) if text.starts_with("sha256:") && text.len() > 19 => text[7..19].into(),
        Value::String(text) => text.chars().flat_map(visible).collect(),
        Value::Array(items) => {
            items.iter().map(|item| cell("", item)).collect::<Vec<_>>().join(", ")
        }
        Value::Object(map) if map.contains_key("path_prefixes") => route(map),
        Value::Object(map) => {
            let pairs = map.iter().filter(|(_, value)| worth(value));
            pairs
                .map(|(key, value)| format!("{}={}", words(key), cell(key, value)))
                .collect::<Vec<_>>()
                .join(" ")
        }
    }
}

/// Control characters must not reach a terminal.
fn visible(c: char) -> impl Iterator<Item = char> {
    let escaped = c.is_control().then(|| c.escape_default());
    let plain = escaped.is_none().then_some(c);
    escaped.into_iter().flatten().chain(plain)
}

fn percent(bps: u64) -> String {
    let bps = u16::try_from(bps).ok().and_then(|bps| deploy_spec::Bps::new(bps).ok());
    bps.map_or_else(|| "?".into(), |bps| format!("{bps} %"))
}

fn route(map: &Map<String, Value>) -> String {
    let texts = |name: &str| -> Vec<String> {
        let list = map.get(name).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
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

/// A failure: what, why, and what to type next.
pub(crate) fn fault(fault: &Fault) -> String {
    let red = AnsiColor::Red.on_default().bold();
    let message: String = fault.message.chars().flat_map(visible).collect();
    let mut text = format!("{red}{}{red:#}: {message}\n", fault.kind);
    for (name, value) in &fault.details {
        if name == "gate" {
            list(&mut text, name, value.as_array().map_or(&[][..], Vec::as_slice));
        } else {
            let _ = writeln!(text, "  {DIM}{}{DIM:#}  {}", words(name), cell(name, value));
        }
    }
    if let Some(hint) = &fault.hint {
        let cyan = AnsiColor::Cyan.on_default();
        let _ = writeln!(text, "  {cyan}try{cyan:#}  {hint}");
    }
    text
}
