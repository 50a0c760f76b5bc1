//! Warnings about column types while they can still be chosen: a column keeps its first type.
//!
//! Does not own: when a warning is due, and that it comes once (`schemas`).

use std::collections::BTreeMap;

/// New columns that metadata does not state. `has_metadata` is true if it states others of the table.
pub(super) fn typed_from_values(table: &str, columns: &BTreeMap<String, String>, has_metadata: bool) {
    let of = |is_wanted: fn(&str) -> bool| {
        let names: Vec<&str> =
            columns.iter().filter(|(_, of)| is_wanted(of)).map(|(name, _)| name.as_str()).collect();
        listed(&names)
    };
    let (numbers, dates) = (of(|of| of == "number"), of(|of| of == "datetime"));
    let others = of(|of| of != "number" && of != "datetime");
    let whose = if has_metadata { " and not by the metadata" } else { "" };
    tracing::warn!(
        "table {table}: these columns are typed from values{whose}, and keep their types for ever. Numbers are DECIMAL(38,12), \
         integers too: {numbers}. Dates are instants, days too: {dates}. Others: {others}. For integers, doubles and days pull \
         table metadata before a lake's first run and give it to `run --schema`; `catchwater schema --help` says how"
    );
}

/// A column of the lake that does not hold all values of the type that metadata states.
pub(super) fn contradicted(table: &str, column: &str, lake: &str, stated: &str) {
    tracing::warn!(
        "table {table}: column {column} is {lake} in the lake and {stated} by the metadata; the lake's type stays"
    );
}

/// Columns of the lake that hold all values of the stated type, and show them otherwise: (column, stated type).
pub(super) fn shown_otherwise(table: &str, columns: &[(String, &str)]) {
    let columns: Vec<String> =
        columns.iter().map(|(column, stated)| format!("{column} ({stated})")).collect();
    if !columns.is_empty() {
        tracing::warn!(
            "table {table}: the lake has these columns with other types than the metadata states, and keeps them; the values \
             fit: {}",
            listed(&columns)
        );
    }
}

/// New date columns without a stated `DateTimeBehavior`.
pub(super) fn undecided_dates(table: &str, columns: &[&String]) {
    if !columns.is_empty() {
        tracing::warn!(
            "table {table}: the metadata does not say which of these dates have no time, so all become instants for ever: {}. \
             The second query of `catchwater schema --help` asks for DateTimeBehavior",
            listed(columns)
        );
    }
}

/// Names in one line; a table has hundreds of columns.
fn listed<T: AsRef<str>>(names: &[T]) -> String {
    const NAMED: usize = 20;
    let first: Vec<&str> = names.iter().take(NAMED).map(AsRef::as_ref).collect();
    match names.len().checked_sub(NAMED) {
        _ if names.is_empty() => "none".to_owned(),
        None | Some(0) => first.join(", "),
        Some(more) => format!("{} and {more} more", first.join(", ")),
    }
}
