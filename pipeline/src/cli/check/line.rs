//! The result of one check, as text and as JSON.
//!
//! Does not own: the order of the lines, or the texts of errors.

use serde::Serialize;

use crate::cli::exit::Exit;
use crate::cli::text::{causes, escaped, masked};

/// One line of the report.
#[derive(Debug)]
pub(super) struct Line {
    check: String,
    outcome: Outcome,
}

/// The result of a check.
#[derive(Debug)]
pub(super) enum Outcome {
    /// A run finds what it needs; with the name of what was found.
    Ok(String),
    /// A run works, and an operator should know.
    Note(String),
    /// A run fails with this error.
    Failed(anyhow::Error),
    /// It was not tried, for this reason.
    Skipped(String),
}

/// The line for programs.
#[derive(Debug, Serialize)]
pub(super) struct JsonLine<'a> {
    check: &'a str,
    result: &'static str,
    detail: String,
}

impl Line {
    pub(super) fn new(check: impl Into<String>, outcome: Outcome) -> Self {
        Self { check: check.into(), outcome }
    }

    pub(super) fn text(&self) -> String {
        format!("{:<8} {:<22} {}\n", self.outcome.name(), self.check, self.outcome.detail())
    }

    pub(super) fn json(&self) -> JsonLine<'_> {
        JsonLine { check: &self.check, result: self.outcome.name(), detail: self.outcome.detail() }
    }

    /// The exit code of a failed check.
    pub(super) fn exit(&self) -> Option<Exit> {
        match &self.outcome {
            Outcome::Failed(error) => Some(Exit::of(error)),
            Outcome::Ok(_) | Outcome::Note(_) | Outcome::Skipped(_) => None,
        }
    }
}

impl Outcome {
    pub(super) fn failed(error: impl Into<anyhow::Error>) -> Self {
        Self::Failed(error.into())
    }

    /// Skipped, because an earlier check failed.
    pub(super) fn needs(check: &str) -> Self {
        Self::Skipped(format!("needs {check}"))
    }

    /// Skipped, because the command was interrupted.
    pub(super) fn interrupted() -> Self {
        Self::Skipped("interrupted".to_owned())
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Ok(_) => "ok",
            Self::Note(_) => "note",
            Self::Failed(_) => "failed",
            Self::Skipped(_) => "skipped",
        }
    }

    fn detail(&self) -> String {
        match self {
            Self::Ok(text) | Self::Note(text) | Self::Skipped(text) => escaped(&masked(text)).into_owned(),
            Self::Failed(error) => causes(error.as_ref()),
        }
    }
}
