"""The bodies of the lake for the check of every reader, and their rows by docs/TABLES.md.

Two rounds of events, each in two partitions. The second round is ingested with table metadata and adds columns, so that the
files of a table have different columns.
"""

import json
from datetime import date, datetime, timezone
from decimal import Context, Decimal
from pathlib import Path

from bodies import date_parts, instant, pairs, parse, is_empty, type_name
from expectation import AUTOMATIC, Expectation, guid_text, json_column, targets
from event_builder import Raw, choice, entity, event, guid, money, reference, typed
from event_builder import pairs as pairs_text

TABLE = "new_everything"
# Its folder is encoded: `table$`, and each byte outside [a-z0-9_] as a percent sign and two digits.
ODD_TABLE = 'New "Odd"/Täble 100%'
ZERO = "00000000-0000-0000-0000-000000000000"

# The type of each attribute in docs/TABLES.md, which its first value determines.
TYPES = {
    "new_everythingid": "uuid",
    "new_number": "number",
    "new_price": "decimal",
    "new_flag": "boolean",
    "new_when": "datetime",
    "new_day": "datetime",
    "new_kind": "choice",
    "new_tags": "choices",
    "new_owner": "uuid",
    "new_parent": "uuid",
    "to": "party_list",
    "cc": "party_list",
    "new_picture": "binary",
    "Später": "boolean",
}
# Typed by metadata, in the second round.
STATED = {
    "new_ratio": ("Double", "DoubleType", "double"),
    "new_small": ("Integer", "IntegerType", "int32"),
    "new_large": ("BigInt", "BigIntType", "int64"),
    "new_born": ("DateTime", "DateTimeType", "date"),
}
TYPES |= {name: stated[2] for name, stated in STATED.items()}

NUMBERS = ["7", "5000000000", "149.253731343284", "-3", "-0.000000000001", "0", "12.50", "1E+15", "9223372036854775808", "-12345678901234567890.5"]
NUMBERS += ["99999999999999999999999999.999999999999", "-99999999999999999999999999.999999999999", "0.1", "1e-12"]
# Numbers that do not fit DECIMAL(38, 12): they go to `_rest`.
LARGE = ["1E+300", "0.33333333333333331", "100000000000000000000000000", "-1E-13", "123456789012345678901234567890.123", "4.9E-324"]
DOUBLES = ["0.33333333333333331", "1E+300", "-4", "0", "5E-324", "4.9406564584124654E-324", "1.7976931348623157E+308", "0.1", "-2.5E-7"]
DAY_MS = 86_400_000
YEAR_1, YEAR_1582, YEAR_1753, YEAR_1900, YEAR_9999 = -62_135_596_800_000, -12_219_292_800_001, -6_847_804_800_000, -2_208_988_800_001, 253_402_300_799_999
DATES = [1_714_979_289_123, 0, -1, -1001, -DAY_MS, YEAR_1, YEAR_1582, YEAR_1753, YEAR_1900, 10_413_792_000_000, 9_223_372_036_855, YEAR_9999]
DAYS = [1_714_953_600_000, 0, -DAY_MS, YEAR_1, YEAR_1753, -6_847_804_800_000 - 64_000 * DAY_MS, YEAR_9999 + 1 - DAY_MS]
# A date without a time that is not in the metadata: midnight UTC.
MIDNIGHT, MIDNIGHT_DAY = "/Date(1714953600000)/", date(2024, 5, 6)
TEXTS = [
    "plain", "", " ", "'", '"', "''\"\"", "`", "\\", "\\n", "line\nbreak\r\n", "\ttab", "a,b;c|d", "{\"json\": [1, null]}", "[1]", "null", "NULL", "NaN", "true",
    "-0", "1e5", "/Date(1714979289000)/", "2024-12-10T06:43:27.963Z", guid(3).upper(), "é e\u0301", "Größe", "日本語", "\U0001f600\U0001f469\u200d\U0001f4bb",
    "\ufffd", "\ufeff bom", "\u202eright to left", "\u2028\u2029", "\x7f\x80\x9f", "\x01\x1f", "nul \0 inside", "\0", "%00%s%n", "$$ ${x} $1", "--;/*", "</script>",
    "\ue000\uffff\U0010ffff", "x" * 5000, "ß" * 300,
]
NAMES = [
    "New_A", "new_a", "NEW_A", "select", "order", "group", "from", "_rest", "Id", "id", "ID", "isdelete", "enqueued_date", "Enqueued_Date", "a.b", ".a", "a..b",
    "with space", 'quo"te', "apos'trophe", "back`tick", "[bracket]", "grö ße", "日本語", "slash/back\\slash", "100%", "%41", "a,b;c{d}e(f)=g", "tab\tline\n",
    "nul\0name", "$", "attr$x", "element", "list", "key_value", "filename", "file_row_number", "rowid", "value", "column", "__index_level_0__", "schema", "0", "1e5",
    "-", "*", "?", "\U0001f600", "", "null", "true", "_changed", "l" * 250,
]
# Longer than the limit of column names, which is 256 bytes.
TOO_LONG = "l" * 300


