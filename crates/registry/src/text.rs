//! Foreign text in messages: bounded, with control characters made visible.

/// At most so many characters of a foreign text are shown.
const MOST: usize = 120;

/// `text` in backticks.
pub(crate) fn shown(text: &str) -> String {
    format!("`{}`", told(text))
}

/// `text` as it may stand in a sentence.
pub(crate) fn told(text: &str) -> String {
    let short: String = text.chars().take(MOST).flat_map(char::escape_debug).collect();
    if text.chars().nth(MOST).is_some() { format!("{short}…") } else { short }
}
