//! Reads the fields of a tree into types, and collects everything that is wrong with them.

use std::cell::RefCell;
use std::str::FromStr;

use deploy_spec::document::shown;

use crate::problem::{Place, Problem};
use crate::yaml::{Node, Value};

/// What was found wrong so far.
#[derive(Debug, Default)]
pub(crate) struct Problems(RefCell<Vec<Problem>>);

impl Problems {
    pub(crate) fn add(&self, spot: &Spot, message: impl Into<String>, hint: impl Into<String>) {
        let hint = Some(hint.into()).filter(|hint| !hint.is_empty());
        let (place, pointer) = (spot.place, spot.pointer.clone());
        self.0.borrow_mut().push(Problem { place, pointer, message: message.into(), hint });
    }

    /// All of them, in the order of the text.
    pub(crate) fn sorted(self) -> Vec<Problem> {
        let mut problems = self.0.into_inner();
        problems.sort();
        problems
    }
}

/// Where a field stands, in the text and in the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Spot {
    pub(crate) place: Place,
    pub(crate) pointer: String,
}

impl Spot {
    fn field(&self, name: &str, place: Place) -> Self {
        let name = name.replace('~', "~0").replace('/', "~1");
        Self { place, pointer: format!("{}/{name}", self.pointer) }
    }
}

/// A value that was read, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct At<T> {
    pub(crate) value: T,
    pub(crate) spot: Spot,
}

/// A map that is being read. What nobody asked for is a problem when it is closed.
pub(crate) struct Object<'a> {
    pub(crate) spot: Spot,
    entries: Vec<(&'a str, Place, &'a Node)>,
    asked: Vec<&'static str>,
    problems: &'a Problems,
}

impl<'a> Object<'a> {
    pub(crate) fn root(node: &'a Node, problems: &'a Problems) -> Self {
        Self::open(Spot { place: node.place, pointer: String::new() }, Some(node), problems)
    }

    fn open(spot: Spot, node: Option<&'a Node>, problems: &'a Problems) -> Self {
        let entries = match node.map(|node| &node.value) {
            Some(Value::Map(entries)) => {
                entries.iter().map(|(key, node)| (&*key.name, key.place, node)).collect()
            }
            Some(value) => {
                problems.add(&spot, format!("is {}, and ought to be a map", what(value)), "");
                Vec::new()
            }
            None => Vec::new(),
        };
        Self { spot, entries, asked: Vec::new(), problems }
    }

    /// What stands under `name`, unless nothing or a null does.
    pub(crate) fn node(&mut self, name: &'static str) -> Option<At<&'a Node>> {
        if !self.asked.contains(&name) {
            self.asked.push(name);
        }
        let (_, place, node) = *self.entries.iter().find(|(key, ..)| *key == name)?;
        let is_null = matches!(&node.value, Value::Plain(text) if is_null(text));
        let place = if is_null { place } else { node.place };
        (!is_null).then(|| At { value: node, spot: self.spot.field(name, place) })
    }

    /// Where `name` stands or would stand.
    pub(crate) fn spot_of(&self, name: &str) -> Spot {
        let key = self.entries.iter().find(|(key, ..)| *key == name);
        self.spot.field(name, key.map_or(self.spot.place, |(_, place, _)| *place))
    }

    /// The map under `name`; an empty one when there is none.
    pub(crate) fn object(&mut self, name: &'static str) -> Self {
        match self.node(name) {
            Some(At { value, spot }) => Self::open(spot, Some(value), self.problems),
            None => Self::open(self.spot_of(name), None, self.problems),
        }
    }

    /// The text under `name`, unless there is none or it is wrong, which is a problem. `hint` says
    /// what to type.
    pub(crate) fn text<T: FromStr<Err = String>>(
        &mut self,
        name: &'static str,
        hint: &str,
    ) -> Option<At<T>> {
        let At { value, spot } = self.node(name)?;
        let parsed = match &value.value {
            Value::Plain(text) if is_number_or_bool(text) => {
                Err(format!("{} is a number or a truth value, and ought to be a text", shown(text)))
            }
            Value::Plain(text) | Value::Quoted(text) => text.parse(),
            other => Err(format!("is {}, and ought to be a text", what(other))),
        };
        match parsed {
            Ok(value) => Some(At { value, spot }),
            Err(why) => {
                self.problems.add(&spot, why, hint);
                None
            }
        }
    }

    /// As [`Self::text`]; that there is none is a problem as well.
    pub(crate) fn required<T: FromStr<Err = String>>(
        &mut self,
        name: &'static str,
        hint: &str,
    ) -> Option<At<T>> {
        let read = self.text(name, hint);
        if self.node(name).is_none() {
            self.problems.add(&self.spot_of(name), format!("`{name}` is missing"), hint);
        }
        read
    }

    /// The whole number under `name`, unless there is none or it is out of `range`.
    pub(crate) fn number(
        &mut self,
        name: &'static str,
        range: std::ops::RangeInclusive<u32>,
        why: &str,
    ) -> Option<At<u32>> {
        let At { value, spot } = self.node(name)?;
        let number = match &value.value {
            Value::Plain(text) => text.parse().ok().filter(|number| range.contains(number)),
            _ => None,
        };
        if number.is_none() {
            let (least, most) = (range.start(), range.end());
            let message = format!("is not a whole number from {least} to {most}: {why}");
            self.problems.add(&spot, message, format!("write a number such as `{name}: 60`"));
        }
        number.map(|value| At { value, spot })
    }

    /// Whether anything stands here at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Says which fields nobody asked for.
    pub(crate) fn close(self) {
        let known = |name: &str| self.asked.contains(&name);
        for (name, place, _) in self.entries.iter().filter(|(name, ..)| !known(name)) {
            let message = format!("{} is not a field of this document", shown(name));
            let hint = format!("here go {}", self.asked.join(", "));
            self.problems.add(&self.spot.field(name, *place), message, hint);
        }
    }
}

fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

/// By the core schema of YAML 1.2 (§10.3.2), as far as a text may be taken for something else.
fn is_number_or_bool(text: &str) -> bool {
    let word = matches!(text, "true" | "True" | "TRUE" | "false" | "False" | "FALSE");
    word || (text.parse::<f64>().is_ok() && text.contains(|c: char| c.is_ascii_digit()))
}

fn what(value: &Value) -> &'static str {
    match value {
        Value::Plain(_) | Value::Quoted(_) => "a single value",
        Value::List => "a list",
        Value::Map(_) => "a map",
    }
}