def party(record, attributes, labels=None, stated=""):
    return entity("activityparty", record, attributes, labels, stated)


def collection(*parties):
    return (
        f'{{{typed("EntityCollection")},"Entities":[{",".join(parties)}],"EntityName":"activityparty","MinActiveRowVersion":null,'
        '"MoreRecords":false,"PagingCookie":null,"TotalRecordCount":0,"TotalRecordCountLimitExceeded":false}'
    )


def parties(number):
    known = party(guid(900), {"partyid": reference("contact", guid(50), "Ann \"O'Neil\""), "participationtypemask": choice(2)})
    labelled = party(guid(901), {"partyid": reference("systemuser", guid(51)), "addressused": '"a@b.example"', "ispartydeleted": "false"}, {"partyid": "Zoë"})
    address = {"addressused": json.dumps(TEXTS[number % len(TEXTS)]), "partyid": "null"}
    unresolved, typed_party = party(guid(902), address), party(guid(902), address, stated=typed("Entity") + ",")
    return [collection(known), collection(known, labelled, unresolved), f"[{typed_party},{known}]", collection()][number % 4]


def written(table, record, message, second, attributes, labels=None, images=None, before=None, **members):
    logical_name = json.dumps(table)[1:-1]
    target = entity(logical_name, record, attributes, labels, typed("Entity") + ",")
    images = Raw(pairs_text({alias: entity(logical_name, record, *image) for alias, image in (images or {}).items()}))
    before = Raw(pairs_text({alias: entity(logical_name, record, image) for alias, image in (before or {}).items()}))
    inputs = Raw(pairs_text({"Target": target}))
    return event(message, table, record, second, InputParameters=inputs, PostEntityImages=images, PreEntityImages=before, **members)


def plain_attributes(number):
    """The attributes of an event; their values differ in each event."""
    # The first event of a file must have a value that determines the type.
    pick = lambda values: values[number % len(values)]
    kind, owner = 100_000_000 + number, reference("systemuser" if number % 2 else "team", guid(number).upper(), pick([None, "Bo", "", "O'\"x\n"]))
    attributes = {
        "new_number": pick(NUMBERS),
        "new_price": money(pick(NUMBERS)),
        "new_flag": pick(["true", "false"]),
        "new_when": json.dumps(f"/Date({pick(DATES)}{pick(['', '+0000'])})/"),
        "new_day": json.dumps(MIDNIGHT if number < 2 else f"/Date({pick(DAYS)})/"),
        "new_text": json.dumps(pick(TEXTS), ensure_ascii=number % 2 == 0),
        "new_kind": choice(pick([kind, 0, -1, 2_147_483_647])),
        "new_tags": "[" + ",".join(choice(value) for value in [[1], [1, -2, 3], [5, 5], []][number % 4]) + "]",
        "new_owner": owner,
        "to": parties(number),
        "new_picture": pick(["[0,255,10,34]", "[1]", json.dumps(list(range(256)), separators=(",", ":")), "null"]),
    }
    labels = {"new_kind": f"Kind {number} é", "new_flag": "Yes", "new_price": "€ 7"}
    if number % 4 == 1:
        labels["new_tags"] = "a; b; c"
    return attributes, labels


def first_round(partition):
    yield from ordinary(TABLE, partition * 1000, len(TEXTS), {})
    yield written(ODD_TABLE, guid(77), "Create", 3, {"new_text": '"first"', "new_number": "1"})


