"""typed.py make FOLDER: writes table metadata in two files (schema/), other metadata that contradicts
the lake (other.json), and two rounds of events (one.ndjson, two.ndjson).
typed.py check VIEWS LAKE: every column has the type of the first metadata, and every value is in its column or in _rest.
typed.py same VIEWS OTHER: the views of two lakes have the same columns, of the same types."""

import json
import sys
from datetime import date, datetime, timezone
from decimal import Decimal
from pathlib import Path

from checking import Faults, connect, quoted, rows
from event_builder import choice, event, guid, money, party_list, reference

TABLE = "new_typed"
CONTEXT = "https://org.crm4.dynamics.com/api/data/v9.2/$metadata#EntityDefinitions"
MIDNIGHT, NOON = "/Date(1714953600000)/", "/Date(1714996800000)/"
PARTY = (
    "STRUCT(partyid VARCHAR, partyid_entitytype VARCHAR, partyidname VARCHAR, participationtypemask INTEGER, "
    "addressused VARCHAR, rest VARCHAR)[]"
)

# name: (AttributeType, AttributeTypeName, DuckDB's type, a value that fits, how DuckDB shows it, one that does not)
ATTRIBUTES = {
    "new_ratio": ("Double", "DoubleType", "DOUBLE", "0.33333333333333331", 1 / 3, "79228162514264337593543950335"),
    "new_whole": ("Double", "DoubleType", "DOUBLE", "4", 4.0, '"4"'),
    "new_born": ("DateTime", "DateTimeType", "DATE", f'"{MIDNIGHT}"', date(2024, 5, 6), f'"{NOON}"'),
    "new_seen": ("DateTime", "DateTimeType", "TIMESTAMP WITH TIME ZONE", f'"{NOON}"', datetime(2024, 5, 6, 12, tzinfo=timezone.utc), '"noon"'),
    "new_token": ("Uniqueidentifier", "UniqueidentifierType", "VARCHAR", f'"{guid(77)}"', guid(77), '"none"'),
    "new_owner": ("Owner", "OwnerType", "VARCHAR", reference("systemuser", guid(78)), guid(78), "7"),
    "new_tags": ("Virtual", "MultiSelectPicklistType", "INTEGER[]", f"[{choice(1)},{choice(2)}]", [1, 2], choice(1)),
    "new_to": ("PartyList", "PartyListType", PARTY, party_list(guid(79)), None, '"Ann"'),
    "new_large": ("BigInt", "BigIntType", "BIGINT", "7", 7, "1.5"),
    "new_small": ("Integer", "IntegerType", "INTEGER", "7", 7, "2147483648"),
    "new_rate": ("Decimal", "DecimalType", "DECIMAL(38,12)", "7", Decimal(7), '"7"'),
    "new_price": ("Money", "MoneyType", "DECIMAL(38,12)", money("1.2500"), Decimal("1.25"), '"1.25"'),
    "new_note": ("Memo", "MemoType", "VARCHAR", f'"{MIDNIGHT}"', MIDNIGHT, "7"),
    "new_text": ("String", "StringType", "VARCHAR", f'"{guid(80)}"', guid(80), "true"),
    "new_never": ("Double", "DoubleType", "DOUBLE", "null", None, "null"),
}
# Attributes of the other metadata, and of no metadata.
LATER = {"new_later": ("Double", "DoubleType", "DOUBLE", "2", 2.0, '"2"')}
FREE = "new_free"


def metadata(attributes):
    stated = [
        {"MetadataId": guid(9), "LogicalName": name, "AttributeType": code, "AttributeTypeName": {"Value": type_name}, "AttributeOf": None}
        for name, (code, type_name, *_) in attributes.items()
    ]
    stated.append({"LogicalName": "new_ownername", "AttributeType": "String", "AttributeTypeName": None, "AttributeOf": "new_owner"})
    tables = [{"LogicalName": TABLE, "Attributes": stated}, {"LogicalName": "new_unused", "Attributes": stated}]
    return json.dumps({"@odata.context": f"{CONTEXT}(LogicalName,Attributes())", "value": tables})


