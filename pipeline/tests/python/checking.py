"""Shared by the scripts that check a lake: its views in DuckDB, comparison, and the result at the end."""

from datetime import datetime
from decimal import Decimal
from pathlib import Path

# Columns that the hub or the run fills, with other values in each run.
HUB = {"SinkModifiedOn", "_offset", "_enqueued_time", "enqueued_date"}


def connect(views):
    """DuckDB with the views that `catchwater sql` printed into a file."""
    import duckdb  # Other readers of Parquet are compared where DuckDB is not installed.

    connection = duckdb.connect()
    connection.execute(Path(views).read_text())
    return connection


def rows(connection, query):
    """The rows of a query, as dicts."""
    result = connection.execute(query)
    names = [column[0] for column in result.description]
    return [dict(zip(names, row)) for row in result.fetchall()]


def tables(connection):
    """The names of the views that show the rows of a table, without derived views."""
    views = connection.execute("SELECT view_name FROM duckdb_views() WHERE NOT internal").fetchall()
    derived = ("gaps", "accepted_gaps", "late", "quarantine")
    return [name for (name,) in views if name not in derived and not name.endswith(("_latest", "_changes"))]


def quoted(path):
    """A path as an SQL literal, with the characters of patterns escaped."""
    return "'" + "".join(f"[{c}]" if c in "[*?" else c for c in str(path)).replace("'", "''") + "'"


def same(actual, expected):
    """True if DuckDB's value is the expected one: numbers by value, everything else by type and value."""
    if isinstance(expected, bool) or isinstance(actual, bool):
        return actual is expected
    if isinstance(expected, (int, Decimal)) and isinstance(actual, (int, Decimal)):
        return Decimal(actual) == Decimal(expected)
    if isinstance(expected, datetime):
        return isinstance(actual, datetime) and actual == expected
    return type(actual) is type(expected) and actual == expected


class Faults:
    """Collects faults and reports them at the end of the script."""

    def __init__(self):
        self.found = []
        self.checks = 0

    def check(self, fine, *what):
        self.checks += 1
        if not fine:
            self.found.append(" ".join(map(str, what)))

    def equal(self, actual, expected, *where):
        self.check(same(actual, expected), *where, f"\n    is        {repr(actual)[:400]}\n    should be {repr(expected)[:400]}")

    def end(self):
        if self.found:
            raise SystemExit(f"{len(self.found)} of {self.checks} checks failed:\n" + "\n".join(self.found[:20]))
        print(f"{self.checks} checks")