def second_round(partition):
    """The second round, with columns that files of the first round do not have."""
    base = partition * 1000 + 500
    yield from ordinary(TABLE, base, 14, STATED)
    for number, name in enumerate(NAMES):
        yield written(TABLE, guid(base + 100 + number), "Create", 20, {name: json.dumps(f"of {name}")})
    yield written(TABLE, guid(base + 200), "Update", 21, {name: json.dumps(f"and {name}") for name in [*NAMES, TOO_LONG]})
    yield from misfits(base + 210)
    yield from with_images(base + 300)
    yield event("Delete", TABLE, guid(base), 30)
    yield several(base + 400)
    yield associate(base + 410)
    yield written(ODD_TABLE, guid(77), "Update", 31, {"new_number": "2.5", "Später": "true"})
    yield "no body: \U0001f600"


def ordinary(table, base, count, stated):
    for number in range(count):
        attributes, labels = plain_attributes(number)
        record = guid(base + number)
        attributes["new_everythingid"] = json.dumps(record)
        if stated:
            pick = lambda values: values[number % len(values)]
            attributes |= {
                "new_ratio": pick(DOUBLES),
                "new_small": pick(["7", "-2147483648", "2147483647", "1.0"]),
                "new_large": pick(["9223372036854775807", "-9223372036854775808", "0", "5000000000"]),
                "new_born": json.dumps(f"/Date({pick(DAYS)})/"),
                "new_parent": reference(table, guid(base)),
                "cc": parties(number + 1),
            }
        yield written(table, record, "Create", 1 + number, attributes, labels, InitiatingUserAgent="agent 'ü'")


def misfits(base):
    """Values that do not fit the type of their column."""
    wrong = [
        *({"new_number": number, "new_price": money(number)} for number in LARGE),
        {"new_number": '"7"', "new_flag": "1", "new_when": '"noon"', "new_text": "7", "new_kind": "true", "new_tags": choice(1)},
        {"new_owner": '"unknown"', "to": '"Ann"', "new_picture": '"QUJD"', "new_when": '"/Date(1714979289000+0200)/"', "new_number": choice(1)},
        {"new_ratio": "79228162514264337593543950335", "new_small": "2147483648", "new_large": "1.5", "new_born": '"/Date(1714996800000)/"'},
        {"new_when": "7", "new_number": "true", "new_text": choice(7), "new_owner": money(5)},
    ]
    for number, attributes in enumerate(wrong):
        yield written(TABLE, guid(base + number), "Update", 22, attributes)
    # A number fits a column of Money, and Money fits a column of numbers; a date in ISO 8601 is a date.
    yield written(TABLE, guid(base + 50), "Update", 23, {"new_number": money("8.25"), "new_price": "9.75", "new_when": '"2024-12-10T06:43:27.963Z"'})
    # Attributes that are set to null: only _changed names them.
    yield written(TABLE, guid(base + 51), "Update", 23, {name: "null" for name in ("new_number", "new_text", "to", "new_tags", "New_A")})


def with_images(base):
    image = {"new_number": "7.0", "new_text": '"from the image"', "new_when": json.dumps(MIDNIGHT), "new_owner": reference("team", guid(9), "Team"), "new_kind": choice(5)}
    yield written(
        TABLE, guid(base), "Update", 24, {"new_number": "7", "New_A": '"set"'}, images={"Post \"1\"": (image, {"new_kind": "Five"})}, before={"pre": {**image, "new_flag": "true", "Größe": '"x"'}}
    )
    # The image differs from Target: its value goes to _rest.
    yield written(TABLE, guid(base + 1), "Update", 24, {"new_number": "8", "new_text": "null"}, images={"Post": (image, {})})
    yield written(TABLE, guid(base + 2), "Assign", 24, {}, before={"a": image, "b": {"new_tags": f"[{choice(1)}]", "new_price": money("1E+300")}})


def several(base):
    entities = ",".join(entity(TABLE, guid(base + number), {"new_number": str(number), "new_text": json.dumps(TEXTS[number])}) for number in range(4))
    collection = f'{{{typed("EntityCollection")},"Entities":[{entities}],"EntityName":"{TABLE}","MoreRecords":true}}'
    inputs = Raw(pairs_text({"Targets": collection}))
    return event("UpdateMultiple", TABLE, ZERO, 26, PrimaryEntityId=ZERO, InputParameters=inputs)


def associate(base):
    parameters = {"Target": reference(TABLE, guid(base)), "Relationship": '{"PrimaryEntityRole":null,"SchemaName":"new_\\"x\\""}', "RelatedEntities": f"[{reference('contact', guid(5))}]"}
    shared = Raw(pairs_text({"tag": '"\U0001f600"', "large": "1E+300", "nothing": "null"}))
    return event("Associate", None, ZERO, 27, PrimaryEntityId=ZERO, PrimaryEntityName="none", InputParameters=Raw(pairs_text(parameters)), SharedVariables=shared)


