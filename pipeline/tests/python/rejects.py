"""rejects.py make FOLDER: writes rejected bodies among good ones, one of which has 900 KB.
rejects.py check VIEWS FOLDER: the rejected bodies are in _quarantine byte for byte, the good ones are rows."""

import sys
from pathlib import Path

from checking import Faults, connect, rows
from event_builder import event, guid

LARGE = 900_000


def good(number, attributes=None):
    return event("Create", "account", guid(number), number, attributes or {"name": f'"{number}"'}).encode()


# In the order of their names, as `send --files` sends them, the good ones between the bad ones.
BAD = {
    "b-not-json": b"hello",
    "c-empty": b"",
    "d-not-utf8": good(2).replace(b'"2"', b'"\xff\xfe"'),
    "e-deep": b"[" * 10_000 + b"]" * 10_000,
    "f-deep-inside": good(3, {"name": "[" * 10_000 + "]" * 10_000}),
    "g-cut": good(4)[:700],
    "h-list": b"[1]",
    "i-no-message": b"{}",
    "j-behind": good(5) + b"x",
    "k-nan": good(6, {"name": "NaN"}),
    "l-blank": b" \n ",
}
GOOD = {"a-first": good(100), "e-between": good(101), "m-large": None, "n-last": good(102)}


def large():
    """Readable text of a length at which the body has exactly LARGE bytes."""
    frame = len(good(103, {"description": '""'}))
    words = "Zürich \\u00e9t\\u00e9 \\\"quoted\\\" 東京 and so on; "
    text = words * (LARGE // len(words.encode()) + 1)
    text = text.encode()[: LARGE - frame - 100].decode(errors="ignore").rstrip("\\")
    text = text[: text.rindex(";")]
    text += "x" * (LARGE - frame - len(text.encode()))
    return good(103, {"description": f'"{text}"'})


def make(folder):
    for name, body in {**BAD, **GOOD, "m-large": large()}.items():
        (Path(folder) / f"{name}.json").write_bytes(body)


def check(views, folder):
    import json

    connection, faults = connect(views), Faults()
    sent = {path.stem: path.read_bytes() for path in sorted(Path(folder).glob("*.json"))}
    faults.equal(len(sent["m-large"]), LARGE, "bytes of the large body")
    names = list(sent)
    rejected = {names[row["_sequence_number"]]: row for row in rows(connection, "FROM _quarantine")}
    faults.equal(sorted(rejected), sorted(BAD), "quarantined")
    for name, row in rejected.items():
        faults.equal(row["_body"], sent[name], name)
        faults.check(len(row["_reason"] or "") > 5, name, "has no reason:", row["_reason"])
        faults.equal(row["_content_type"], "application/json", name)
        faults.check(row["_byte_offset"] is None or 0 <= row["_byte_offset"] <= len(sent[name]), name, row["_byte_offset"])
    reasons = {row["_reason"] for row in rejected.values()}
    faults.check(len(reasons) >= 5, "the reasons are not distinct:", reasons)
    places = [name for name, row in rejected.items() if row["_byte_offset"] is not None]
    faults.check("d-not-utf8" in places, "no place of what is not UTF-8:", places)
    accepted = {names[row["_sequence_number"]]: row for row in rows(connection, "FROM account")}
    faults.equal(sorted(accepted), sorted(GOOD), "rows")
    attributes = {pair["key"]: pair["value"] for pair in json.loads(sent["m-large"])["InputParameters"][0]["value"]["Attributes"]}
    faults.check(accepted["m-large"]["description"] == attributes["description"], "the large text has changed")
    faults.check(all(row["_rest"] is None for row in accepted.values()), "something is left")
    faults.end()


if __name__ == "__main__":
    {"make": make, "check": check}[sys.argv[1]](*sys.argv[2:])
