//! SQL as text: names, literals, comments, patterns of files.
//!
//! Does not own: the statements that use them.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt::Write;

use crate::cli::text::{escaped, shown};

/// View names, unique as DuckDB compares them: ignoring case.
#[derive(Debug, Default)]
pub(super) struct Names(BTreeSet<String>);

impl Names {
    /// Reserves a name: the wanted one with control characters escaped, and with `_` appended until it is free.
    pub(super) fn take(&mut self, wanted: &str) -> String {
        let mut name = shown(wanted).into_owned();
        while !self.0.insert(name.to_lowercase()) {
            name.push('_');
        }
        name
    }
}

/// Begins a view, with a comment above it.
pub(super) fn statement(out: &mut String, view: &str, what: &str) {
    let _ = write!(out, "\n-- {}: {what}.\nCREATE OR REPLACE VIEW {} AS\n", one_line(view), identifier(view));
}

/// A quoted identifier.
pub(super) fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A quoted string.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Text for a comment, which must not end the line.
pub(super) fn one_line(text: &str) -> Cow<'_, str> {
    escaped(text)
}

/// A path as a glob that matches only itself.
pub(super) fn escape_glob(path: &str) -> String {
    let mut escaped = String::with_capacity(path.len());
    for character in path.chars() {
        match character {
            '*' | '?' | '[' => {
                let _ = write!(escaped, "[{character}]");
            }
            _ => escaped.push(character),
        }
    }
    escaped
}
