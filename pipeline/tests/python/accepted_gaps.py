"""Accepted gaps, as the audit and the views report them.

accepted_gaps.py take LAKE: removes the file of a destination and records two thirds of its numbers as accepted.
accepted_gaps.py accept LAKE: records all numbers without a row as accepted.
accepted_gaps.py check VIEWS AUDIT: compares the views with the report of the audit."""

import json
import sys
from pathlib import Path

import duckdb

from checking import Faults, connect, rows


def record(lake, folder, source, numbers):
    """Writes a record as a run does: the ranges of the numbers, named after the first number."""
    ranges = []
    for number in sorted(numbers):
        if ranges and ranges[-1]["to"] == number - 1:
            ranges[-1]["to"] = number
        else:
            ranges.append({"from": number, "to": number})
    folder = Path(lake) / "_catchwater" / folder
    folder.mkdir(exist_ok=True)
    (folder / f"{source}-{ranges[0]['from']}.json").write_text(json.dumps({"ranges": ranges}))


def numbers_of(files):
    return [row[0] for row in duckdb.sql(f"SELECT DISTINCT _sequence_number FROM read_parquet({files!r}) ORDER BY ALL").fetchall()]


def source_of(file):
    return file.name.rsplit("-", 1)[0]


def take(lake):
    last = max(number for file in Path(lake).glob("*/*/*.cw.parquet") for number in numbers_of([str(file)]))
    for file in sorted(Path(lake).glob("*/*/*.cw.parquet")):
        numbers = numbers_of([str(file)])
        alone = len(list(file.parent.iterdir())) == 1
        if alone and len(numbers) >= 6 and last not in numbers:
            third = len(numbers) // 3
            file.unlink()
            record(lake, "gaps", source_of(file), numbers[:third])
            record(lake, "skipped", source_of(file), numbers[third : 2 * third])
            return
    sys.exit("no file is alone in its folder")


def accept(lake):
    files = sorted(Path(lake).glob("*/*/*.cw.parquet"))
    present = set(numbers_of([str(file) for file in files]))
    missing = set(range(max(present))) - present
    # As if the batches had other boundaries: some numbers are recorded already, under another name.
    record(lake, "gaps", source_of(files[0]), missing - {min(missing)})


def check(views, audit):
    connection, faults = connect(views), Faults()
    report = json.loads(Path(audit).read_text())
    found = {view: rows(connection, f"FROM {view}") for view in ("gaps", "accepted_gaps")}
    for view, ranges in found.items():
        faults.equal(sum(row["events"] for row in ranges), report[view], view)
    numbers = [n for ranges in found.values() for row in ranges for n in range(row["first"], row["last"] + 1)]
    faults.equal(len(numbers), len(set(numbers)), "no number is in both views")
    faults.check(report["accepted_gaps"] > 0, "something was accepted")
    faults.end()


{"take": take, "accept": accept, "check": check}[sys.argv[1]](*sys.argv[2:])