ROUNDS = {"1": first_round, "2": second_round}
PARTITIONS = (0, 1)


def make(folder):
    """Writes `<round>/<partition>.ndjson` and the metadata `schema/tables.json`."""
    folder = Path(folder)
    for name, round in ROUNDS.items():
        (folder / name).mkdir(parents=True)
        for partition in PARTITIONS:
            lines = list(round(partition))
            (folder / name / f"{partition}.ndjson").write_text("\n".join(lines) + "\n", encoding="utf-8")
            print(f"{name}/{partition}.ndjson: {len(lines)} events")
    (folder / "schema").mkdir()
    stated = [{"LogicalName": name, "AttributeType": code, "AttributeTypeName": {"Value": type_name}} for name, (code, type_name, _) in STATED.items()]
    (folder / "schema" / "tables.json").write_text(json.dumps({"value": [{"LogicalName": TABLE, "Attributes": stated}]}))
    context = f"#EntityDefinitions('{TABLE}')/Attributes/Microsoft.Dynamics.CRM.DateTimeAttributeMetadata(LogicalName,DateTimeBehavior)"
    dates = [{"LogicalName": "new_born", "DateTimeBehavior": {"Value": "DateOnly"}}]
    (folder / "schema" / "dates.json").write_text(json.dumps({"@odata.context": context, "value": dates}))


def expected_tables(sent):
    """The rows of each table, by (partition, sequence number, row index): round 1 is in partitions 0 and 1, round 2 in 2 and 3."""
    tables = {}
    for round, name in enumerate(ROUNDS):
        for partition in PARTITIONS:
            for number, line in enumerate((Path(sent) / name / f"{partition}.ndjson").read_bytes().splitlines()):
                place = partition + round * len(PARTITIONS), number
                for table, row in rows_of(line):
                    row |= {"_hub": "events", "_partition": place[0], "_sequence_number": place[1]}
                    tables.setdefault(table, {})[*place, row["_row_index"]] = row
    return tables


def rows_of(line):
    try:
        body = parse(line)
    except ValueError:
        yield "_quarantine", {"_body": line, "_content_type": "application/json", "_row_index": 0}
        return
    several = targets(body)
    for index, item in enumerate(several or [None]):
        expectation = TypedExpectation(body, item, index)
        yield expectation.table, expectation.row


class TypedExpectation(Expectation):
    """The row of an event in a lake whose types are known, with encoded column names, party lists and all of `_rest`."""

    def attribute(self, name, value, in_target):
        if is_empty(value):
            return
        kind = TYPES.get(name, "text")
        column = column_name(name)
        if kind == "party_list":
            stored = party_list(name, value)
        else:
            stored = fitting(kind, value)
        if stored is None or len(column.encode()) > 256:
            self.left(("InputParameters", "Target", "Attributes"), {name: value})
            return
        self.row[column] = stored
        self.kinds[name] = {"uuid": "lookup", "choice": "choice", "choices": "choices"}.get(kind)
        if type_name(value) == "EntityReference":
            self.row[column + "_entitytype"] = value["LogicalName"]
            # An empty name is a name.
            self.row[column + "name"] = value["Name"]

    def labels(self, labels, automatic):
        assert automatic is None, AUTOMATIC
        others = {}
        for name, label in labels.items():
            if self.kinds.get(name):
                self.row[column_name(name) + "name"] = label
            else:
                others[name] = label
        self.row["_labels"] = json_column(others)


def fitting(kind, value):
    """The value that a column of this type holds, or None."""
    number = value["Value"] if type_name(value) == "Money" else value
    number = number if isinstance(number, Decimal) and not isinstance(number, bool) else None
    if kind in ("number", "decimal"):
        return number if number is not None and is_decimal_38_12(number) else None
    number = None if isinstance(value, dict) else number
    if kind == "double":
        return float(number) if number is not None and is_double(number) else None
    if kind in ("int32", "int64"):
        limit = 2 ** (31 if kind == "int32" else 63)
        return int(number) if number is not None and number == number.to_integral_value() and -limit <= number < limit else None
    if kind == "boolean":
        return value if isinstance(value, bool) else None
    if kind == "choice":
        return int(value["Value"]) if type_name(value) == "OptionSetValue" else None
    if kind == "choices":
        fits = isinstance(value, list) and all(type_name(item) == "OptionSetValue" for item in value)
        return [int(item["Value"]) for item in value] if fits else None
    if kind == "binary":
        fits = isinstance(value, list) and all(isinstance(item, Decimal) for item in value)
        return bytes(int(item) for item in value) if fits else None
    if kind == "uuid":
        if type_name(value) == "EntityReference":
            return guid_text(value["Id"])
        return guid_text(value) if isinstance(value, str) and len(value) == 36 else None
    if kind in ("datetime", "date"):
        return moment(value, kind) if isinstance(value, str) else None
    return value if kind == "text" and isinstance(value, str) else None


