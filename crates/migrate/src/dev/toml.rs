//! Where the values of a TOML text stand.

use toml_edit::{Document, Item, TableLike, Value};

use super::tree::Node;

/// The tree of a TOML text.
pub(super) fn parse(text: &str) -> Result<Node, String> {
    let document = Document::parse(text)
        .map_err(|error| format!("is not TOML: {}", error.message().replace('\n', " ")))?;
    Ok(table(document.as_table(), text))
}

fn table(table: &dyn TableLike, text: &str) -> Node {
    let entry = |(name, item): (&str, &Item)| {
        let span = table.key(name).and_then(toml_edit::Key::span).unwrap_or_default();
        (Node::scalar(name, span), node(item, text))
    };
    Node::Map(table.iter().map(entry).collect())
}

fn node(item: &Item, text: &str) -> Node {
    match item {
        Item::Value(found) => value(found, text),
        Item::Table(found) => table(found, text),
        Item::ArrayOfTables(found) => {
            Node::List(found.iter().map(|found| table(found, text)).collect())
        }
        Item::None => Node::List(Vec::new()),
    }
}

fn value(found: &Value, text: &str) -> Node {
    match found {
        Value::Array(items) => Node::List(items.iter().map(|item| value(item, text)).collect()),
        Value::InlineTable(found) => table(found, text),
        other => {
            let span = other.span().unwrap_or_default();
            let raw = text.get(span.clone()).unwrap_or_default();
            Node::scalar(other.as_str().unwrap_or(raw), span)
        }
    }
}
