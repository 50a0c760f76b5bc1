"""The row that docs/TABLES.md promises for a body, made of what Python's json reads from it.

Nothing here knows how catchwater works; what it shares with it is the contract.
"""

import json
import uuid
from decimal import Decimal

from bodies import Number, date_parts, instant, pairs, says_nothing, type_name

LEADING = ["Id", "IsDelete", "SinkModifiedOn"]
FACTS = """_message _operation_id _operation_created_on _correlation_id _request_id _depth _stage _mode _isolation_mode
_in_transaction _offline _offline_playback _user_id _initiating_user_id _user_aad_id _initiating_user_aad_id _user_agent
_organization_id _organization_name _business_unit_id _step_id _secondary_table _changed _truncated _hub _partition
_sequence_number _offset _enqueued_time _row_index _before _inputs _outputs _shared _labels _rest""".split()
COMPANIONS = ["_entitytype", "name"]
AUTOMATIC = "AsynchronousStepPrimaryName"

GUID_FACTS = {
    "_operation_id": "OperationId",
    "_correlation_id": "CorrelationId",
    "_request_id": "RequestId",
    "_user_id": "UserId",
    "_initiating_user_id": "InitiatingUserId",
    "_user_aad_id": "UserAzureActiveDirectoryObjectId",
    "_initiating_user_aad_id": "InitiatingUserAzureActiveDirectoryObjectId",
    "_organization_id": "OrganizationId",
    "_business_unit_id": "BusinessUnitId",
}
PLAIN_FACTS = {
    "_message": "MessageName",
    "_depth": "Depth",
    "_stage": "Stage",
    "_mode": "Mode",
    "_isolation_mode": "IsolationMode",
    "_in_transaction": "IsInTransaction",
    "_offline": "IsExecutingOffline",
    "_offline_playback": "IsOfflinePlayback",
    "_user_agent": "InitiatingUserAgent",
    "_organization_name": "OrganizationName",
    "_secondary_table": "SecondaryEntityName",
}


def normal(value):
    """The normal form of JSON columns: keys sorted, no white space, no __type, pairs as objects; null and empty members
    of objects left out; a number that a double does not give back exactly as a string of its digits."""
    as_pairs = pairs(value)
    if as_pairs is not None or isinstance(value, dict):
        members = value if as_pairs is None else as_pairs
        kept = [
            (name, member)
            for name, member in members.items()
            if as_pairs is not None or name != "__type" and not says_nothing(member)
        ]
        kept.sort(key=lambda member: member[0].encode())
        return "{" + ",".join(normal(name) + ":" + normal(member) for name, member in kept) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(normal, value)) + "]"
    if isinstance(value, Number):
        return value.text if Decimal(repr(float(value))) == value else normal(value.text)
    return json.dumps(value, ensure_ascii=False)


def json_column(value):
    return None if says_nothing(value) else normal(value)


