"""Everything that the Python SDK can send in one event, and what a receiver gets of it."""

import uuid
from datetime import datetime, timezone

from azure.eventhub import EventData
from azure.eventhub.amqp import AmqpAnnotatedMessage as Annotated

ID = uuid.UUID("6f6d1c1c-6c3e-4a39-9f4d-0d0e3c2b1a00")
TIME = datetime(2026, 3, 1, 12, 30, 15, 250000, tzinfo=timezone.utc)
TIME_MS = 1772368215250
HEADER = dict(durable=True, priority=7, time_to_live=86_400_000, first_acquirer=True, delivery_count=3)
PROPERTIES = dict(
    message_id="an id",
    user_id=b"user",
    to="to",
    subject="subject \u00fc",
    reply_to="reply",
    correlation_id="correlation",
    content_type="application/json; charset=utf-8",
    content_encoding="utf-8",
    absolute_expiry_time=TIME_MS + 86_400_000,
    creation_time=TIME_MS,
    group_id="group",
    group_sequence=4_000_000_000,
    reply_to_group_id="reply group",
)
# Values of application properties, and as they are received. The SDK also sends decimals, which its receiver can't read.
VALUES = {
    "text": ("\u00fc\u20ac\U0001f600", "\u00fc\u20ac\U0001f600".encode()),
    "empty": ("", b""),
    "long": ("x" * 70_000, b"x" * 70_000),
    "bytes": (b"\x00\xff", b"\x00\xff"),
    "zero": (0, 0),
    "int": (7, 7),
    "int_max": (2**31 - 1, 2**31 - 1),
    "int_min": (-(2**31), -(2**31)),
    "true": (True, True),
    "false": (False, False),
    "float": (0.1, 0.1),
    "infinity": (float("inf"), float("inf")),
    "none": (None, None),
    "uuid": (ID, ID),
    "time": (TIME, TIME_MS),
    "list": ([1, "a", [None]], [1, b"a", [None]]),
    "map": ({"a": {"b": 1}}, {b"a": {b"b": 1}}),
    # A described value, as of .NET's timespan.
    "described": (("com.microsoft:timespan", 5), 5),
}


def received(value):
    """A value as the SDK decodes it: text as bytes, a time in milliseconds."""
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, datetime):
        return TIME_MS
    if isinstance(value, list):
        return [received(item) for item in value]
    if isinstance(value, dict):
        return {received(key): received(item) for key, item in value.items()}
    return value


def event(body, **properties):
    data = EventData(body)
    data.properties = properties
    return data


def _full_event():
    data = event("full", **{name: sent for name, (sent, _) in VALUES.items()})
    data.content_type, data.message_id, data.correlation_id = "application/json", "message", "correlation"
    return data


def _bytes_key():
    data = EventData("bytes key")
    data.properties = {b"key": 1}
    return data


# The body as (kind, value) of a receiver, how the message is made, and what else it has.
CASES = [
    (("data", [b"text"]), lambda: EventData("text"), {}),
    (("data", [b"\x00\xff"]), lambda: EventData(b"\x00\xff"), {}),
    (("data", ["\u00fc\u20ac\U0001f600".encode()]), lambda: EventData("\u00fc\u20ac\U0001f600"), {}),
    (("data", [b""]), lambda: EventData(""), {}),
    # Without a section for the body.
    (("value", None), lambda: EventData([]), {}),
    (("data", [b"one", b"two", b""]), lambda: EventData(["one", "two", ""]), {}),
    (("data", [b"full"]), _full_event, {"application_properties": {k.encode(): v for k, (_, v) in VALUES.items()}}),
    (("data", [b"bytes key"]), _bytes_key, {"application_properties": {b"key": 1}}),
    (("data", [b"{}"]), lambda: EventData.from_message_content(b"{}", "application/json"), {}),
    (("data", [b"x" * 200_000]), lambda: EventData(b"x" * 200_000), {}),
    (("data", [b"a", b"b"]), lambda: Annotated(data_body=[b"a", "b"]), {}),
    (("sequence", [[1, b"a", None]]), lambda: Annotated(sequence_body=[1, "a", None]), {}),
    (("sequence", [[1], [2.5, [True]]]), lambda: Annotated(sequence_body=[[1], [2.5, [True]]]), {}),
    (("sequence", [[]]), lambda: Annotated(sequence_body=[[]]), {}),
    (("value", None), lambda: Annotated(value_body=None), {}),
]
for _value in ("text", b"bytes", 7, 2.5, True, ID, TIME, [1, ["a"]], {"a": {"b": [None]}}):
    CASES.append((("value", received(_value)), lambda value=_value: Annotated(value_body=value), {}))
