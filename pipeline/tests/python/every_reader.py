"""every_reader.py make FOLDER: writes bodies, `<round>/<partition>.ndjson`, and table metadata, `schema`.
every_reader.py check READER LAKE SENT: one Parquet reader finds each value of the bodies in the lake.

Send the files of round 1 to partitions 0 and 1 and run. Then send those of round 2 to partitions 2 and 3 and run with
`--schema FOLDER/schema`. An older version of the program may have written round 1.
The expected values come from the bodies; no reader is compared with another. `DEVIATIONS` lists the limits of the readers.
"""

import os
import re
import shutil
import sys
import tempfile
import time
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

from checking import Faults, same
from every_reader_bodies import MIDNIGHT_DAY, TABLE, WIDE, expected_tables, folder_name, form_of, make
from every_reader_calls import READERS, ZONE

KEY = ("_partition", "_sequence_number", "_row_index")
# Columns that the hub fills or that explain a rejected body: checked by a rule, not by a value.
BY_RULE = {"SinkModifiedOn", "_enqueued_time", "_offset", "enqueued_date", "_reason", "_byte_offset", "_properties"}
# The days of the folders in the check of partition pruning.
PRUNED, KEPT = date(2001, 2, 3), date(2001, 2, 4)

# Columns whose rows are counted by equality.
PREDICATES = ["Id", "new_number", "new_price", "new_when", "new_day", "new_born", "new_ratio", "new_small", "new_large", "new_kind", "new_text", "new_owner"]
PREDICATES += ["_sequence_number", "_operation_id"]


class Deviation:
    """Values that a reader changes, and what it shows instead."""

    def __init__(self, reason, covers, shows):
        self.reason, self.covers, self.shows, self.uses = reason, covers, shows, 0

    def excuses(self, form, expected, actual):
        if not self.covers(form, expected) or not equal(actual, self.shows(expected)):
            return False
        self.uses += 1
        return True


def of(*forms):
    """Covers the values of these forms, except nulls."""
    return lambda form, expected: form in forms and expected is not None


