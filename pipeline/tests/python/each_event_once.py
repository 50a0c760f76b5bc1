"""Each event of a lake is there once, by DuckDB.

each_event_once.py LAKE EVENTS: EVENTS in all tables together; LAKE is a folder"""

import sys

import duckdb

from checking import quoted


def main(lake, events):
    glob = quoted(lake)[:-1] + "/*/enqueued_date=*/*.cw.parquet'"
    duckdb.execute(f"CREATE VIEW lake AS FROM read_parquet({glob}, union_by_name = true)")
    rows, distinct_rows, distinct_events = duckdb.execute(
        """SELECT count(*), count(DISTINCT (_partition, _sequence_number, _row_index)),
        count(DISTINCT (_partition, _sequence_number)) FROM lake"""
    ).fetchone()
    # The hub numbers the events of a partition from 0 on.
    last = duckdb.execute("SELECT _partition, max(_sequence_number) + 1 FROM lake GROUP BY _partition").fetchall()
    by_number = sum(count for _, count in last)
    if (rows, distinct_events, by_number) != (distinct_rows, events, events):
        found = f"{distinct_events} events in {rows} rows, {distinct_rows} of them distinct; last numbers: {last}"
        sys.exit(f"the lake does not have each of {events} events once: {found}")


main(sys.argv[1], int(sys.argv[2]))
