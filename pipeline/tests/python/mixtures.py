"""mixtures.py make FOLDER: writes mixtures.ndjson, 200 events whose attributes change their type.
mixtures.py check VIEWS LAKE: reads all files at once and finds every value in its column or in _rest."""

import json
import sys
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from bodies import Number, date_parts, milliseconds
from checking import Faults, connect, quoted, rows
from event_builder import event, guid, reference

EVENTS = 200
GUID = "3f2504e0-4f89-11d3-9a0c-0305e82c3301"
# As Dataverse writes them: integers and decimals of several widths, two doubles, a GUID, a string, a date, a lookup.
INTEGERS = ["7", "5000000000", "12.25", "-3"]
KINDS = ["integer", "1E+300", "0.33333333333333331", f'"{GUID}"', '"some text"', '"/Date(1714979289000)/"']
LOOKUP = reference("contact", GUID)


def value(kind, number):
    return INTEGERS[number % len(INTEGERS)] if kind == "integer" else kind


def attributes(number):
    """The kinds in phases, in the opposite order, and one after another."""
    phase = number * len(KINDS) // EVENTS
    return {
        "new_value": value(KINDS[phase], number),
        "new_reversed": value(KINDS[-1 - phase], number),
        "new_shuffled": value([*KINDS, LOOKUP][number % 7], number),
    }


def make(folder):
    lines = (event("Update", "new_mixture", guid(number), number, attributes(number)) for number in range(EVENTS))
    (Path(folder) / "mixtures.ndjson").write_text("\n".join(lines) + "\n")


def check(views, lake):
    connection, faults = connect(views), Faults()
    files = sorted(Path(lake).glob("new_mixture/*/*.cw.parquet"))
    faults.equal(len(files), EVENTS, "files")
    united = rows(connection, f"SELECT * FROM read_parquet({quoted(lake)} || '/new_mixture/enqueued_date=*/*.cw.parquet', union_by_name = true)")
    faults.equal(len(united), EVENTS, "rows by glob")
    found = {str(row["Id"]): row for row in rows(connection, 'SELECT * FROM "new_mixture"')}
    faults.equal(sorted(found), [guid(number) for number in range(EVENTS)], "rows of the view")
    for row in united:
        for column, expected in row.items():
            faults.equal(found[str(row["Id"])][column], expected, row["Id"], column, "in glob and view")
    places = {(name, place): 0 for name in attributes(0) for place in ("column", "rest")}
    for number in range(EVENTS):
        row = found[guid(number)]
        rest = json.loads(row["_rest"] or "{}", parse_float=Number, parse_int=Number)
        left = rest.get("InputParameters", {}).get("Target", {}).get("Attributes", {})
        for name, text in attributes(number).items():
            where = f"event {number}, {name} {text[:60]}:"
            faults.check((row[name] is None) != (name not in left) or LOOKUP == text, where, row[name], left.get(name))
            places[name, "column" if row[name] is not None else "rest"] += 1
            if row[name] is not None:
                faults.check(in_column(row, name, text, left), where, "in the column as", repr(row[name]))
            else:
                faults.check(in_rest(left.get(name), text), where, "in _rest as", repr(left.get(name)))
    # The first value determines the type of the column permanently.
    for name in ("new_value", "new_reversed"):
        fitting = sum(attributes(number)[name] in (INTEGERS if name == "new_value" else KINDS[-1:]) for number in range(EVENTS))
        faults.equal(places[name, "column"], fitting, name, "values in their column")
    faults.check(places["new_shuffled", "column"] > 0, "no shuffled value is in the column")
    writers = "SELECT count(DISTINCT decode(value)::JSON->>'writer') AS n FROM parquet_kv_metadata"
    count = rows(connection, f"{writers}({quoted(lake)} || '/new_mixture/enqueued_date=*/*.cw.parquet') WHERE decode(key) = 'catchwater'")[0]["n"]
    faults.check(count >= 2, "writers:", count)
    faults.end()


def in_column(row, name, text, left):
    actual = row[name]
    if text == LOOKUP:
        return actual == GUID and row[name + "_entitytype"] == "contact" and name not in left
    expected = json.loads(text, parse_float=Decimal, parse_int=Decimal)
    if isinstance(actual, datetime):
        return milliseconds(actual) == date_parts(expected)[0]
    return actual == expected


def in_rest(actual, text):
    """The number, or a string of its digits if a double does not reproduce it."""
    if text == LOOKUP:
        return actual == {"Id": GUID, "LogicalName": "contact"}
    expected = json.loads(text, parse_float=Number, parse_int=Number)
    if isinstance(expected, Number) and Decimal(repr(float(expected))) != expected:
        return actual == expected.text
    return actual == expected


if __name__ == "__main__":
    {"make": make, "check": check}[sys.argv[1]](*sys.argv[2:])
