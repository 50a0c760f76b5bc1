"""A lake that was read from the hub `tests/node/judge.js`: it has each event once, in its table, with its content.

judged.py PARTITIONS FIRST EVENTS VIEWS BODIES: EVENTS of each partition from number FIRST on, BODIES with a Dataverse event per line"""

import json
import sys
from pathlib import Path

from checking import Faults, connect, rows, tables


def filler(partition, number):
    """The body of an event that is not one of Dataverse, as `tests/node/judge/partition.js` makes it."""
    length = 300_000 if number % 700 == 3 else number * 37 % 3000
    return f"{partition}:{number}:{'x' * length}".encode()


def main(partitions, first, events, views, bodies):
    connection, faults = connect(views), Faults()
    sent = [json.loads(line) for line in Path(bodies).read_bytes().splitlines()]
    found = {}
    for table in tables(connection):
        count, distinct = connection.execute(
            f'SELECT count(*), count(DISTINCT (_partition, _sequence_number)) FROM "{table}"'
        ).fetchone()
        faults.equal(count, distinct, table)
        own = "_body" if table == "_quarantine" else 'Id, _operation_id'
        for row in rows(connection, f'SELECT _partition, _sequence_number, _row_index, {own} FROM "{table}"'):
            position = (row["_partition"], row["_sequence_number"])
            faults.check(position not in found, position, "is there twice")
            found[position] = table
            partition, number = position
            if number % 7 == 3:
                faults.check(table == "_quarantine", position, "is in", table)
                faults.check(row.get("_body") == filler(partition, number), position, "has another body")
                continue
            body = sent[(number * partitions + partition) % len(sent)]
            faults.check(table == body["PrimaryEntityName"], position, "is in", table)
            faults.equal(str(row.get("Id")), body["PrimaryEntityId"].lower(), position)
            faults.equal(str(row.get("_operation_id")), body["OperationId"].lower(), position)
    missing = {(partition, number) for partition in range(partitions) for number in range(first, first + events)} - found.keys()
    faults.check(not missing, len(missing), "events are missing:", sorted(missing)[:5])
    faults.equal(len(found), partitions * events, "events")
    faults.end()


main(*map(int, sys.argv[1:4]), *sys.argv[4:])