def nanoseconds(day):
    """A day as 64 bits of nanoseconds, which wrap around outside the years 1678 to 2261."""
    count = (day - date(1970, 1, 1)).days * 86_400 * 10**9
    return datetime(1970, 1, 1) + timedelta(microseconds=((count + 2**63) % 2**64 - 2**63) // 1000)


# The limits of the readers, as in docs/READERS.md. A deviation that no value needs is a fault.
DEVIATIONS = {
    "pandas_numpy": [Deviation("integers beside nulls are doubles", of("int32", "int64"), float)],
    "clickhouse": [
        Deviation(
            "a list that is null is empty",
            lambda form, expected: form in ("int32_list", "text_list", "party_list") and expected is None,
            lambda expected: [],
        )
    ],
    "fastparquet": [
        Deviation("decimals are doubles, 0.1 is 0.09999999999999999", of("decimal"), lambda expected: float(int(expected.scaleb(12, WIDE))) * 1e-12),
        Deviation("timestamps have no zone", of("timestamp"), lambda expected: expected.replace(tzinfo=None)),
        Deviation("a DATE is a count of nanoseconds, wrong outside the years 1678 to 2261", of("date"), nanoseconds),
        Deviation("party lists are null", of("party_list"), lambda expected: None),
        Deviation("a list of texts without a dictionary is null", of("text_list"), lambda expected: None),
    ],
}


def check(name, lake, sent):
    # No value may depend on the time zone of the machine.
    os.environ["TZ"] = ZONE
    time.tzset()
    started = time.monotonic()
    reader, faults, deviations = READERS[name](), Faults(), DEVIATIONS.get(name, [])
    values = 0
    for table, expected in expected_tables(sent).items():
        folder = Path(lake) / folder_name(table)
        types, rows = reader.read(folder)
        values += check_rows(faults, deviations, table, rows, expected)
        check_types(faults, reader, table, types, expected)
        check_pruning(faults, reader, table, folder, expected)
    check_predicates(faults, reader, Path(lake) / folder_name(TABLE), expected_tables(sent)[TABLE].values())
    for shown, right in check_days(faults, reader, Path(lake) / TABLE):
        faults.equal(right, MIDNIGHT_DAY, "day by the expression")
        faults.equal(shown, MIDNIGHT_DAY - timedelta(days=reader.DAYS_BEHIND), "day in the session zone")
    for deviation in deviations:
        faults.check(deviation.uses, "this deviation is not needed any more:", deviation.reason)
    print(f"{name} {reader.version}: {values} values in {time.monotonic() - started:.1f} s; " + "; ".join(f"{d.reason} ({d.uses})" for d in deviations))
    faults.end()


def check_rows(faults, deviations, table, rows, expected):
    found = {tuple(row[column] for column in KEY): row for row in rows}
    faults.equal(len(rows), len(found), table, "rows")
    faults.equal(sorted(found), sorted(expected), table, "rows")
    values = 0
    for place in expected.keys() & found.keys():
        row, promised = found[place], expected[place]
        check_hub(faults, (table, place), row)
        for column in (promised.keys() | row.keys()) - BY_RULE:
            actual, value, form = row.get(column), promised.get(column), form_of(column)
            values += value is not None
            if not equal(actual, value) and not any(deviation.excuses(form, value, actual) for deviation in deviations):
                faults.equal(actual, value, table, place, column, form)
    return values


def check_hub(faults, where, row):
    enqueued = row["_enqueued_time"]
    enqueued = enqueued if enqueued.tzinfo else enqueued.replace(tzinfo=timezone.utc)
    faults.check(equal(row["SinkModifiedOn"], row["_enqueued_time"]), *where, "SinkModifiedOn", row["SinkModifiedOn"], enqueued)
    age = datetime.now(timezone.utc) - enqueued
    faults.check(age > timedelta(days=-2) and enqueued.year >= 2026, *where, "_enqueued_time", enqueued)
    faults.check(same_day(row["enqueued_date"], enqueued), *where, "enqueued_date", row["enqueued_date"])
    faults.check(bool(row["_offset"]), *where, "_offset", row["_offset"])


def same_day(day, moment):
    return equal(day, moment.astimezone(timezone.utc).date())


def check_types(faults, reader, table, types, expected):
    """Checks the columns with a value and their types."""
    columns = {column for row in expected.values() for column, value in row.items() if value is not None}
    columns |= {"SinkModifiedOn", "_enqueued_time", "_offset", "enqueued_date"} | ({"_reason", "_byte_offset"} if table == "_quarantine" else set())
    faults.equal(sorted(types), sorted(columns), table, "columns")
    for column, type in types.items():
        allowed = reader.TYPES[form_of(column)]
        faults.check(type in allowed if isinstance(allowed, set) else type == allowed, table, column, "has the type", type, "and not", allowed)


def check_pruning(faults, reader, table, folder, expected):
    """Reads one day of a copy of the table with two days."""
    with tempfile.TemporaryDirectory() as copy:
        copy = Path(copy) / folder.name
        kept = set()
        for index, (file, places) in enumerate(places_of(folder, expected)):
            day = KEPT if index % 2 else PRUNED
            kept |= places if day == KEPT else set()
            (copy / f"enqueued_date={day}").mkdir(parents=True, exist_ok=True)
            shutil.copy(file, copy / f"enqueued_date={day}")
        if kept:
            _, rows = reader.read(copy, KEPT)
            faults.equal(sorted(tuple(row[column] for column in KEY) for row in rows), sorted(kept), table, "rows of one day")
            faults.check(all(equal(row["enqueued_date"], KEPT) for row in rows), table, "enqueued_date of one day")


def places_of(folder, expected):
    """Each file with the positions of its rows: its name ends with its partition and its lowest possible number."""
    files = []
    for file in folder.glob("enqueued_date=*/*.cw.parquet"):
        partition, first = re.fullmatch(r".*-p(\d+)-(\d{20})\.cw\.parquet", file.name).groups()
        files.append((int(partition), int(first), file))
    files.sort()
    for at, (partition, first, file) in enumerate(files):
        following = [other for other in files[at + 1 :] if other[0] == partition]
        end = following[0][1] if following else sys.maxsize
        yield file, {place for place in expected if place[0] == partition and first <= place[1] < end}


def check_predicates(faults, reader, folder, rows):
    """Counts rows by equality: min/max and bloom filters must not skip a matching row."""
    for column in PREDICATES:
        values = [row[column] for row in rows if row.get(column) is not None]
        ordered = sorted(set(values), key=lambda value: value.encode() if isinstance(value, str) else value)
        # SQL dialects write strings with these characters in different ways.
        ordered = [value for value in ordered if not isinstance(value, str) or not {"\0", "\\"} & set(value)]
        for value in {ordered[0], ordered[len(ordered) // 2], ordered[-1]}:
            count = reader.count(folder, column, value)
            faults.check(count in (None, values.count(value)), column, "=", repr(value), "rows:", count, "and not", values.count(value))


def check_days(faults, reader, table):
    days = list(reader.days(table))
    faults.check(days, "no date without a time")
    return days


def equal(actual, expected):
    """True if a reader's value is the expected one: numbers and instants by value, lists and structs by content."""
    if isinstance(expected, list):
        return isinstance(actual, (list, tuple)) and len(actual) == len(expected) and all(map(equal, actual, expected))
    if isinstance(expected, dict):
        return isinstance(actual, dict) and actual.keys() == expected.keys() and all(equal(actual[name], value) for name, value in expected.items())
    return same(actual, expected)


if __name__ == "__main__":
    {"make": make, "check": check}[sys.argv[1]](*sys.argv[2:])
