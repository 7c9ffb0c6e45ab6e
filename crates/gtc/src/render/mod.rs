//! Results for people: the same facts as the JSON, as lists and tables.

mod cell;
mod columns;
mod tree;

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use deploy_spec::Fault;
use unicode_width::UnicodeWidthStr as _;

use cell::{cell, style, visible, words};
use tree::{Fields, Tree};

const HEAD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();

/// A result, given as JSON: its plain fields first, then a table for each list.
pub(crate) fn table(result: &str) -> String {
    let result = Tree::read(result);
    let Tree::Map(map) = &result else { return format!("{}\n", cell("", &result)) };
    let mut text = String::new();
    fields(&mut text, map, 0);
    for (name, value) in &map.0 {
        if let Some(lines) = lines(value) {
            let _ = writeln!(text, "{HEAD}{}{HEAD:#}", words(name));
            lines.iter().for_each(|line| _ = writeln!(text, "{}", visible(line)));
        } else if let Some(rows) = rows(value) {
            list(&mut text, name, rows);
        }
    }
    text
}

fn rows(value: &Tree) -> Option<&[Tree]> {
    let Tree::List(items) = value else { return None };
    items.iter().all(|item| matches!(item, Tree::Map(_))).then_some(items)
}

/// Texts that are too long for one line together.
fn lines(value: &Tree) -> Option<Vec<&str>> {
    let lines: Vec<&str> = value.list().iter().filter_map(Tree::text).collect();
    let is_long = lines.iter().any(|line| line.contains(' '));
    (is_long && lines.len() == value.list().len()).then_some(lines)
}

fn fields(text: &mut String, map: &Fields, depth: usize) {
    let is_plain =
        |value: &Tree| one_line(value) && rows(value).is_none() && lines(value).is_none();
    let plain = map.0.iter().filter(|(_, value)| is_plain(value));
    let width = plain.map(|(name, _)| words(name).width()).max().unwrap_or(0);
    let indent = "  ".repeat(depth);
    for (name, value) in &map.0 {
        if name == "schema" || rows(value).is_some() || lines(value).is_some() {
            continue;
        }
        match value {
            Tree::Map(inner) if inner.0.is_empty() => {}
            Tree::Map(inner) if !one_line(value) => {
                let _ = writeln!(text, "{indent}{HEAD}{}{HEAD:#}", words(name));
                fields(text, inner, depth + 1);
            }
            plain => {
                let (label, shown) = (words(name), member(map, name, plain));
                let style = style(name, &shown);
                let _ =
                    writeln!(text, "{indent}{DIM}{label:width$}{DIM:#}  {style}{shown}{style:#}");
            }
        }
    }
}

/// A field of an object. A sequence is `r3` only where it is a revision's.
fn member(map: &Fields, name: &str, value: &Tree) -> String {
    let is_other = name == "sequence" && !map.has("revision_id");
    cell(if is_other { "" } else { name }, value)
}

fn of_row(row: &Tree, name: &str) -> String {
    match row {
        Tree::Map(map) => member(map, name, row.field(name)),
        _ => cell(name, row.field(name)),
    }
}

/// Whether a value is shown behind its name: everything but an object that has no short form.
fn one_line(value: &Tree) -> bool {
    let Tree::Map(fields) = value else { return true };
    ["path_prefixes", "user", "weight_bps", "slots"].iter().any(|name| fields.has(name))
}

/// A table: a title, the columns' titles, a line for each row.
fn list(text: &mut String, name: &str, rows: &[Tree]) {
    if !text.is_empty() {
        text.push('\n');
    }
    let _ = writeln!(text, "{HEAD}{}{HEAD:#}", words(name));
    if rows.is_empty() {
        let _ = writeln!(text, "{DIM}none{DIM:#}");
        return;
    }
    let columns = shown_columns(name, rows);
    let lines: Vec<Vec<String>> = rows
        .iter()
        .map(|row| columns.iter().map(|(field, _)| of_row(row, field)).collect())
        .collect();
    let width = |i: usize, title: &str| {
        lines.iter().map(|line| line[i].width()).max().unwrap_or(0).max(title.width())
    };
    let widths: Vec<usize> =
        columns.iter().enumerate().map(|(i, (_, title))| width(i, title)).collect();
    let titles = columns.iter().map(|(_, title)| (title.clone(), DIM));
    line(text, titles, &widths);
    for cells in lines {
        let styled = cells.into_iter().zip(&columns).map(|(shown, (field, _))| {
            let style = style(field, &shown);
            (shown, style)
        });
        line(text, styled, &widths);
    }
}

fn line(text: &mut String, cells: impl Iterator<Item = (String, Style)>, widths: &[usize]) {
    let mut gap = 0;
    for ((shown, style), width) in cells.zip(widths) {
        let _ = write!(text, "{:gap$}{style}{shown}{style:#}", "");
        gap = width.saturating_sub(shown.width()) + 2;
    }
    text.push('\n');
}

/// The columns in which some row says something.
fn shown_columns<'a>(name: &str, rows: &'a [Tree]) -> Vec<(&'a str, String)> {
    let says = |field: &str| rows.iter().any(|row| row.field(field).says_something());
    if let Some(columns) = columns::of(name) {
        let columns = columns.iter().filter(|(field, _)| says(field));
        return columns.map(|(field, title)| (*field, (*title).to_owned())).collect();
    }
    let mut found: Vec<(&str, String)> = Vec::new();
    let fields = rows.iter().flat_map(|row| match row {
        Tree::Map(fields) => &fields.0[..],
        _ => &[],
    });
    for (field, _) in fields {
        if field != "schema"
            && says(field)
            && !found.iter().any(|(known, _)| *known == field.as_str())
        {
            found.push((field, words(field)));
        }
    }
    found
}

/// A failure: what, why, and what to type next.
pub(crate) fn fault(fault: &Fault) -> String {
    let red = AnsiColor::Red.on_default().bold();
    let message: Vec<String> = fault.message.lines().map(visible).collect();
    let mut text = format!("{red}{}{red:#}: {}\n", fault.kind, message.join("\n"));
    // A message of several lines has told all that is wrong, and where.
    let is_told = |name: &str| message.len() > 1 && ["pointer", "problems"].contains(&name);
    for (name, value) in fault.details.iter().filter(|(name, _)| !is_told(name)) {
        let value = Tree::read(&value.to_string());
        match (rows(&value), lines(&value)) {
            (Some(rows), _) if !rows.is_empty() => list(&mut text, name, rows),
            (_, Some(lines)) => {
                let _ = writeln!(text, "  {DIM}{}{DIM:#}", words(name));
                lines.iter().for_each(|line| _ = writeln!(text, "    {}", visible(line)));
            }
            _ => {
                let _ = writeln!(text, "  {DIM}{}{DIM:#}  {}", words(name), cell(name, &value));
            }
        }
    }
    if let Some(hint) = &fault.hint {
        let cyan = AnsiColor::Cyan.on_default();
        let _ = writeln!(text, "  {cyan}try{cyan:#}  {}", visible(hint));
    }
    text
}
