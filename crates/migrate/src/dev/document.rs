//! What a document says of `dev`, and the text that says `local` instead.
//!
//! A value is changed where it stands and nowhere else. The new text is read again, and must say
//! what the old one says but for these values: what cannot be changed so is left.

use std::collections::BTreeMap;
use std::ops::Range;

use control::env::DevUse;

use super::names::{self, is_environment_field};
use super::tree::{Node, Scalar, Token};
use super::{json, toml, yaml};

/// How a document is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Json,
    Yaml,
    Toml,
}

/// A use of the name in a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Use {
    pub(super) kind: DevUse,
    /// Its bytes in the text.
    pub(super) span: Range<usize>,
    /// Why it cannot be rewritten; none when it can.
    pub(super) why: Option<&'static str>,
}

impl Format {
    /// The format by the ending of a file's name.
    pub(super) fn of(name: &str) -> Option<Self> {
        match name.rsplit_once('.')?.1 {
            "json" => Some(Self::Json),
            "yaml" | "yml" => Some(Self::Yaml),
            "toml" => Some(Self::Toml),
            _ => None,
        }
    }

    fn parse(self, text: &str) -> Result<Vec<Node>, String> {
        match self {
            Self::Json => json::parse(text).map(|node| vec![node]),
            Self::Yaml => yaml::parse(text),
            Self::Toml => toml::parse(text).map(|node| vec![node]),
        }
    }
}

/// The uses of the name in a document, in the order of the text, and the text that does without
/// those that can be rewritten.
///
/// # Errors
/// Why it is no document of this format.
pub(super) fn examine(
    format: Format,
    text: &str,
    to: &str,
) -> Result<(Vec<Use>, Option<String>), String> {
    let trees = format.parse(text)?;
    let mut found = Found { text, to, uses: Vec::new(), edits: BTreeMap::new() };
    trees.iter().for_each(|tree| found.node(tree, None));
    let Found { mut uses, edits, .. } = found;
    uses.sort_by_key(|found| (found.span.start, found.span.end));
    if edits.is_empty() {
        return Ok((uses, None));
    }
    let new = apply(text, &edits);
    let says_the_rest = format.parse(&new).is_ok_and(|after| {
        let reword = |scalar: &Scalar| {
            edits.get(&scalar.span.start).map_or(&scalar.text, |edit| &edit.says).clone()
        };
        says(&trees, &reword) == says(&after, &|scalar| scalar.text.clone())
    });
    if says_the_rest {
        return Ok((uses, Some(new)));
    }
    for found in &mut uses {
        found.why.get_or_insert("it is written in a way that cannot be changed by itself");
    }
    Ok((uses, None))
}

fn says(trees: &[Node], reword: &dyn Fn(&Scalar) -> String) -> Vec<Token> {
    let mut tokens = Vec::new();
    trees.iter().for_each(|tree| tree.tokens(reword, &mut tokens));
    tokens
}

/// What is to stand in place of a value.
struct Edit {
    span: Range<usize>,
    raw: String,
    says: String,
}

fn apply(text: &str, edits: &BTreeMap<usize, Edit>) -> String {
    let mut new = String::with_capacity(text.len() + edits.len() * 4);
    let mut at = 0;
    for edit in edits.values() {
        new.push_str(&text[at..edit.span.start]);
        new.push_str(&edit.raw);
        at = edit.span.end;
    }
    new.push_str(&text[at..]);
    new
}

struct Found<'a> {
    text: &'a str,
    to: &'a str,
    uses: Vec<Use>,
    edits: BTreeMap<usize, Edit>,
}

impl Found<'_> {
    /// Looks at a value that stands under `field`.
    fn node(&mut self, node: &Node, field: Option<&str>) {
        match node {
            Node::Scalar(scalar) => self.scalar(scalar, field),
            Node::Alias(span, says) => {
                let is_use =
                    field.is_some_and(is_environment_field) && says.as_deref() == Some(names::DEV);
                if is_use {
                    let why = Some("it is another name of a value that stands elsewhere");
                    self.uses.push(Use { kind: DevUse::Field, span: span.clone(), why });
                }
            }
            Node::List(items) => self.list(items, field),
            Node::Map(entries) => self.map(entries, field),
        }
    }

    fn list(&mut self, items: &[Node], field: Option<&str>) {
        let says = |item: &Node, what: &str| item.as_scalar().is_some_and(|s| s.text == what);
        let has_both = items.iter().any(|item| says(item, self.to));
        for item in items {
            match item.as_scalar() {
                Some(scalar)
                    if has_both
                        && scalar.text == names::DEV
                        && field.is_some_and(is_environment_field) =>
                {
                    let why = Some("the list names both environments");
                    self.uses.push(Use { kind: DevUse::Field, span: scalar.span.clone(), why });
                }
                _ => self.node(item, field),
            }
        }
    }

    fn map(&mut self, entries: &[(Node, Node)], field: Option<&str>) {
        let variable = variable_of(entries);
        for (key, value) in entries {
            let name = key.as_scalar().map(|key| key.text.as_str());
            if let Some(key) = key.as_scalar() {
                let names_it = names::has_reference(&key.text)
                    || (key.text == names::DEV && field.is_some_and(is_environment_field));
                if names_it {
                    let why = Some("it is the name of an entry, by which others may ask for it");
                    self.uses.push(Use { kind: DevUse::Key, span: key.span.clone(), why });
                }
            }
            let field = if name == Some("value") { variable.or(name) } else { name };
            self.node(value, field);
        }
    }

    fn scalar(&mut self, scalar: &Scalar, field: Option<&str>) {
        let raw = &self.text[scalar.span.clone()];
        let is_field = scalar.text == names::DEV && field.is_some_and(is_environment_field);
        let (kind, new, says) = if is_field {
            let once = raw.matches(names::DEV).count() == 1;
            let new = once.then(|| raw.replacen(names::DEV, self.to, 1));
            (DevUse::Field, new, self.to.to_owned())
        } else if names::has_reference(&scalar.text) {
            let new = names::rewrite_references(raw, self.to);
            let new = (new != raw).then_some(new);
            (DevUse::Reference, new, names::rewrite_references(&scalar.text, self.to))
        } else {
            return;
        };
        let why = match new {
            Some(_) => None,
            None => Some("it is written in an unusual way"),
        };
        self.uses.push(Use { kind, span: scalar.span.clone(), why });
        if let Some(raw) = new {
            let edit = Edit { span: scalar.span.clone(), raw, says };
            self.edits.insert(scalar.span.start, edit);
        }
    }
}

/// The name of the variable that a `{name: …, value: …}` sets, as containers are given theirs.
fn variable_of(entries: &[(Node, Node)]) -> Option<&str> {
    let named = |(key, _): &&(Node, Node)| key.as_scalar().is_some_and(|key| key.text == "name");
    let (_, value) = entries.iter().find(named)?;
    Some(value.as_scalar()?.text.as_str()).filter(|name| *name == names::VARIABLE)
}
