"""A lake that killed runs have written, by DuckDB: no event is there twice, and at the end none is missing.

kills.py FOLDER [EVENTS]: the lake, or a copy of its data files, and the number of events that it must have."""

import sys

import duckdb


def main(folder, expected=None):
    files = f"{folder}/*/enqueued_date=*/*.cw.parquet"
    found = duckdb.execute("SELECT count(*) FROM glob(?)", [files]).fetchone()[0]
    rows, events = 0, 0
    if found:
        rows, events = duckdb.execute(
            "SELECT count(*), count(DISTINCT (_partition, _sequence_number)) FROM read_parquet(?, union_by_name = true)",
            [files],
        ).fetchone()
    if rows != events or (expected is not None and events != int(expected)):
        sys.exit(f"{events} events in {rows} rows of {found} files; expected {expected or 'each event once'}")


main(*sys.argv[1:])
