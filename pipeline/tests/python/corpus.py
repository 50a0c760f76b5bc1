"""corpus.py VIEWS FOLDER…: every body of every folder is in one table, decoded with all its leaves or quarantined.

The folders were sent in this order, one to a partition."""

import json
import sys
from pathlib import Path

from bodies import Number, lost_leaves
from checking import Faults, connect, rows


def main(views, *folders):
    connection, faults = connect(views), Faults()
    found = {}
    views = [name for (name,) in connection.execute("SELECT view_name FROM duckdb_views() WHERE NOT internal").fetchall()]
    for view in views:
        read = rows(connection, f'FROM "{view}"')
        if view.endswith("_latest"):
            continue
        for row in read:
            place = row["_partition"], row["_sequence_number"]
            faults.check(place not in found, place, "is in", view, "and in", found.get(place, [""])[0])
            found[place] = view, row
    sent = {
        (partition, number): path
        for partition, folder in enumerate(folders)
        for number, path in enumerate(sorted(path for path in Path(folder).iterdir() if path.is_file()))
    }
    faults.equal(sorted(found), sorted(sent), "places")
    decoded = 0
    for place in sent.keys() & found.keys():
        view, row = found[place]
        decoded += check_body(faults, sent[place], view, row)
    faults.check(decoded > 50, "decoded:", decoded)
    print(f"{len(sent)} bodies, {decoded} decoded, {len(views)} views")
    faults.end()


# XML bodies that say more than their JSON twins: finer than a millisecond.
SAY_MORE = {"t_datetime_max"}


def check_body(faults, path, view, row):
    """Whether a body was decoded; checks that it was if it could be."""
    where = f"{path.parent.name}/{path.name}"
    if path.suffix == ".xml":
        return check_xml(faults, path, where, view, row)
    body = understood(path)
    faults.check((view == "_quarantine") == (body is None), where, "is in", view, row.get("_reason", ""))
    if view == "_quarantine":
        faults.equal(row["_body"], path.read_bytes(), where)
        faults.check(bool(row["_reason"]), where, "has no reason")
        return False
    for leaf in lost_leaves(body, row):
        faults.check(False, where, "lost", repr(leaf))
    if path.parent.name == "json_wire" and body["MessageName"] in ("Create", "Update", "Delete"):
        rest = row["_rest"] and json.loads(row["_rest"])
        faults.equal(rest, expected_rest(body), where, "_rest")
    return True


def check_xml(faults, path, where, view, row):
    """All of them are events; what their twins in JSON say is in their rows."""
    faults.check(view != "_quarantine", where, "is in", view, row.get("_reason", ""))
    name = path.stem.removeprefix("derived_") + ".json"
    twins = [path.parent.parent / folder / name for folder in ("json_wire", "json")]
    twin = next((understood(twin) for twin in twins if twin.is_file()), None)
    if twin and path.stem not in SAY_MORE:
        for leaf in lost_leaves(twin, row):
            faults.check(False, where, "lost", repr(leaf))
    return True


def expected_rest(body):
    """None for an ordinary event. Two of the real ones say something that has no column: a synchronous step its name, and
    one record a row version."""
    rest = {}
    if body["OwningExtension"]["Name"]:
        rest["OwningExtension"] = {"Name": body["OwningExtension"]["Name"]}
    target = next(pair["value"] for pair in body["InputParameters"] if pair["key"] == "Target")
    if target.get("RowVersion"):
        rest["InputParameters"] = {"Target": {"RowVersion": target["RowVersion"]}}
    return rest or None


def understood(path):
    """The body, if it is JSON and an event."""

    def refuse(constant):
        raise ValueError(constant)

    try:
        body = json.loads(path.read_bytes().decode("utf-8-sig"), parse_float=Number, parse_int=Number, parse_constant=refuse)
    except ValueError:
        return None
    return body if isinstance(body, dict) and isinstance(body.get("MessageName"), str) else None


if __name__ == "__main__":
    main(*sys.argv[1:])
