"""Events for a lake, of each kind, and a manifest of what has to be in the lake for each.

Of the manifest an item is `{"row": name}`, a row of the table account, or `{"body": hex, "properties": JSON}`, a row of
the quarantine. `body` is the end of the stored body if the whole message is stored.
"""

import json
import os
from decimal import Decimal

import messages
from azure.eventhub import EventData
from azure.eventhub._pyamqp._encode import encode_list, encode_value
from azure.eventhub.amqp import AmqpAnnotatedMessage as Annotated

RECORD = "00000000-0000-0000-0000-000000000001"
PROPERTIES = {name: sent for name, (sent, _) in messages.VALUES.items() if name not in ("list", "map")}
PROPERTIES["decimal"] = Decimal("-12345678901234567890.50")
# As JSON: a time in milliseconds, bytes in base64, a decimal and an infinity as text, a described value without its type.
STORED = {
    **{name: value for name, value in PROPERTIES.items() if not isinstance(value, bytes)},
    "bytes": "AP8=",
    "time": messages.TIME_MS,
    "uuid": str(messages.ID),
    "decimal": "-12345678901234567890.50",
    "infinity": "inf",
    "described": 5,
}


def update(name):
    """The body of an Update of one account, as Dataverse posts it."""
    target = {"LogicalName": "account", "Id": RECORD, "Attributes": [{"key": "name", "value": name}]}
    return json.dumps(
        {
            "MessageName": "Update",
            "PrimaryEntityName": "account",
            "PrimaryEntityId": RECORD,
            "InputParameters": [{"key": "Target", "value": target}],
        },
        ensure_ascii=False,
    )


def encoded(value):
    out = bytearray()
    encode_value(out, value)
    return bytes(out)


def lists(*sections):
    out = bytearray()
    for section in sections:
        encode_list(out, section)
    return bytes(out)


def everything(**body):
    return Annotated(
        **body,
        header=messages.HEADER,
        delivery_annotations={"hop": 1},
        annotations={"mine": "kept"},
        properties=messages.PROPERTIES,
        application_properties={"a": 1},
        footer={"sum": 7},
    )


def with_properties(body):
    data = EventData(body)
    data.properties = dict(PROPERTIES)
    return data


def rows():
    """(name, message): each message is a row of the table account."""
    large = "x" * 900_000
    yield "text", lambda body: EventData(body)
    yield "bytes \u00fc\u20ac\U0001f600", lambda body: EventData(body.encode())
    yield "sections", lambda body: EventData([body[:50], "", body[50:]])
    yield "properties", with_properties
    yield large, lambda body: EventData(body)
    yield "value text", lambda body: Annotated(value_body=body)
    yield "value bytes", lambda body: Annotated(value_body=body.encode())
    yield "header", lambda body: Annotated(data_body=body, header=messages.HEADER)
    yield "footer", lambda body: Annotated(data_body=body, footer={"sum": 7})
    yield "delivery annotations", lambda body: Annotated(data_body=body, delivery_annotations={"hop": 1})
    yield "annotations", lambda body: Annotated(data_body=body, annotations={"x-opt-offset": "9", "mine": [1]})
    yield "everything", lambda body: everything(data_body=body)
    yield "everything in sections", lambda body: everything(data_body=[body[:50], body[50:]])
    yield "everything in a value", lambda body: everything(value_body=body)


def others():
    """(body, JSON of the properties, message): each message is a row of the quarantine."""
    yield b"", None, lambda: EventData("")
    yield b"", None, lambda: EventData([])
    yield b"", None, lambda: Annotated(value_body=None)
    yield b"\x00\xff", STORED, lambda: with_properties(b"\x00\xff")
    yield b"no JSON", {"list": "wAYCVAGhAWE="}, lambda: _listed()
    yield lists([1, "a"]), None, lambda: Annotated(sequence_body=[1, "a"])
    yield lists([1], [2, [True]]), None, lambda: Annotated(sequence_body=[[1], [2, [True]]])
    yield lists(["all"], [1]), {"a": 1}, lambda: everything(sequence_body=[["all"], [1]])
    for value in (7, 2.5, True, messages.ID, messages.TIME, Decimal("1.25"), [1, ["a"]], {"a": {"b": [None]}}):
        yield encoded(value), None, lambda value=value: Annotated(value_body=value)
    yield b"everything", {"a": 1}, lambda: everything(data_body="everything")
    # Text as user id is encoded wrongly by the SDK: the whole message is stored.
    yield b"odd", None, lambda: Annotated(data_body="odd", properties={"user_id": "text"})


def _listed():
    data = EventData(b"no JSON")
    data.properties = {"list": [1, "a"]}
    return data


def send_for_the_lake(hub, partition):
    """Sends everything singly, as a list and in a batch."""
    made = [({"row": name}, lambda name=name, make=make: make(update(name))) for name, make in rows()]
    made += [({"body": body.hex(), "properties": stored}, make) for body, stored, make in others()]
    sent = []
    with hub.producer() as client:
        for item, make in made:
            client.send_event(make(), partition_id=partition)
            sent.append(item)
        small = [(item, make) for item, make in made if len(item.get("row", "")) < 1000]
        client.send_batch([make() for _, make in small], partition_id=partition)
        batch = client.create_batch(partition_id=partition)
        for item, make in small:
            batch.add(make())
        client.send_batch(batch)
        sent += [item for item, _ in small] * 2
    with open(os.environ["MANIFEST"], "w", encoding="utf-8") as out:
        json.dump({"partition": int(partition), "sent": sent}, out)


CHECKS = [send_for_the_lake]
