"""corpus.py VIEWS FOLDER…: every body of every folder is in one table, decoded with all its values, or quarantined. The same
event in JSON and in XML makes the same row.

Each folder was sent to one partition, in this order."""

import sys
from pathlib import Path

from bodies import lost_leaves, parse
from checking import HUB, Faults, connect, rows, tables
from expectation import expectations
from xmlbodies import parse_xml

# The position of an event.
PLACE = {"_hub", "_partition", "_sequence_number"}
# Columns in which an XML body differs from the JSON body of the same event, with the reason.
DIFFERENCES = {
    # JSON truncates to milliseconds; XML keeps seven digits.
    "t_datetime_max": {"_inputs"},
    # Derived on a machine in UTC, so the offset of the server is gone.
    "derived_albxrm_activityparty_onprem": {"_operation_created_on"},
    "derived_albxrm_documentlocation": {"_operation_created_on"},
    "derived_msdocs_use_webhooks_contact_update": {"_operation_created_on", "_user_aad_id", "_initiating_user_aad_id"},
    # The SDK that derived them does not know a member, and writes members that older servers do not.
    "derived_albxrm_allfields_create": {"_user_agent"},
    "derived_msdocs_agentstatus_update": {"_user_agent"},
    "derived_mrjamiebowman_account_update": {"_user_aad_id", "_initiating_user_aad_id"},
}
# Classes that the serializer refuses to write as JSON; they are read by their shape.
BY_SHAPE = {"t_datetimeoffset", "t_relatedcoll"}
# Numbers that JSON does not have: the JSON body is quarantined, the XML body is not.
NO_JSON = {"t_double_nan", "t_double_inf", "t_double_ninf"}


def main(views, *folders):
    connection, faults = connect(views), Faults()
    found = {}
    views = [name for (name,) in connection.execute("SELECT view_name FROM duckdb_views() WHERE NOT internal").fetchall()]
    for view in views:
        # Other views have to be readable.
        read = rows(connection, f'FROM "{view}"')
        for row in read if view in tables(connection) else []:
            place = row["_partition"], row["_sequence_number"]
            faults.check(place not in found or found[place][0] == view, place, "is in", view, "and another table")
            found.setdefault(place, (view, []))[1].append(row)
    sent = {
        (partition, number): path
        for partition, folder in enumerate(folders)
        for number, path in enumerate(sorted(path for path in Path(folder).iterdir() if path.is_file()))
    }
    faults.equal(sorted(found), sorted(sent), "places")
    decoded = whole = 0
    for place in sent.keys() & found.keys():
        view, of_event = found[place]
        body = understood(sent[place])
        if check_body(faults, sent[place], body, view, of_event):
            decoded += 1
            whole += check_rows(faults, sent[place], body, view, of_event)
    faults.check(decoded > 50, "decoded:", decoded)
    pairs = check_pairs(faults, {path: found[place] for place, path in sent.items() if place in found})
    print(f"{len(sent)} bodies, {decoded} decoded, {whole} compared whole, {pairs} pairs, {len(views)} views")
    faults.end()


def check_body(faults, path, body, view, of_event):
    """Checks that a valid body was decoded with every leaf; returns true if it was."""
    where = f"{path.parent.name}/{path.name}"
    row = of_event[0]
    faults.check((view == "_quarantine") == (body is None), where, "is in", view, row.get("_reason", ""))
    if view == "_quarantine":
        faults.equal(row["_body"], path.read_bytes(), where)
        faults.check(bool(row["_reason"]), where, "has no reason")
        return False
    columns = {f"{row['_row_index']} {column}": value for row in of_event for column, value in row.items()}
    for leaf in lost_leaves(body, {**columns, **row}):
        faults.check(False, where, "lost", repr(leaf))
    return body is not None


def check_rows(faults, path, body, view, of_event):
    """Compares every value of the rows, if the body has the shape that the serializer writes."""
    where = f"{path.parent.name}/{path.name}"
    if path.parent.name == "json" and path.parent.parent.name != "oracle":
        # Edited by its author.
        return False
    expected = expectations(body)
    faults.equal(len(of_event), len(expected), where, "rows")
    for row, expectation in zip(sorted(of_event, key=lambda row: row["_row_index"]), expected):
        faults.equal(view, expectation.table, where, "table")
        by_shape = {"_inputs"} if path.stem in BY_SHAPE else set()
        for column in row.keys() - HUB - PLACE - expectation.skipped - by_shape:
            faults.equal(row[column], expectation.row.get(column), where, column)
        for column in expectation.row.keys() - row.keys() - expectation.skipped:
            faults.check(expectation.row[column] is None, where, column, "is not a column")
    return True


def check_pairs(faults, rows_of):
    """Compares the rows of events that the corpus has in both formats, column by column."""
    pairs = 0
    for path, (view, of_event) in rows_of.items():
        folder = path.parent.parent / "json"
        other = rows_of.get(folder / f"{path.stem.removeprefix('derived_')}.json")
        if path.suffix != ".xml" or other is None or path.stem in NO_JSON or view == "_quarantine":
            continue
        pairs += 1
        other_view, of_other = other
        faults.equal((view, len(of_event)), (other_view, len(of_other)), path.name, "and its JSON body: table and rows")
        for row, other_row in zip(of_event, of_other):
            for column in row.keys() - HUB - PLACE - DIFFERENCES.get(path.stem, set()):
                faults.equal(row[column], other_row.get(column), path.name, "and its JSON body:", column)
    return pairs


def understood(path):
    """The body, if it is an event in JSON or XML."""
    try:
        xml = path.suffix == ".xml"
        body = parse_xml(path.read_bytes()) if xml else parse(path.read_bytes().decode("utf-8-sig"))
    except ValueError:
        return None
    return body if isinstance(body, dict) and isinstance(body.get("MessageName"), str) else None


if __name__ == "__main__":
    main(*sys.argv[1:])
