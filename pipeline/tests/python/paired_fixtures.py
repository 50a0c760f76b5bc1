"""paired_fixtures.py VIEWS VIEWS: two lakes with the same events, sent as JSON and as XML, have the same rows."""

import sys

from checking import HUB, Faults, connect, rows, tables


def main(one, other):
    lakes = [lake(views) for views in (one, other)]
    faults = Faults()
    faults.equal(*(sorted(lake) for lake in lakes), "places")
    for place in lakes[0].keys() & lakes[1].keys():
        for column in lakes[0][place].keys() | lakes[1][place].keys():
            if column not in HUB:
                faults.equal(*(lake[place].get(column) for lake in lakes), place, column)
    faults.end()


def lake(views):
    """The rows of all tables by table, partition and number."""
    connection, found = connect(views), {}
    for name in tables(connection):
        for row in rows(connection, f'FROM "{name}"'):
            found[name, row["_partition"], row["_sequence_number"]] = row
    return found


if __name__ == "__main__":
    main(*sys.argv[1:])
