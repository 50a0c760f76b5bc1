//! From attribute names to column names, unique ignoring case.
//!
//! Does not own: table folders (`catchwater_sinks::lake`).

use std::borrow::Cow;

use super::fixed::{FixedColumn, LEADING, event_column};

/// Prefix of a column whose attribute's name can't be a column's.
const PREFIX: &str = "attr$";

/// The folder level that DuckDB shows as a column.
const PARTITION_COLUMN: &str = "enqueued_date";

/// The column of an attribute: its logical name, unless that is the name of a column of ours or has unusual characters.
pub(super) fn column_name(attribute: &str) -> Cow<'_, str> {
    if attribute.bytes().all(is_plain) && !is_ours(attribute) && !attribute.is_empty() {
        return Cow::Borrowed(attribute);
    }
    let mut name = String::from(PREFIX);
    for byte in attribute.bytes() {
        if is_plain(byte) {
            name.push(char::from(byte));
        } else {
            name.push('%');
            name.push(char::from(b"0123456789ABCDEF"[usize::from(byte >> 4)]));
            name.push(char::from(b"0123456789ABCDEF"[usize::from(byte & 0xf)]));
        }
    }
    Cow::Owned(name)
}

/// The attribute of a column: what `column_name` was given.
pub fn attribute_name(column: &str) -> Cow<'_, str> {
    let Some(encoded) = column.strip_prefix(PREFIX) else { return Cow::Borrowed(column) };
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded;
    while let Some(at) = rest.find('%') {
        let digits = rest.get(at + 1..at + 3).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        let Some(byte) = digits else { break };
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        bytes.push(byte);
        rest = &rest[at + 3..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

fn is_plain(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_')
}

fn is_ours(name: &str) -> bool {
    let leading = |(column, _): &FixedColumn| column.eq_ignore_ascii_case(name);
    name.starts_with('_') || name == PARTITION_COLUMN || event_column::ALL[..LEADING].iter().any(leading)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attribute_names_round_trip() {
        for (attribute, column) in [
            ("name", "name"),
            ("new_x2", "new_x2"),
            ("id", "attr$id"),
            ("Id", "attr$%49d"),
            ("isdelete", "attr$isdelete"),
            ("sinkmodifiedon", "attr$sinkmodifiedon"),
            ("enqueued_date", "attr$enqueued_date"),
            ("_rest", "attr$_rest"),
            ("_mine", "attr$_mine"),
            ("Name", "attr$%4Eame"),
            ("a.b c", "attr$a%2Eb%20c"),
            ("attr$x", "attr$attr%24x"),
            ("größe", "attr$gr%C3%B6%C3%9Fe"),
            ("", "attr$"),
        ] {
            assert_eq!(column_name(attribute), column, "{attribute}");
            assert_eq!(attribute_name(column), attribute, "{column}");
        }
    }
}