def moment(text, kind):
    parts = date_parts(text)
    if parts is None:
        iso = text.endswith("Z") and text[10:11] == "T"
        return datetime.fromisoformat(text[:-1]).replace(tzinfo=timezone.utc) if iso else None
    if parts[1]:
        return None
    shown = instant(parts[0])
    if kind == "datetime":
        return shown
    return shown.date() if shown.time() == datetime.min.time() else None


def is_decimal_38_12(number):
    sign, digits, exponent = number.normalize(WIDE).as_tuple()
    return exponent >= -12 and len(digits) + exponent <= 26 or not number


def is_double(number):
    written = (repr(float(number)), f"{float(number):.16e}")
    return number.is_finite() and any(Decimal(text) == number for text in written)


def party_list(attribute, value):
    """The structs of a party list; None for other values and for a list without a party."""
    items = value["Entities"] if type_name(value) == "EntityCollection" else value
    fits = isinstance(items, list) and items and all(item["LogicalName"] == "activityparty" for item in items)
    return [one_party(party, attribute, value if index == 0 else None) for index, party in enumerate(items)] if fits else None


def one_party(party, attribute, collection):
    """A struct of a party list; `rest` has the values without a member."""
    attributes = dict(pairs(party["Attributes"]))
    labels = dict(pairs(party["FormattedValues"]) or {})
    known = attributes.pop("partyid", None)
    mask, address = attributes.pop("participationtypemask", None), attributes.pop("addressused", None)
    name = labels.pop("partyid", None) or known and known["Name"]
    rest = {**party, "LogicalName": None, "Attributes": attributes, "FormattedValues": labels}
    if isinstance(collection, dict):
        # The members of the collection itself are in the first party.
        rest[attribute] = {member: content for member, content in collection.items() if member not in ("Entities", "EntityName")}
    return {
        "partyid": known and guid_text(known["Id"]),
        "partyid_entitytype": known and known["LogicalName"],
        "partyidname": name,
        "participationtypemask": mask and int(mask["Value"]),
        "addressused": address,
        "rest": json_column(rest),
    }


def column_name(attribute):
    """The column of an attribute: docs/TABLES.md, Names."""
    ours = attribute.lower() in ("id", "isdelete", "sinkmodifiedon", "enqueued_date") or attribute.startswith("_")
    plain = encoded(attribute)
    return attribute if plain == attribute and not ours and attribute else "attr$" + plain


def folder_name(table):
    plain = encoded(table)
    return table if plain == table or table.startswith("_") else "table$" + plain


def encoded(name):
    return "".join(chr(byte) if chr(byte) in PLAIN else f"%{byte:02X}" for byte in name.encode())


WIDE = Context(prec=400)
PLAIN = "abcdefghijklmnopqrstuvwxyz0123456789_"


FACTS = {
    **dict.fromkeys(["IsDelete", "_in_transaction", "_offline", "_offline_playback", "_truncated"], "boolean"),
    **dict.fromkeys(["_depth", "_stage", "_mode", "_isolation_mode", "_partition", "_row_index"], "int32"),
    **dict.fromkeys(["_sequence_number", "_byte_offset"], "int64"),
    **dict.fromkeys(["SinkModifiedOn", "_operation_created_on", "_enqueued_time"], "timestamp"),
    "_changed": "text_list",
    "_body": "binary",
    "enqueued_date": "date",
}
FORMS = {"uuid": "text", "number": "decimal", "datetime": "timestamp", "choice": "int32", "choices": "int32_list"}
FORMS_OF_COLUMNS = {**FACTS, **{column_name(name): FORMS.get(kind, kind) for name, kind in TYPES.items()}}


def form_of(column):
    """The form of a column in Parquet: one name for all types of docs/TABLES.md that look the same to readers."""
    return FORMS_OF_COLUMNS.get(column, "text")


if __name__ == "__main__":
    raise SystemExit("every_reader.py is the program")
