"""A lake after a soak: each event is there once, in its table, with its content.

soaked.py PARTITIONS EVENTS VIEWS BODIES: EVENTS of each partition from number 0 on; event n has line n of BODIES, in turn"""

import json
import sys
from pathlib import Path

from checking import Faults, connect, tables


def main(partitions, events, views, bodies):
    connection, faults = connect(views), Faults()
    lines = [json.loads(line) for line in Path(bodies).read_bytes().splitlines()]
    connection.execute("CREATE TABLE bodies (line BIGINT, entity VARCHAR, id VARCHAR, operation VARCHAR)")
    connection.executemany(
        "INSERT INTO bodies VALUES (?, ?, ?, ?)",
        [
            (line, body["PrimaryEntityName"], body["PrimaryEntityId"].lower(), body["OperationId"].lower())
            for line, body in enumerate(lines)
        ],
    )
    connection.execute(
        "CREATE TABLE found (entity VARCHAR, partition BIGINT, number BIGINT, id VARCHAR, operation VARCHAR)"
    )
    for table in tables(connection):
        own = "NULL, NULL" if table == "_quarantine" else "lower(Id::VARCHAR), lower(_operation_id::VARCHAR)"
        connection.execute(f'INSERT INTO found SELECT \'{table}\', _partition, _sequence_number, {own} FROM "{table}"')
    for partition in range(partitions):
        count = connection.execute(
            "SELECT count(*), count(DISTINCT number), min(number), max(number) FROM found WHERE partition = ?", [partition]
        ).fetchone()
        faults.equal(str(count), str((events, events, 0, events - 1)), "partition", partition)
    wrong = connection.execute(
        """SELECT f.* FROM found f JOIN bodies b ON f.number % ? = b.line
        WHERE (f.entity, f.id, f.operation) IS DISTINCT FROM (b.entity, b.id, b.operation) LIMIT 5""",
        [len(lines)],
    ).fetchall()
    faults.check(not wrong, "events with other content:", wrong)
    faults.equal(connection.execute("SELECT count(*) FROM found").fetchone()[0], partitions * events, "events")
    faults.end()


main(*map(int, sys.argv[1:3]), *sys.argv[3:])