class Expectation:
    """The row of one Create, Update or Delete."""

    def __init__(self, body):
        self.body = body
        self.table = body["PrimaryEntityName"]
        self.id = body["PrimaryEntityId"]
        inputs = pairs(body["InputParameters"]) or {}
        target = inputs.pop("Target", None)
        self.row = {}
        self.kinds = {}
        self.facts()
        self.row["_inputs"] = json_column([{"key": key, "value": value} for key, value in inputs.items()])
        attributes = pairs(target.get("Attributes")) if type_name(target) == "Entity" else None
        if attributes is not None:
            self.row["_changed"] = list(attributes)
        self.attributes = dict(attributes or {})
        images = pairs(body["PostEntityImages"]) or {}
        automatic = images.pop(AUTOMATIC, None)
        labels = dict(pairs(target.get("FormattedValues")) or {})
        names = {}
        for record in [{"Attributes": target.get("Attributes")}, *images.values()]:
            for name, value in (pairs(record["Attributes"]) or {}).items():
                self.attributes.setdefault(name, value)
                if type_name(value) == "EntityReference" and value.get("Name"):
                    names.setdefault(name, value["Name"])
        for image in images.values():
            for name, label in (pairs(image["FormattedValues"]) or {}).items():
                labels.setdefault(name, label)
        for name, value in self.attributes.items():
            self.attribute(name, value)
        self.labels({**names, **labels}, automatic)

    def facts(self):
        body, row = self.body, self.row
        row["Id"] = uuid.UUID(self.id)
        row["IsDelete"] = True if body["MessageName"] == "Delete" else None
        for column, member in GUID_FACTS.items():
            row[column] = uuid.UUID(body[member])
        for column, member in PLAIN_FACTS.items():
            row[column] = body[member]
        ms, offset = date_parts(body["OperationCreatedOn"])
        row["_operation_created_on"] = instant(ms + offset * 60_000)
        row["_step_id"] = uuid.UUID(body["OwningExtension"]["Id"])
        row["_changed"] = row["_truncated"] = row["_rest"] = None
        row["_row_index"] = 0
        row["_before"] = json_column(body["PreEntityImages"])
        row["_shared"] = json_column(body["SharedVariables"])
        # The id that a Create gives back is the row's.
        outputs = [pair for pair in body["OutputParameters"] if (pair["key"], pair["value"]) != ("id", self.id)]
        row["_outputs"] = json_column(outputs)

    def attribute(self, name, value):
        if says_nothing(value):
            return
        kind, typed = self.typed(name, value)
        self.row[name], self.kinds[name] = typed, kind
        if kind == "lookup":
            self.row[name + "_entitytype"], self.kinds[name + "_entitytype"] = value["LogicalName"], "text"

    def typed(self, name, value):
        key = "activityid" if self.table == "task" else self.table + "id"
        if isinstance(value, bool):
            return "boolean", value
        if isinstance(value, Decimal):
            return "number", value
        if isinstance(value, str):
            date = date_parts(value)
            if date:
                return "date", instant(date[0]).replace(tzinfo=None)
            return ("key", uuid.UUID(value)) if (name, value) == (key, self.id) else ("text", value)
        if type_name(value) == "Money":
            return "money", value["Value"]
        if type_name(value) == "OptionSetValue":
            return "choice", int(value["Value"])
        if type_name(value) == "EntityReference":
            return "lookup", uuid.UUID(value["Id"])
        if all(type_name(item) == "OptionSetValue" for item in value):
            return "choices", [int(item["Value"]) for item in value]
        return "bytes", bytes(int(item) for item in value)

    def labels(self, labels, automatic):
        others = {}
        for name, label in labels.items():
            if self.kinds.get(name) in ("lookup", "choice", "choices"):
                self.row[name + "name"], self.kinds[name + "name"] = label, "text"
            else:
                others[name] = label
        if automatic is not None:
            told = {}
            for name, value in pairs(automatic["Attributes"]).items():
                said = self.attributes.get(name) == value or value == self.id
                if not said and not says_nothing(value):
                    told[name] = value
            if told:
                others[AUTOMATIC] = {"Attributes": told}
        self.row["_labels"] = json_column(others)


DUCKDB_TYPES = {
    "boolean": "BOOLEAN",
    "date": "TIMESTAMP",
    "key": "UUID",
    "text": "VARCHAR",
    "money": "DECIMAL(38,10)",
    "choice": "INTEGER",
    "lookup": "UUID",
    "choices": "INTEGER[]",
    "bytes": "BLOB",
}


def number_type(values):
    """A decimal if any is written as one, else the narrowest integer that holds all of a column's numbers."""
    if any(set(value.text) & set(".eE") for value in values):
        return "DECIMAL(38,10)"
    return "INTEGER" if all(-(2**31) <= value < 2**31 for value in values) else "BIGINT"


def column_order(attributes):
    """The attributes by name, each followed by its companions."""

    def key(column):
        for rank, suffix in enumerate(COMPANIONS, 1):
            owner = column.removesuffix(suffix)
            if owner != column and owner in attributes and attributes[owner] in ("lookup", "choice", "choices"):
                return owner, rank
        return column, 0

    return LEADING + sorted(attributes, key=key) + FACTS + ["enqueued_date"]
