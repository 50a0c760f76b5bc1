//! Warnings about column types, given while the types can still be chosen: a column keeps its first type.
//!
//! Does not own: when a warning is given, and that it is given once (`schemas`).

use std::collections::BTreeMap;

/// Warns of new columns whose types come from values. `has_metadata` is true if metadata states other columns of the
/// table.
pub(super) fn typed_from_values(table: &str, columns: &BTreeMap<String, String>, has_metadata: bool) {
    let of = |is_wanted: fn(&str) -> bool| {
        let names: Vec<&str> =
            columns.iter().filter(|(_, of)| is_wanted(of)).map(|(name, _)| name.as_str()).collect();
        listed(&names)
    };
    let (numbers, dates) = (of(|of| of == "number"), of(|of| of == "datetime"));
    let others = of(|of| of != "number" && of != "datetime");
    let instead_of = if has_metadata { " and not by the metadata" } else { "" };
    tracing::warn!(
        table,
        numbers,
        dates,
        others,
        "new columns are typed from values{instead_of}, and keep their types permanently: numbers are \
         DECIMAL(38,12), integers too; dates are instants, days too. For integers, doubles and days pull table \
         metadata before a lake's first run and give it to `run --schema`; see `catchwater schema --help`"
    );
}

/// Warns of a column whose type in the lake does not hold all values of the stated type.
pub(super) fn contradicted(table: &str, column: &str, lake: &str, stated: &str) {
    tracing::warn!(
        table,
        column,
        lake,
        metadata = stated,
        "a column keeps its type in the lake, which does not hold all values of its type in the metadata"
    );
}

/// Warns of columns whose type in the lake holds all values of the stated type but shows them differently, as (column,
/// stated type).
pub(super) fn shown_differently(table: &str, columns: &[(String, &str)]) {
    let columns: Vec<String> =
        columns.iter().map(|(column, stated)| format!("{column} ({stated})")).collect();
    if !columns.is_empty() {
        tracing::warn!(
            table,
            columns = listed(&columns),
            "columns keep their types in the lake, which differ from the metadata but hold all values"
        );
    }
}

/// Warns of new date columns without a stated `DateTimeBehavior`.
pub(super) fn undecided_dates(table: &str, columns: &[&String]) {
    if !columns.is_empty() {
        tracing::warn!(
            table,
            columns = listed(columns),
            "the metadata does not state which of these date columns have no time, so all become instants \
             permanently; the second query of `catchwater schema --help` asks for DateTimeBehavior"
        );
    }
}

/// Names in one line, at most twenty: a table may have hundreds of columns.
fn listed<T: AsRef<str>>(names: &[T]) -> String {
    const LISTED_MAX: usize = 20;
    let first: Vec<&str> = names.iter().take(LISTED_MAX).map(AsRef::as_ref).collect();
    match names.len().checked_sub(LISTED_MAX) {
        _ if names.is_empty() => "none".to_owned(),
        None | Some(0) => first.join(", "),
        Some(more) => format!("{} and {more} more", first.join(", ")),
    }
}
