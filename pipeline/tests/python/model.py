"""model.py make FOLDER: writes <partition>.ndjson, 100,000 random events of a few thousand records, some of them repeated.
model.py check VIEWS FOLDER: compares the states of the views with a model that applies the events one by one, in the order of docs/TABLES.md.

CATCHWATER_SEED selects other events."""

import json
import os
import random
import sys
import uuid
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from bodies import date_parts, instant, milliseconds, pairs, parse, type_name
from checking import Faults, connect, rows
from event_builder import ORGANIZATION, Raw, choice, entity, event, guid, money, reference, target
from event_builder import pairs as pairs_of

SEED = int(os.environ.get("CATCHWATER_SEED", "1"))
EVENTS, PARTITIONS, RECORDS = 100_000, 4, 1_000
TABLES = ["account", "contact"]
ORGANIZATIONS = [ORGANIZATION, guid(99)]
ZERO = "00000000-0000-0000-0000-000000000000"
TEXTS, MONEYS, NUMBERS, CHOICES = ["name", "telephone1", "city"], ["revenue", "creditlimit"], ["employees"], ["statuscode", "ratingcode"]
LOOKUPS, DATES, SWITCHES, LISTS = ["ownerid", "parentid"], ["lastused"], ["onhold"], ["new_channels"]
COLUMNS = [*TEXTS, *MONEYS, *NUMBERS, *CHOICES, *LOOKUPS, *DATES, *SWITCHES, *LISTS]
LABELS = {1: "Active", 2: "Inactive", 3: "Blocked \u20ac"}


def make(folder):
    print(f"seed {SEED}: ", end="")
    dice = random.Random(SEED)
    deliveries = [(-1, partition, body) for partition in range(PARTITIONS) for body in first_events(partition)]
    for number, body in enumerate(stories(dice)):
        # Jobs run in another order than they were created, and some run again, in any partition.
        at = number + dice.random() * 200
        deliveries.append((at, dice.randrange(PARTITIONS), body))
        while dice.random() < 0.05:
            at += dice.random() * 2_000
            deliveries.append((at, dice.randrange(PARTITIONS), body))
    deliveries.sort(key=lambda delivery: delivery[0])
    files = [(Path(folder) / f"{partition}.ndjson").open("w") for partition in range(PARTITIONS)]
    for _, partition, body in deliveries:
        files[partition].write(body + "\n")
    print(f"{len(deliveries)} deliveries of {EVENTS} events")


def first_events(partition):
    """Events that determine the type of each column, whichever partition is read first."""
    for table in TABLES:
        dice = random.Random(0)
        values = {column: fitting(dice, column) for column in COLUMNS}
        values["versionnumber"] = "0"
        yield post(table, ORGANIZATION, "Create", guid(900_000 + partition), 0, guid(800_000 + TABLES.index(table) * 10 + partition), values, None)


def stories(dice):
    """Events in the order in which they happen: records are created, updated, deleted and created again, often within one second."""
    alive, second, record = set(), 1, None
    for number in range(EVENTS):
        second += dice.random() < 0.3
        if record is None or dice.random() > 0.35:
            record = dice.choice(TABLES), dice.choice(ORGANIZATIONS), guid(dice.randrange(RECORDS) + 1)
        table, organization, id = record
        message = "Update"
        if record not in alive and dice.random() < 0.9:
            message = "Create"
            alive.add(record)
        elif dice.random() < 0.08:
            message = "Delete"
            alive.discard(record)
        if dice.random() < 0.005:
            message, id = "CreateMultiple", ZERO
        operation = dice.choice([ZERO, None]) if dice.random() < 0.01 else str(uuid.UUID(int=dice.getrandbits(128)))
        values = image = None
        if message != "Delete":
            named = dice.sample(COLUMNS, dice.randrange(1, 5 if message == "Update" else len(COLUMNS)))
            values = {column: any_value(dice, column) for column in named}
            if table == "contact" and dice.random() < 0.3:
                values["versionnumber"] = str(number)
            if dice.random() < 0.15:
                image = {column: any_value(dice, column) for column in dice.sample(COLUMNS, 4) if column not in values}
                image = {column: value for column, value in image.items() if value != "null"}
        # All events of some records, and a few others, have no time.
        timed = int(id[-12:]) % 5 > 0 and dice.random() > 0.002
        yield post(table, organization, message, id, second if timed else None, operation, values, image)


def any_value(dice, column):
    """A value: mostly one that fits the column, sometimes null or one that does not fit."""
    roll = dice.random()
    if roll < 0.15:
        return "null"
    if roll < 0.18 and column in MONEYS + CHOICES + DATES:
        return '"what\'s this"'
    return fitting(dice, column)


def fitting(dice, column):
    if column in TEXTS:
        return json.dumps(f"t{dice.randrange(10_000)} \u00e9\u4eac", ensure_ascii=False)
    if column in MONEYS:
        return money(f"{dice.randrange(-10**9, 10**9)}.{dice.randrange(10_000):04d}")
    if column in NUMBERS:
        return str(dice.randrange(100_000))
    if column in CHOICES:
        return choice(dice.choice(list(LABELS)))
    if column in LOOKUPS:
        return reference(dice.choice(["systemuser", "team"]), guid(dice.randrange(50) + 1), dice.choice([None, "Somebody", "S\u00f8ren"]))
    if column in DATES:
        return f'"\\/Date({dice.randrange(10**9) * 1000})\\/"'
    if column in SWITCHES:
        return dice.choice(["true", "false"])
    return "[" + ",".join(map(choice, dice.sample(range(100_000_000, 100_000_005), 2))) + "]"


