"""Compares a lake with the manifests of what was sent: sdk_lake.py LAKE MANIFEST..."""

import json
import sys

import duckdb

lake, *manifests = sys.argv[1:]
files = "read_parquet('{}/{}/enqueued_date=*/*.cw.parquet', union_by_name = true)"


def query(columns, table):
    found = duckdb.sql(f"SELECT _partition, _sequence_number, {columns} FROM {files.format(lake, table)}").fetchall()
    return {(partition, number): rest for partition, number, *rest in found}, len(found)


names, rows = query("name", "account")
bodies, others = query("_body, _reason, _properties", "_quarantine")
assert len(names) == rows and len(bodies) == others, "a position occurs twice"
sent = 0
for path in manifests:
    with open(path, encoding="utf-8") as file:
        manifest = json.load(file)
    for number, item in enumerate(manifest["sent"]):
        sent += 1
        place = (manifest["partition"], number)
        if "row" in item:
            assert names.pop(place, None) == [item["row"]], (path, number, item, bodies.get(place))
            continue
        assert place in bodies, (path, number, item, names.get(place))
        body, reason, properties = bodies.pop(place)
        expected = bytes.fromhex(item["body"])
        if reason.startswith("the AMQP message can't be decoded: "):
            assert body.endswith(expected) and len(body) > 80, (path, number, item, body)
        else:
            assert body == expected, (path, number, item, body, reason)
        found = None if properties is None else json.loads(properties)
        assert found == item["properties"], (path, number, reason, item["properties"], found)
assert not names and not bodies, (names, bodies)
print(f"{sent} events, {rows} rows, {others} in quarantine")
