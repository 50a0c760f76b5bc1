//! SQL as text: names, literals, comments, patterns of files.
//!
//! Does not own: what is said with them.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt::Write;

use crate::cli::text::{escaped, shown};

/// View names, unique as DuckDB compares them: ignoring case.
#[derive(Debug, Default)]
pub(super) struct Names(BTreeSet<String>);

impl Names {
    /// The name that is wanted, or one like it if that is taken or would do something to a terminal.
    pub(super) fn take(&mut self, wanted: &str) -> String {
        let mut name = shown(wanted).into_owned();
        while !self.0.insert(name.to_lowercase()) {
            name.push('_');
        }
        name
    }
}

/// Begins a view and says above it what it is.
pub(super) fn statement(out: &mut String, view: &str, what: &str) {
    let _ = write!(out, "\n-- {}: {what}.\nCREATE OR REPLACE VIEW {} AS\n", one_line(view), identifier(view));
}

pub(super) fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Text for a comment: it must not end the line.
pub(super) fn one_line(text: &str) -> Cow<'_, str> {
    escaped(text)
}

/// A path that a glob takes as it is.
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
