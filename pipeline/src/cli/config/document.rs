//! TOML text into entries with their lines.
//!
//! Does not own: which keys there are, and what their values mean.

use toml::de::{DeTable, DeValue};

/// A key with its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// The table with its dots; empty at the top of the file.
    pub(super) table: String,
    pub(super) key: String,
    pub(super) value: Value,
    pub(super) line: usize,
}

/// A value in the words of its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    /// A number, or a date or time without quotes.
    Number(String),
    Switch(bool),
    List(Vec<String>),
    /// A list with other things than texts and numbers in it.
    Nested,
}

/// The tables and entries of a file, in the order of the file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Document {
    pub(super) tables: Vec<(String, usize)>,
    pub(super) entries: Vec<Entry>,
}

/// Text that is not TOML. The text itself is not repeated: it may hold a secret.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SyntaxError {
    pub(super) line: usize,
    pub(super) cause: String,
}

impl Document {
    pub(super) fn parse(text: &str) -> Result<Self, SyntaxError> {
        let root = DeTable::parse(text).map_err(|error| SyntaxError {
            line: line(text, error.span().unwrap_or_default().start),
            cause: cause(error.message()),
        })?;
        let mut document = Self::default();
        document.add(text, "", root.get_ref());
        document.tables.sort_by_key(|(_, line)| *line);
        document.entries.sort_by_key(|entry| entry.line);
        Ok(document)
    }

    fn add(&mut self, text: &str, table: &str, content: &DeTable<'_>) {
        for (key, value) in content {
            let (name, line) = (key.get_ref().to_string(), line(text, key.span().start));
            if let DeValue::Table(below) = value.get_ref() {
                let below_name = super::settings::table_below(table, &name);
                self.tables.push((below_name.clone(), line));
                self.add(text, &below_name, below);
            } else {
                let value = read(value.get_ref());
                self.entries.push(Entry { table: table.to_owned(), key: name, value, line });
            }
        }
    }
}

fn read(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(number) => Value::Number(number.to_string()),
        DeValue::Float(number) => Value::Number(number.to_string()),
        DeValue::Datetime(time) => Value::Number(time.to_string()),
        DeValue::Boolean(on) => Value::Switch(*on),
        DeValue::Array(values) => {
            let text = |value: &DeValue<'_>| match read(value) {
                Value::Text(text) | Value::Number(text) => Some(text),
                Value::Switch(_) | Value::List(_) | Value::Nested => None,
            };
            let texts = values.iter().map(|value| text(value.get_ref())).collect();
            Option::map_or(texts, Value::Nested, Value::List)
        }
        DeValue::Table(_) => Value::Nested,
    }
}

/// The line of a byte, from 1.
fn line(text: &str, at: usize) -> usize {
    1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count()
}

/// The parser's message as one line.
fn cause(message: &str) -> String {
    message.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_have_their_table_and_line() {
        let text = "lake = \"x\"\n\n[run]\nlanes = 3\nfrom = 2026-11-22T08:00:00Z\n[schema.show]\nlake = 'y'\n\
                    [hub]\ntls = true\ntls_name = [\"a\", 2]\nfaults = [[1]]\n";
        let document = Document::parse(text).unwrap();
        let entries: Vec<_> = document
            .entries
            .iter()
            .map(|entry| (entry.table.as_str(), entry.key.as_str(), entry.value.clone(), entry.line))
            .collect();
        let list = vec!["a".to_owned(), "2".to_owned()];
        assert_eq!(
            entries,
            [
                ("", "lake", Value::Text("x".to_owned()), 1),
                ("run", "lanes", Value::Number("3".to_owned()), 4),
                ("run", "from", Value::Number("2026-11-22T08:00:00Z".to_owned()), 5),
                ("schema.show", "lake", Value::Text("y".to_owned()), 7),
                ("hub", "tls", Value::Switch(true), 9),
                ("hub", "tls_name", Value::List(list), 10),
                ("hub", "faults", Value::Nested, 11),
            ]
        );
        let tables: Vec<_> = document.tables.iter().map(|(table, _)| table.as_str()).collect();
        assert_eq!(tables, ["run", "schema", "schema.show", "hub"]);
    }

    #[test]
    fn syntax_errors_name_their_line_and_not_their_text() {
        for (text, at) in [("a = 1\nb = SECRET\n", 2), ("a = \"SECRET\n", 1), ("a = 1\na = \"SECRET\"\n", 2)]
        {
            let error = Document::parse(text).unwrap_err();
            assert_eq!(error.line, at, "{error:?}");
            assert!(!error.cause.contains("SECRET") && !error.cause.is_empty(), "{error:?}");
        }
    }
}
