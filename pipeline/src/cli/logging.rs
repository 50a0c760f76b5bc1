//! Log lines on standard error; the variable `CATCHWATER_LOG` filters them.
//!
//! Owns three rules: logging can't fail a command, an error is shown with its causes, and names from bodies are
//! escaped. Does not own what is logged.

use std::error::Error;
use std::fmt;
use std::io::{self, IsTerminal};

use tracing::field::{Field, Visit};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::Writer;

use super::exit::Usage;
use super::output::write_log;
use super::text::{causes, escaped, masked};

/// Starts logging, with this filter unless `CATCHWATER_LOG` sets one.
///
/// # Errors
/// `CATCHWATER_LOG` is not a filter.
pub(super) fn start(default_filter: &str) -> anyhow::Result<()> {
    let logging = tracing_subscriber::fmt()
        .with_env_filter(filter(default_filter)?)
        .with_writer(|| Lines)
        .with_ansi(io::stderr().is_terminal())
        .with_target(false)
        .fmt_fields(Fields)
        // tracing reports its own errors by `eprintln!`, which panics when standard error is closed.
        .log_internal_errors(false)
        .finish();
    // It fails only if a test has started logging before.
    let _ = tracing::subscriber::set_global_default(logging);
    Ok(())
}

/// The filter in `CATCHWATER_LOG`; the default where it is unset or empty.
fn filter(default: &str) -> anyhow::Result<EnvFilter> {
    let text = match std::env::var(VARIABLE) {
        Ok(text) if !text.is_empty() => text,
        Ok(_) | Err(std::env::VarError::NotPresent) => default.to_owned(),
        Err(std::env::VarError::NotUnicode(_)) => return Err(unreadable("it is not Unicode")),
    };
    EnvFilter::try_new(text).map_err(|error| unreadable(&error.to_string()))
}

fn unreadable(why: &str) -> anyhow::Error {
    Usage(format!(
        "{VARIABLE} can't be read: {why}; write a level (info), or levels by module (warn,catchwater=debug)"
    ))
    .into()
}

const VARIABLE: &str = "CATCHWATER_LOG";

/// Standard error as a writer that never fails.
struct Lines;

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        write_log(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes fields as `message key=value key="text"`, errors with their causes.
struct Fields;

impl<'writer> FormatFields<'writer> for Fields {
    fn format_fields<R: RecordFields>(&self, out: Writer<'writer>, fields: R) -> fmt::Result {
        let mut line = Line { out, is_empty: true, written: Ok(()) };
        fields.record(&mut line);
        line.written
    }
}

struct Line<'writer> {
    out: Writer<'writer>,
    is_empty: bool,
    written: fmt::Result,
}

impl Line<'_> {
    fn write(&mut self, field: &Field, value: &str) {
        let space = if std::mem::take(&mut self.is_empty) { "" } else { " " };
        let value = masked(value);
        let value = escaped(&value);
        self.written = self.written.and_then(|()| match field.name() {
            "message" => write!(self.out, "{space}{value}"),
            name if self.out.has_ansi_escapes() => {
                write!(self.out, "{space}\u{1b}[2m{name}=\u{1b}[0m{value}")
            }
            name => write!(self.out, "{space}{name}={value}"),
        });
    }
}

impl Visit for Line<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.write(field, &format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        // The message is a sentence; every other text is a quoted value.
        if field.name() == "message" { self.write(field, value) } else { self.record_debug(field, &value) }
    }

    fn record_error(&mut self, field: &Field, error: &(dyn Error + 'static)) {
        self.write(field, &causes(error));
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex, PoisonError};

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn line_has_keys_causes_and_escaped_names() {
        let kept = Kept::default();
        let writer = kept.clone();
        let logging = tracing_subscriber::fmt()
            .without_time()
            .with_ansi(false)
            .with_target(false)
            .with_writer(move || writer.clone())
            .fmt_fields(Fields)
            .finish();
        let name = "a\u{1b}[2J\nb\u{202e}";
        let error =
            anyhow::Error::from(io::Error::other("disk full")).context("put a file").context("partition 1");
        tracing::subscriber::with_default(logging, || {
            let error: &(dyn Error + 'static) = error.as_ref();
            tracing::warn!(error, table = %name, other = name, rows = 3, "table {name} is unknown");
        });
        let text = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
        assert_eq!(
            text,
            " WARN table a\\u{1b}[2J\\nb\\u{202e} is unknown error=partition 1: put a file: disk full \
             table=a\\u{1b}[2J\\nb\\u{202e} other=\"a\\u{1b}[2J\\nb\\u{202e}\" rows=3\n"
        );
    }
}
