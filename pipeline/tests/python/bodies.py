"""Bodies of Dataverse events as parsed by Python's json, and their leaves: each has to be somewhere in the row."""

import json
import re
from datetime import datetime, timedelta, timezone
from decimal import Decimal


class Number(Decimal):
    """A number of a body, with all its digits."""

    def __new__(cls, text):
        number = super().__new__(cls, text)
        number.text = text
        return number


def parse(data):
    """The parsed body, with numbers as Decimal."""
    return repaired(json.loads(data, parse_float=Number, parse_int=Number, parse_constant=no_json))


def repaired(value):
    """The value with U+FFFD for each lone surrogate."""
    if isinstance(value, dict):
        return {repaired(name): repaired(member) for name, member in value.items()}
    if isinstance(value, list):
        return list(map(repaired, value))
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return value


def no_json(constant):
    raise ValueError(constant)


def instant(ms):
    return datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(milliseconds=ms)


def milliseconds(moment):
    moment = moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
    return (moment - instant(0)) // timedelta(milliseconds=1)


def date_parts(text):
    """(milliseconds, offset in minutes) of the serializer's date, or None."""
    found = re.fullmatch(r"/Date\((-?\d+)(?:([+-])(\d\d)(\d\d))?\)/", text)
    if not found:
        return None
    ms, sign, hours, minutes = found.groups()
    offset = int(hours) * 60 + int(minutes) if sign else 0
    return int(ms), -offset if sign == "-" else offset


def pairs(value):
    """A key/value list as a dict, or None if it is something else."""
    is_pair = lambda item: isinstance(item, dict) and set(item) - {"__type"} == {"key", "value"}
    if isinstance(value, list) and value and all(map(is_pair, value)):
        return {item["key"]: item["value"] for item in value}
    return None


def type_name(value):
    return value.get("__type", "").split(":")[0] if isinstance(value, dict) else ""


def leaves(value):
    """Every string, number and boolean below a value. None of them may get lost."""
    if isinstance(value, dict):
        for name, member in value.items():
            if name != "__type":
                yield from leaves(member)
    elif isinstance(value, list):
        for key, member in (pairs(value) or {}).items() or enumerate(value):
            yield from leaves(member)
    elif value is not None:
        yield value


def is_empty(value):
    return next(leaves(value), None) is None


def lost_leaves(body, row):
    """The leaves of a body, except those of ParentContext, that are not in its row."""
    # Implied by the row: its table, and that a step posted the event.
    known = {("text", text) for text in (body.get("PrimaryEntityName"), "none", "sdkmessageprocessingstep")}
    for column, value in row.items():
        known.add(("text", column))
        known.update(tokens(value))
    kept = {name: value for name, value in body.items() if name != "ParentContext"}
    return [leaf for leaf in leaves(kept) if not any(token in known for token in tokens(leaf))]


def tokens(value):
    """All forms in which a value of a body or of a row can appear."""
    if isinstance(value, list):
        for item in value:
            yield from tokens(item)
    elif isinstance(value, dict):
        for key, member in value.items():
            yield from tokens(key)
            yield from tokens(member)
    elif isinstance(value, bytes):
        yield from (("number", Decimal(byte)) for byte in value)
    elif isinstance(value, bool):
        yield "boolean", value
    elif isinstance(value, (int, Decimal)):
        yield "number", Decimal(value)
        yield "text", getattr(value, "text", str(value))
    elif isinstance(value, datetime):
        yield "instant", milliseconds(value)
    elif isinstance(value, str):
        yield from text_tokens(value)


def text_tokens(text):
    text = repaired(text)
    yield "text", text
    if re.fullmatch("[0-9A-Fa-f-]{36}", text):
        yield "text", text.lower()
    for ms in moments(text):
        yield "instant", ms
    if text[:1] in ("{", "["):
        try:
            inner = parse(text)
        except ValueError:
            return
        yield from tokens(inner)


def moments(text):
    """The instants that a date may mean: by its milliseconds, and by its local time."""
    shown = date_parts(text)
    if shown:
        yield shown[0]
        yield shown[0] + shown[1] * 60_000
    elif re.match(r"\d{4}-\d\d-\d\dT", text):
        try:
            yield milliseconds(datetime.fromisoformat(text).replace(tzinfo=timezone.utc))
        except ValueError:
            return
