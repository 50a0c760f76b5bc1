"""clashes.py make FOLDER: writes clashes.ndjson, events with attributes whose names and values the views could misinterpret.
clashes.py check VIEWS: compares the views with the expected rows.
clashes.py redrive VIEWS LAKE, clashes.py redriven VIEWS: bodies of the quarantine get rows in tables with different columns."""

import json
import re
import sys
from pathlib import Path

from checking import Faults, connect, rows
from event_builder import Raw, choice, entity, event, guid, money, pairs, reference, typed

ZERO = "00000000-0000-0000-0000-000000000000"
HERE, THERE = guid(40), guid(41)
# Names that the views use, here as names of attributes and of tables.
ALIASES = ["value", "column", "label", "before", "table", "events", "repeated", "deletions", "live", "each", "valued", "earlier", "image"]
ALIASES += ["event", "misfit", "attribute", "found", "left"]
ALIASES += ["filename", "file", "source", "first", "last", "present", "reached", "overtaken_by", "behind"]
# Queries within the views: the view of a table with such a name gets another underscore.
QUERIES = ["_events", "_live", "_valued", "_repeated"]
BAD = ["nonsense", "[1]"]


def lookup(record, name=None):
    return reference("new_country", record, name)


def several(message, table, second, entities, form):
    records = ",".join(entities)
    targets = f"[{records}]" if form == "list" else f'{{{typed("EntityCollection")},"Entities":[{records}],"EntityName":"{table}","MoreRecords":false}}'
    return event(message, table, ZERO, second, PrimaryEntityId=ZERO, InputParameters=Raw(pairs({"Targets": targets})))


def labels():
    """Only one of the columns with the name of a companion is text; the others are attributes."""
    attributes = {"size": choice(1), "sizename": "5", "kind": choice(2), "flag": choice(3), "flagname": "true"}
    target = entity("proj", guid(1), attributes, {"kind": "K", "size": "S"}, typed("Entity") + ",")
    yield event("Update", "proj", guid(1), 1, InputParameters=Raw(pairs({"Target": target})))
    yield event("Update", "flagged", guid(1), 1, {"flag": choice(3), "flagname": "true"})


def companions():
    """Countries with an attribute for their name, and countries whose name is the label of the lookup."""
    own, gone, plain, imaged = guid(10), guid(11), guid(12), guid(13)
    yield event("Create", "place", own, 1, {"new_country": lookup(HERE, "Here"), "new_countryname": '"Text"'})
    yield event("Update", "place", own, 2, {"new_country": lookup(THERE)})
    yield event("Create", "place", gone, 1, {"new_country": lookup(HERE), "new_countryname": '"Text2"'})
    yield event("Update", "place", gone, 2, {"new_countryname": "null"})
    yield event("Create", "place", plain, 1, {"new_country": lookup(HERE, "Here")})
    yield event("Update", "place", plain, 2, {"new_country": lookup(THERE)})
    image = {"new_country": lookup(HERE), "new_countryname": '"Text3"'}
    yield event("Update", "place", imaged, 1, {"city": '"c"'}, images={"Post": (image, {"new_country": "Here"})})
    yield event("Update", "place", imaged, 2, {"new_country": lookup(THERE, "There")})


def aliases():
    attributes = {name: json.dumps(f"of {name}") for name in ALIASES}
    yield event("Create", "odd", guid(20), 1, attributes)
    yield event("Update", "odd", guid(20), 2, {name: "null" for name in ALIASES})
    for table in ALIASES + QUERIES:
        yield event("Create", table, guid(21), 1, {"name": json.dumps(f"of {table}")})


def misfits():
    """Values that fit no column, of one target and of several, in both forms."""
    yield event("Create", "sum", guid(30), 1, {"amount": money("1"), "a/b~": money("1")})
    yield event("Update", "sum", guid(30), 2, {"amount": '"much"', "a/b~": '"odd"'})
    for second, form in [(3, "list"), (4, "collection")]:
        entities = [entity("sum", guid(30 + n), {"amount": f'"{form} {n}"', "a/b~": f'"odd {n}"'}) for n in range(2)]
        yield several("UpdateMultiple", "sum", second, entities, form)


def make(folder):
    # The table with the column `filename` is the first by name, and no other table has the column.
    first = event("Create", "annotation", guid(50), 1, {"filename": '"a.txt"'})
    last = event("Create", "contact", guid(51), 1, {"firstname": '"f"'})
    lines = [first, *labels(), *companions(), *aliases(), *misfits(), *BAD, last]
    (Path(folder) / "clashes.ndjson").write_text("\n".join(lines) + "\n")
    print(f"{len(lines)} events")


def check(views):
    connection, faults = connect(views), Faults()
    fetch = lambda query: connection.execute(query).fetchall()
    for check in (check_labels, check_companions, check_aliases, check_misfits):
        check(fetch, faults)
    faults.equal(fetch("FROM gaps"), [], "gaps")
    faults.equal(fetch("SELECT count(*) FROM quarantine"), [(len(BAD),)], "quarantine")
    faults.end()


