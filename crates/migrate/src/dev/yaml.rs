//! Where the values of a YAML text stand.

use std::collections::BTreeMap;
use std::ops::Range;

use granit_parser::{Event, Parser, Span};

use super::tree::{DEPTH, Node};

/// The trees of a YAML text, one for each of its documents.
pub(super) fn parse(text: &str) -> Result<Vec<Node>, String> {
    let mut builder = Builder::default();
    for next in Parser::new_from_str(text) {
        let (event, span) = next.map_err(|error| format!("is not YAML: {error}"))?;
        builder.take(&event, span)?;
    }
    Ok(builder.done)
}

/// A list or map in the making; the values of a map stand behind their keys.
struct Open {
    is_map: bool,
    items: Vec<Node>,
}

#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    done: Vec<Node>,
    anchors: BTreeMap<usize, String>,
}

impl Builder {
    fn take(&mut self, event: &Event<'_>, span: Span) -> Result<(), String> {
        match event {
            Event::Scalar(text, _, anchor, _) => {
                if *anchor != 0 {
                    self.anchors.insert(*anchor, text.to_string());
                }
                self.put(Node::scalar(text.as_ref(), range(span)?));
            }
            Event::Alias(anchor) => {
                let says = self.anchors.get(anchor).cloned();
                self.put(Node::Alias(range(span)?, says));
            }
            Event::SequenceStart(..) => self.begin(false)?,
            Event::MappingStart(..) => self.begin(true)?,
            Event::SequenceEnd | Event::MappingEnd => self.end()?,
            _ => {}
        }
        Ok(())
    }

    fn begin(&mut self, is_map: bool) -> Result<(), String> {
        if self.open.len() >= DEPTH {
            return Err(format!("is nested more than {DEPTH} deep"));
        }
        self.open.push(Open { is_map, items: Vec::new() });
        Ok(())
    }

    fn end(&mut self) -> Result<(), String> {
        let Some(Open { is_map, items }) = self.open.pop() else {
            return Err("is not YAML: it ends something twice".into());
        };
        if !is_map {
            self.put(Node::List(items));
            return Ok(());
        }
        let mut entries = Vec::with_capacity(items.len() / 2);
        let mut items = items.into_iter();
        while let Some((key, value)) = items.next().zip(items.next()) {
            entries.push((key, value));
        }
        self.put(Node::Map(entries));
        Ok(())
    }

    fn put(&mut self, node: Node) {
        match self.open.last_mut() {
            Some(open) => open.items.push(node),
            None => self.done.push(node),
        }
    }
}

fn range(span: Span) -> Result<Range<usize>, String> {
    span.byte_range().ok_or_else(|| "is YAML whose places are not known".into())
}