def make(folder):
    folder = Path(folder)
    (folder / "schema").mkdir()
    (folder / "schema" / "tables.json").write_text("\ufeff" + metadata(ATTRIBUTES))
    behaviors = {"new_born": "DateOnly", "new_seen": "UserLocal"}
    dates = [{"LogicalName": name, "DateTimeBehavior": {"Value": behavior}} for name, behavior in behaviors.items()]
    cast = f"{CONTEXT}('{TABLE}')/Attributes/Microsoft.Dynamics.CRM.DateTimeAttributeMetadata(LogicalName,DateTimeBehavior)"
    (folder / "schema" / "dates.json").write_text(json.dumps({"@odata.context": cast, "value": dates}))
    swapped = {**ATTRIBUTES, **LATER, "new_ratio": ("String", "StringType"), "new_whole": ("Integer", "IntegerType")}
    (folder / "other.json").write_text(metadata(swapped))
    fits, fails = 3, 5
    for round, attributes in (("one", ATTRIBUTES), ("two", {**ATTRIBUTES, **LATER})):
        lines = []
        for number, form in enumerate((fits, fails)):
            values = {name: facts[form] for name, facts in attributes.items()}
            values = {**values, FREE: "1"}
            record = guid(number + (100 if round == "one" else 200))
            lines.append(event("Update", TABLE, record, number, values))
        (folder / f"{round}.ndjson").write_text("\n".join(lines) + "\n")


def types_of(connection, table):
    return {row["column_name"]: row["column_type"] for row in rows(connection, f'DESCRIBE "{table}"')}


def check(views, lake):
    connection, faults = connect(views), Faults()
    files = f"read_parquet({quoted(lake)} || '/{TABLE}/enqueued_date=*/*.cw.parquet', union_by_name = true)"
    by_view = types_of(connection, TABLE)
    by_glob = {row["column_name"]: row["column_type"] for row in rows(connection, f"DESCRIBE SELECT * FROM {files}")}
    stated = {**ATTRIBUTES, **LATER}
    for name, facts in stated.items():
        faults.equal(by_view.get(name), facts[2], name, "in the view")
        if name != "new_never":
            faults.equal(by_glob.get(name), facts[2], name, "in the files")
    faults.equal(by_view[FREE], "DECIMAL(38,12)", FREE)
    found = {str(row["Id"]): row for row in rows(connection, f'SELECT * FROM "{TABLE}"')}
    faults.equal(len(found), 4, "rows")
    for base, attributes in ((100, ATTRIBUTES), (200, stated)):
        fitting, failing = found[guid(base)], found[guid(base + 1)]
        faults.equal(fitting["_rest"], None, "what fits leaves nothing")
        rest = json.loads(failing["_rest"])["InputParameters"]["Target"]["Attributes"]
        for name, (*_, shown, _) in attributes.items():
            if name == "new_to":
                faults.equal([str(party["partyid"]) for party in fitting[name]], [guid(79)], name)
            elif isinstance(shown, float):
                faults.check(fitting[name] == shown and isinstance(fitting[name], float), name, fitting[name])
            elif type(shown) is date:
                faults.check(fitting[name] == shown and type(fitting[name]) is date, name, fitting[name])
            else:
                faults.equal(fitting[name], shown, name)
            if name != "new_never":
                faults.equal(failing[name], None, name, "that does not fit")
                faults.check(name in rest, name, "is not in _rest", failing["_rest"])
        faults.equal(fitting["new_owner_entitytype"], "systemuser", "the lookup's table")
    faults.end()


def same(views, other):
    one, two, faults = connect(views), connect(other), Faults()
    names = lambda connection: [row["name"] for row in rows(connection, "SHOW TABLES")]
    faults.equal(names(one), names(two), "views")
    for name in names(one):
        plain, typed = types_of(one, name), types_of(two, name)
        # A number that only a double holds has no column without metadata, or does not fit its column.
        doubles = {column for column in typed if typed[column] == "DOUBLE" and plain.get(column) in (None, "DECIMAL(38,12)")}
        faults.equal({**plain, **{column: typed[column] for column in doubles}}, typed, name)
        faults.check(plain, name, "has no columns")
    faults.end()


if __name__ == "__main__":
    {"make": make, "check": check, "same": same}[sys.argv[1]](*sys.argv[2:])