for _name, _value in HEADER.items():
    CASES.append(
        (("data", [b"h"]), lambda n=_name, v=_value: Annotated(data_body="h", header={n: v}), {"header": {_name: _value}})
    )
for _name, _value in PROPERTIES.items():
    CASES.append(
        (
            ("data", [b"p"]),
            lambda n=_name, v=_value: Annotated(data_body="p", properties={n: v}),
            {"properties": {_name: received(_value)}},
        )
    )
for _id in (0, 7, 2**63, b"\x01\x02", "text", ID):
    CASES.append(
        (
            ("data", [b"i"]),
            lambda value=_id: Annotated(data_body="i", properties={"message_id": value, "correlation_id": value}),
            {"properties": {"message_id": received(_id), "correlation_id": received(_id)}},
        )
    )
CASES += [
    (("data", [b"f"]), lambda: Annotated(data_body="f", footer={"sum": 7, "x": b"y"}), {"footer": {b"sum": 7, b"x": b"y"}}),
    (("data", [b"d"]), lambda: Annotated(data_body="d", delivery_annotations={"hop": 1}), {}),
    (
        ("data", [b"n"]),
        lambda: Annotated(data_body="n", annotations={"mine": [1], 5: "ulong key", "x-opt-sequence-number": 99}),
        {"annotations": {b"mine": [1], 5: b"ulong key"}},
    ),
]


def _everything(**body):
    return Annotated(
        **body,
        header=HEADER,
        delivery_annotations={"hop": "this one only"},
        annotations={"mine": "kept"},
        properties=PROPERTIES,
        application_properties={"a": 1},
        footer={"sum": 7},
    )


_EVERYTHING = {
    "header": HEADER,
    "annotations": {b"mine": b"kept"},
    "properties": received(PROPERTIES),
    "application_properties": {b"a": 1},
    "footer": {b"sum": 7},
}
_EVERYTHING["properties"] = {name: received(value) for name, value in PROPERTIES.items()}
CASES += [
    (("data", [b"all", b"sections"]), lambda: _everything(data_body=["all", "sections"]), _EVERYTHING),
    (("sequence", [[b"all"], [1]]), lambda: _everything(sequence_body=[["all"], [1]]), _EVERYTHING),
    (("value", {b"all": 1}), lambda: _everything(value_body={"all": 1}), _EVERYTHING),
]


def check(got, case):
    """Compares a received event with what was sent."""
    (kind, body), _, rest = case
    raw = got.raw_amqp_message
    assert raw.body_type.value == kind, (raw.body_type, case)
    assert (raw.body if kind == "value" else list(raw.body)) == body, (raw, case)
    for part in ("application_properties", "footer"):
        assert getattr(raw, part) == rest.get(part, getattr(raw, part)), (part, getattr(raw, part), case)
    for part in ("header", "properties"):
        for name, value in rest.get(part, {}).items():
            assert getattr(raw, part)[name] == value, (part, name, raw, case)
    for name, value in rest.get("annotations", {}).items():
        assert raw.annotations[name] == value, (name, raw.annotations, case)
    # Annotations of a sender are for the hub only; a reader gets only those that it asks for.
    assert not raw.delivery_annotations, (raw.delivery_annotations, case)
    assert got.sequence_number is not None and got.offset and got.enqueued_time.tzinfo, got
