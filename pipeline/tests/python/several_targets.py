"""several_targets.py make FOLDER: writes several.ndjson: events about one record and events about several.
several_targets.py check VIEWS LAKE: each record of an event is a row, and all rows of an event are in one file."""

import json
import sys
from pathlib import Path

from checking import Faults, connect, quoted, rows
from event_builder import Raw, entity, event, guid, pairs, reference, typed

ZERO = "00000000-0000-0000-0000-000000000000"
# Message and (record, name) of each row; without a name if the record is deleted.
EVENTS = [
    ("Create", [(9, "nine")]),
    ("CreateMultiple", [(1, "one"), (2, "two"), (3, "three")]),
    ("Update", [(2, "two again")]),
    # One record twice: the later one counts.
    ("UpdateMultiple", [(3, "x"), (4, "four"), (3, "three again")]),
    ("DeleteMultiple", [(9, None), (1, None)]),
]
LATEST = [(2, "two again"), (3, "three again"), (4, "four")]


def body(second, message, records):
    if not message.endswith("Multiple"):
        [(record, name)] = records
        return event(message, "account", guid(record), second, {"name": json.dumps(name)})
    if message == "DeleteMultiple":
        targets = "[" + ",".join(reference("account", guid(record)) for record, _ in records) + "]"
    else:
        entities = ",".join(entity("account", guid(record), {"name": json.dumps(name)}) for record, name in records)
        targets = f'{{{typed("EntityCollection")},"Entities":[{entities}],"EntityName":"account","MoreRecords":false}}'
    ids = {"Ids": json.dumps([guid(record) for record, _ in records])} if message == "CreateMultiple" else {}
    members = {"InputParameters": Raw(pairs({"Targets": targets})), "OutputParameters": Raw(pairs(ids))}
    return event(message, "account", guid(0), second, PrimaryEntityId=ZERO, **members)


def make(folder):
    lines = [body(second, *event) for second, event in enumerate(EVENTS)]
    (Path(folder) / "several.ndjson").write_text("\n".join(lines) + "\n")


def check(views, lake):
    connection, faults = connect(views), Faults()
    found = [
        (row["_message"], row["_sequence_number"], row["_row_index"], str(row["Id"]), row["name"], row["_rest"])
        for row in rows(connection, "FROM account ORDER BY _sequence_number, _row_index")
    ]
    sent = [
        (message, number, index, guid(record), name, None)
        for number, (message, records) in enumerate(EVENTS)
        for index, (record, name) in enumerate(records)
    ]
    faults.equal(found, sent, "rows")
    pattern = f"{quoted(lake)} || '/account/enqueued_date=*/*.cw.parquet'"
    split = "SELECT _sequence_number FROM read_parquet({}, filename = true) GROUP BY 1 HAVING count(DISTINCT filename) > 1"
    faults.equal(rows(connection, split.format(pattern)), [], "events in two files")
    inputs = rows(connection, "SELECT _row_index FROM account WHERE _inputs IS NOT NULL")
    faults.equal({row["_row_index"] for row in inputs}, {0}, "rows with what is the event's")
    latest = [(str(row["Id"]), row["name"]) for row in rows(connection, 'FROM account_latest ORDER BY "Id"')]
    faults.equal(latest, [(guid(record), name) for record, name in LATEST], "states")
    faults.end()


if __name__ == "__main__":
    {"make": make, "check": check}[sys.argv[1]](*sys.argv[2:])
