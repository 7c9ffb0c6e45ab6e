//! A document as a tree in which every value knows where it stands in the text.

use std::ops::Range;

/// How deep a document may be nested; deeper ones are not understood.
pub(super) const DEPTH: usize = 64;

/// A value that is text or looks like it.
#[derive(Debug, Clone)]
pub(super) struct Scalar {
    /// What it says, without quotes and escapes.
    pub(super) text: String,
    /// Its bytes in the document.
    pub(super) span: Range<usize>,
}

/// A value.
#[derive(Debug, Clone)]
pub(super) enum Node {
    Scalar(Scalar),
    List(Vec<Self>),
    Map(Vec<(Self, Self)>),
    /// Another name of a value that stands elsewhere, and what that says if it is a scalar.
    Alias(Range<usize>, Option<String>),
}

/// A node without its place, for comparing what two texts say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    Text(String),
    Open(char),
    Close,
}

impl Node {
    pub(super) fn scalar(text: impl Into<String>, span: Range<usize>) -> Self {
        Self::Scalar(Scalar { text: text.into(), span })
    }

    pub(super) const fn as_scalar(&self) -> Option<&Scalar> {
        if let Self::Scalar(scalar) = self { Some(scalar) } else { None }
    }

    /// What the tree says, when the scalar at a place says what `reword` makes of it.
    pub(super) fn tokens(&self, reword: &dyn Fn(&Scalar) -> String, into: &mut Vec<Token>) {
        match self {
            Self::Scalar(scalar) => into.push(Token::Text(reword(scalar))),
            Self::List(items) => {
                into.push(Token::Open('['));
                items.iter().for_each(|item| item.tokens(reword, into));
                into.push(Token::Close);
            }
            Self::Map(entries) => {
                into.push(Token::Open('{'));
                for (key, value) in entries {
                    key.tokens(reword, into);
                    value.tokens(reword, into);
                }
                into.push(Token::Close);
            }
            // What it says changes where it stands, and is compared there.
            Self::Alias(..) => into.push(Token::Open('*')),
        }
    }
}