def check_labels(fetch, faults):
    found = fetch('SELECT "column", value, label FROM proj_changes ORDER BY ALL')
    expected = [("flag", "3", None), ("flagname", "true", None), ("kind", "2", "K"), ("size", "1", "S"), ("sizename", "5", None)]
    faults.equal(found, expected, "labels")
    found = fetch('SELECT "column", label, typeof(label) FROM flagged_changes ORDER BY ALL')
    faults.equal(found, [("flag", None, "VARCHAR"), ("flagname", None, "VARCHAR")], "labels that are none")
    faults.equal(fetch("SELECT size, sizename, kindname FROM proj_latest"), [(1, 5, "K")], "labels in states")


def check_companions(fetch, faults):
    found = fetch("SELECT new_country::VARCHAR, new_country_entitytype, new_countryname FROM place_latest ORDER BY Id")
    there = (THERE, "new_country")
    faults.equal(found, [(*there, "Text"), (HERE, "new_country", None), (*there, None), (*there, "Text3")], "states")
    found = fetch('SELECT right(Id::VARCHAR, 2), right(value, 2), label FROM place_changes WHERE "column" = \'new_country\' ORDER BY Id, _operation_created_on')
    labels = [("10", "40", "Here"), ("10", "41", None), ("11", "40", None), ("12", "40", "Here"), ("12", "41", None), ("13", "41", "There")]
    faults.equal(found, labels, "labels of lookups")
    found = fetch("SELECT value, before FROM place_changes WHERE \"column\" = 'new_countryname' ORDER BY Id, _operation_created_on")
    faults.equal(found, [("Text", None), ("Text2", None), (None, "Text2")], "changes of an attribute named like a companion")


def check_aliases(fetch, faults):
    found = fetch('SELECT "column", value, before FROM odd_changes ORDER BY _operation_created_on, "column"')
    expected = [(name, f"of {name}", None) for name in sorted(ALIASES)] + [(name, None, f"of {name}") for name in sorted(ALIASES)]
    faults.equal(found, expected, "changes")
    columns = ", ".join(f'"{name}"' for name in ALIASES)
    faults.equal(fetch(f"SELECT {columns} FROM odd_latest"), [(None,) * len(ALIASES)], "states")
    for table, history in [(name, name) for name in ALIASES] + [(name, f"{name}_") for name in QUERIES]:
        for view in (history, f"{history}_latest"):
            faults.equal(fetch(f'SELECT name FROM "{view}"'), [(f"of {table}",)], view)
        faults.equal(fetch(f'SELECT value FROM "{history}_changes"'), [(f"of {table}",)], table, "changes")


def check_misfits(fetch, faults):
    query = 'SELECT value, before FROM sum_changes WHERE "column" = \'{}\' AND Id = \'' + guid(30) + "' ORDER BY _operation_created_on"
    for column, one, more in [("amount", "much", ["list 0", "collection 0"]), ("a/b~", "odd", ["odd 0", "odd 0"])]:
        values = ["1", one, *more]
        faults.equal(fetch(query.format(column)), list(zip(values, [None, *values])), column)
    faults.equal(fetch(f"SELECT value FROM sum_changes WHERE Id = '{guid(31)}' AND \"column\" = 'amount' ORDER BY ALL"), [("collection 1",), ("list 1",)], "of the second target")
    faults.equal(fetch("SELECT Id::VARCHAR, amount FROM sum_latest ORDER BY Id"), [(guid(30), None), (guid(31), None)], "states")


def redrive(views, lake):
    """Writes the rows of bodies that are understood now, as `catchwater redrive` would."""
    connection = connect(views)
    file = next(Path(lake).glob("_quarantine/*/*.cw.parquet"))
    source = re.fullmatch(r"(.*)-\d{20}\.cw\.parquet", file.name)[1]
    numbers = [row["_sequence_number"] for row in rows(connection, "FROM _quarantine ORDER BY _sequence_number")]
    for number, table, attribute in zip(numbers, ["annotation", "contact"], ["filename", "firstname"]):
        path = Path(lake) / table / file.parent.name / f"{source}-{0:020}-r1.cw.parquet"
        columns = f"'{HERE}' AS \"Id\", 'x' AS {attribute}, 0::INTEGER AS _partition, {number}::BIGINT AS _sequence_number"
        connection.execute(f"COPY (SELECT {columns}) TO '{path}' (FORMAT parquet)")


def redriven(views):
    connection, faults = connect(views), Faults()
    faults.equal(len(rows(connection, "FROM _quarantine")), len(BAD), "all that was ever in quarantine")
    faults.equal(rows(connection, "FROM quarantine"), [], "what still is")
    faults.equal(rows(connection, "FROM gaps"), [], "gaps")
    faults.end()


if __name__ == "__main__":
    {"make": make, "check": check, "redrive": redrive, "redriven": redriven}[sys.argv[1]](*sys.argv[2:])
