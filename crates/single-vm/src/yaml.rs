//! YAML (and so JSON) as a tree in which every value knows where it stands.
//!
//! A description is plain data: anchors, aliases and tags are refused, which also means that a short
//! text cannot become a large tree.

use granit_parser::{Event, Marker, Parser, ScalarStyle, Span};

use crate::problem::{Place, Problem};

/// How deep a description may be nested.
const DEPTH: usize = 16;

/// A value and where it begins.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    pub(crate) place: Place,
    pub(crate) value: Value,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    /// Written without quotes: whoever reads it decides whether it is a text or a number.
    Plain(String),
    /// Written with quotes, or as a block: a text.
    Quoted(String),
    List,
    Map(Vec<(Key, Node)>),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Key {
    pub(crate) place: Place,
    pub(crate) name: String,
}

/// The tree of the one document in `text`.
pub(crate) fn parse(text: &str) -> Result<Node, Problem> {
    let mut builder = Builder::default();
    for next in Parser::new_from_str(text) {
        match next {
            Ok((event, span)) => builder.take(&event, span)?,
            Err(error) => return Err(wrong(place(error.marker()), error.info())),
        }
    }
    let mut done = builder.done.into_iter();
    let top = Place { line: 1, column: 1 };
    let first = done.next().ok_or_else(|| wrong(top, "the document is empty".into()))?;
    match done.next() {
        None => Ok(first),
        Some(second) => {
            Err(wrong(second.place, "a second document; one file describes one deployment".into()))
        }
    }
}

fn place(marker: &Marker) -> Place {
    Place { line: marker.line(), column: marker.col() + 1 }
}

fn wrong(place: Place, message: String) -> Problem {
    Problem { place, pointer: String::new(), message, hint: None }
}

/// A list or map in the making.
enum Open {
    List(Place),
    Map { place: Place, entries: Vec<(Key, Node)>, key: Option<Key> },
}

#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    done: Vec<Node>,
}

impl Builder {
    fn take(&mut self, event: &Event<'_>, span: Span) -> Result<(), Problem> {
        let place = place(&span.start);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                plain_data(place, *anchor, tag.is_some())?;
                let value = match style {
                    ScalarStyle::Plain => Value::Plain(text.to_string()),
                    _ => Value::Quoted(text.to_string()),
                };
                self.put(Node { place, value })
            }
            Event::Alias(_) => plain_data(place, 1, false),
            Event::SequenceStart(_, anchor, tag) => {
                plain_data(place, *anchor, tag.is_some())?;
                self.begin(place, Open::List(place))
            }
            Event::MappingStart(_, anchor, tag) => {
                plain_data(place, *anchor, tag.is_some())?;
                self.begin(place, Open::Map { place, entries: Vec::new(), key: None })
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            _ => Ok(()),
        }
    }

    fn begin(&mut self, place: Place, open: Open) -> Result<(), Problem> {
        if self.open.len() >= DEPTH {
            return Err(wrong(place, format!("nested more than {DEPTH} deep")));
        }
        self.open.push(open);
        Ok(())
    }

    fn end(&mut self) -> Result<(), Problem> {
        match self.open.pop() {
            Some(Open::List(place)) => self.put(Node { place, value: Value::List }),
            Some(Open::Map { place, entries, .. }) => {
                self.put(Node { place, value: Value::Map(entries) })
            }
            None => Ok(()),
        }
    }

    fn put(&mut self, node: Node) -> Result<(), Problem> {
        match self.open.last_mut() {
            None => self.done.push(node),
            Some(Open::List(_)) => {}
            Some(Open::Map { entries, key, .. }) => match key.take() {
                Some(key) => entries.push((key, node)),
                None => *key = Some(name(node, entries)?),
            },
        }
        Ok(())
    }
}

fn name(node: Node, entries: &[(Key, Node)]) -> Result<Key, Problem> {
    let place = node.place;
    let (Value::Plain(name) | Value::Quoted(name)) = node.value else {
        return Err(wrong(place, "the name of a field is a text".into()));
    };
    match entries.iter().find(|(key, _)| key.name == name) {
        None => Ok(Key { place, name }),
        Some((first, _)) => {
            let line = first.place.line;
            Err(wrong(place, format!("`{name}` is here twice, first in line {line}")))
        }
    }
}

fn plain_data(place: Place, anchor: usize, is_tagged: bool) -> Result<(), Problem> {
    if anchor == 0 && !is_tagged {
        return Ok(());
    }
    let why = "anchors, aliases and tags are not read here; write the value itself";
    Err(wrong(place, why.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_knows_where_it_stands() {
        let node = parse("a:\n  bé: 'x'\n").unwrap();
        let Value::Map(entries) = node.value else { panic!() };
        let Value::Map(inner) = &entries[0].1.value else { panic!() };
        let (key, value) = &inner[0];
        assert_eq!(key.place, Place { line: 2, column: 3 });
        assert_eq!(value.place, Place { line: 2, column: 7 });
        assert_eq!(value.value, Value::Quoted("x".into()));
    }

    #[test]
    fn what_is_no_plain_document_is_refused_where_it_stands() {
        let deep = format!("{}{}", "[".repeat(DEPTH + 1), "]".repeat(DEPTH + 1));
        for (text, place, says) in [
            ("", "1:1", "empty"),
            ("a: 1\nb: 2\na: 3\n", "3:1", "`a` is here twice, first in line 1"),
            ("a: &x 1\nb: *x\n", "1:", "anchors"),
            ("a: !!str 1\n", "1:", "tags"),
            ("a: 1\n---\nb: 2\n", "3:1", "second document"),
            ("{[1]: 2}", "1:2", "a text"),
            (&deep, "1:17", "nested"),
            ("a: \"x\n", "", "quote"),
        ] {
            let problem = parse(text).unwrap_err().to_string();
            assert!(problem.starts_with(place) && problem.contains(says), "{text}: {problem}");
        }
    }
}
