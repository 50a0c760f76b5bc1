"""values.py VIEWS LAKE SENT: compares every value of every row with the bodies that were sent.

VIEWS is the output of `catchwater sql`; SENT holds <partition>.ndjson or the folder <partition> of XML files, sent to
that partition in order.
"""

import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

from bodies import lost_leaves, parse
from checking import Faults, connect, quoted, rows
from expectation import DUCKDB_TYPES, column_order
from expectation import expectations as made
from xmlbodies import parse_xml


def main(views, lake, sent):
    connection = connect(views)
    faults = Faults()
    tables = expectations(Path(sent))
    for table, expected in tables.items():
        actual = {(row["_partition"], row["_sequence_number"]): row for row in rows(connection, f'FROM "{table}"')}
        faults.equal(sorted(actual), sorted(expected), table, "rows")
        for place in expected.keys() & actual.keys():
            check_row(faults, table, place, actual[place], expected[place])
        check_columns(faults, connection, table, expected)
        check_states(faults, connection, table, expected, actual)
    faults.equal(connection.execute("SELECT count(*) FROM _quarantine").fetchone()[0], 0, "_quarantine")
    check_files(faults, connection, Path(lake))
    check_coverage(faults, tables)
    faults.end()


def expectations(sent):
    """By table and (partition, sequence number)."""
    tables = {}
    for path in sorted(sent.iterdir()):
        for number, body in enumerate(bodies(path)):
            [expectation] = made(body)
            place = expectation.row["_partition"], expectation.row["_sequence_number"] = int(path.stem), number
            expectation.row["_hub"] = "events"
            tables.setdefault(expectation.table, {})[place] = expectation
    return tables


def bodies(path):
    if path.is_dir():
        return [parse_xml(file.read_bytes()) for file in sorted(path.iterdir())]
    return map(parse, path.read_bytes().splitlines())


def check_row(faults, table, place, actual, expectation):
    where = table, place
    expected = expectation.row
    enqueued = actual["_enqueued_time"]
    faults.check(abs(datetime.now(timezone.utc) - enqueued) < timedelta(hours=1), *where, "enqueued", enqueued)
    expected["_enqueued_time"] = expected["SinkModifiedOn"] = enqueued
    expected["enqueued_date"] = enqueued.astimezone(timezone.utc).date()
    # An offset is an opaque string of the hub.
    faults.check(bool(actual["_offset"]), *where, "_offset", actual["_offset"])
    expected["_offset"] = actual["_offset"]
    for column, value in actual.items():
        faults.equal(value, expected.get(column), *where, column)
    for column in expected.keys() - actual.keys():
        faults.check(expected[column] is None, *where, column, "is not a column")
    for leaf in lost_leaves(expectation.body, actual):
        faults.check(False, *where, "lost", repr(leaf))


def check_columns(faults, connection, table, expected):
    """Checks the columns, their order and their types."""
    described = connection.execute(f'DESCRIBE "{table}"').fetchall()
    types = {column[0]: column[1] for column in described}
    kinds = {}
    for expectation in expected.values():
        for column, kind in expectation.kinds.items():
            faults.equal(kind, kinds.setdefault(column, kind), table, column, "kind")
    faults.equal(list(types), column_order(kinds), table, "columns")
    for column, kind in kinds.items():
        values = [e.row[column] for e in expected.values() if e.row.get(column) is not None]
        faults.equal(types.get(column), DUCKDB_TYPES[kind], table, column, "type")


def check_states(faults, connection, table, expected, actual):
    """Compares the latest state of each record with a replay of its events."""
    def order(place):
        row = expected[place].row
        rank = {"Create": 0, "Delete": 2}.get(row["_message"], 1)
        return row["_operation_created_on"], rank, actual[place]["_enqueued_time"], place

    states = {}
    for place in sorted(expected.keys() & actual.keys(), key=order):
        expectation = expected[place]
        row = expectation.row
        record = row["_organization_id"], row["Id"]
        if row["IsDelete"]:
            states.pop(record, None)
            continue
        state = states.setdefault(record, {})
        for name in {*(row["_changed"] or []), *(expectation.attributes.keys() & expectation.kinds.keys())}:
            # A label is never older than its value.
            for column in (name, name + "_entitytype", name + "name"):
                if column == name or column not in expectation.attributes:
                    state[column] = row.get(column)
        state["latest"] = place
    found = {(row["_organization_id"], row["Id"]): row for row in rows(connection, f'FROM "{table}_latest"')}
    faults.equal(sorted(found), sorted(states), table, "records")
    for record in states.keys() & found.keys():
        state, row = states[record], found[record]
        faults.equal((row["_partition"], row["_sequence_number"]), state.pop("latest"), table, record, "latest event")
        for column in row.keys() - {"Id", "SinkModifiedOn"}:
            if not column.startswith("_"):
                faults.equal(row[column], state.get(column), table, record, column)


def check_files(faults, connection, lake):
    """Checks that a column without a value in a file is not written."""
    for path in lake.glob("*/*/*.cw.parquet"):
        found = rows(connection, f"SELECT count(COLUMNS(*)) FROM read_parquet({quoted(path)}, hive_partitioning = false)")
        for column, count in found[0].items():
            faults.check(count > 0, path.name, column, "is null throughout")


def check_coverage(faults, tables):
    """Checks that the bodies have all features that are compared here."""
    expected = [expectation for table in tables.values() for expectation in table.values()]
    faults.equal(len(expected), 300, "events")
    names = ["account", "contact", "incident", "new_project", "opportunity", "task"]
    faults.equal(sorted(tables), names, "tables")
    messages = {expectation.row["_message"] for expectation in expected}
    faults.equal(sorted(messages), ["Create", "Delete", "Update"], "messages")
    kinds = {kind for expectation in expected for kind in expectation.kinds.values()}
    faults.equal(kinds, set(DUCKDB_TYPES), "kinds of values")
    for column in ("_before", "_labels", "_shared", "_user_agent"):
        faults.check(any(expectation.row[column] for expectation in expected), column, "is never there")
    automatic = [e for e in expected if "AsynchronousStepPrimaryName" in (e.row["_labels"] or "")]
    faults.check(automatic, "no automatic image")
    named = [name for e in expected for name in e.kinds if name.endswith("idname")]
    faults.check(named, "no lookup with a name")
    nulls = [name for e in expected for name in e.row["_changed"] or [] if name not in e.kinds]
    faults.check(nulls, "nothing is set to null")


if __name__ == "__main__":
    main(*sys.argv[1:])