BLANKS = {}


def post(table, organization, message, record, second, operation, values, image):
    """A body, filled into a template: json.dumps of each member of each event would take a minute."""
    kind = table, organization, message
    if kind not in BLANKS:
        members = {name: Raw(f"@{name}@") for name in ("InputParameters", "PostEntityImages", "OperationId", "OperationCreatedOn")}
        BLANKS[kind] = event(message, table, "@record@", 0, organization=organization, **members)
    images = {}
    if image:
        labels = {column: LABELS[value] for column, value in chosen(image).items() if column != "ratingcode"}
        images["Post"] = entity(table, record, image, labels)
    body = BLANKS[kind].replace("@record@", record).replace("@OperationId@", json.dumps(operation))
    created = "null" if second is None else f'"\\/Date({1_700_000_000_000 + second * 1000}+0000)\\/"'
    body = body.replace("@OperationCreatedOn@", created)
    body = body.replace("@PostEntityImages@", pairs_of(images))
    return body.replace("@InputParameters@", pairs_of({"Target": target(table, record, values)}))


def chosen(values):
    return {column: json.loads(values[column])["Value"] for column in CHOICES if values.get(column, '"')[0] == "{"}


def check(views, folder):
    faults, connection = Faults(), connect(views)
    deliveries = {}
    for partition in range(PARTITIONS):
        for number, line in enumerate((Path(folder) / f"{partition}.ndjson").read_bytes().splitlines()):
            body = parse(line)
            deliveries[body["PrimaryEntityName"], partition, number] = body
    for table in TABLES:
        states = model(connection, table, deliveries)
        found = {(str(row["_organization_id"]), str(row["Id"])): row for row in rows(connection, f"FROM {table}_latest")}
        faults.equal(sorted(found), sorted(states), table, "records")
        faults.check(len(states) > RECORDS, table, "has few records:", len(states))
        for record in states.keys() & found.keys():
            state, row = states[record], found[record]
            for column in sorted({*row, *state} - {"Id", "_organization_id"}):
                if not column.startswith("_") or column in state:
                    faults.equal(row.get(column), state.get(column), table, record, column)
    late = connection.execute("SELECT count(*) FROM late").fetchone()[0]
    faults.check(late > 1_000, "few events are late:", late)
    faults.equal(connection.execute("SELECT count(*) FROM gaps").fetchone()[0], 0, "gaps")
    faults.end()


def model(connection, table, deliveries):
    """The states of a table: each event once, the first that was delivered, in the order of docs/TABLES.md."""
    first, repeated = {}, 0
    for partition, number, enqueued in connection.execute(f"SELECT _partition, _sequence_number, _enqueued_time FROM {table}").fetchall():
        body = deliveries.pop((table, partition, number))
        place = enqueued, partition, number
        job = body["OperationId"]
        once = (job, body["OrganizationId"], body["MessageName"], body["PrimaryEntityId"]) if job not in (None, ZERO) else place
        repeated += once in first
        first[once] = min(first.get(once, (place, body)), (place, body), key=lambda delivery: delivery[0])
    print(f"{table}: {len(first)} events, {repeated} of them again; ", end="")
    states = {}
    for place, body in sorted(first.values(), key=order):
        if body["PrimaryEntityId"] != ZERO:
            apply(states, place, body)
    return states


def order(delivery):
    place, body = delivery
    values = pairs((pairs(body["InputParameters"])["Target"]).get("Attributes")) or {}
    rank = {"Create": 0, "Delete": 2}.get(body["MessageName"], 1)
    created = body["OperationCreatedOn"]
    return date_parts(created)[0] if created else milliseconds(place[0]), rank, int(values.get("versionnumber", -1)), place


def apply(states, place, body):
    record = body["OrganizationId"], body["PrimaryEntityId"]
    if body["MessageName"] == "Delete":
        states.pop(record, None)
        return
    state = states.setdefault(record, {})
    image = (pairs(body["PostEntityImages"]) or {}).get("Post") or {"Attributes": [], "FormattedValues": []}
    labels = pairs(image["FormattedValues"]) or {}
    values = pairs(image["Attributes"]) or {}
    values.update(pairs(pairs(body["InputParameters"])["Target"]["Attributes"]) or {})
    for column, value in values.items():
        state.update(cells(column, value, labels.get(column)))
    state.update(_message=body["MessageName"], _partition=place[1], _sequence_number=place[2], SinkModifiedOn=place[0])
    created = body["OperationCreatedOn"]
    state["_operation_created_on"] = instant(date_parts(created)[0]) if created else None


def cells(column, value, label):
    """A column and its companions after a value is set; one that does not fit sets null."""
    if column in LOOKUPS:
        id = value["Id"] if value else None
        return {column: id, column + "_entitytype": value and value["LogicalName"], column + "name": value and value["Name"]}
    if column in CHOICES:
        fits = type_name(value) == "OptionSetValue"
        return {column: int(value["Value"]) if fits else None, column + "name": label if fits else None}
    if column in LISTS:
        return {column: value and [int(item["Value"]) for item in value]}
    if column in MONEYS:
        return {column: Decimal(value["Value"]) if type_name(value) == "Money" else None}
    if column in DATES:
        date = value and date_parts(value)
        return {column: instant(date[0]) if date else None}
    return {column: value}


if __name__ == "__main__":
    {"make": make, "check": check}[sys.argv[1]](*sys.argv[2:])
