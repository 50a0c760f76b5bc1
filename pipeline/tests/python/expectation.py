"""The row of a body by docs/TABLES.md, derived from the body as parsed by Python's json or its XML parser.

Independent of the code of catchwater: both implement the same contract.
"""

import json
import re
import uuid
from decimal import Decimal

from bodies import Number, date_parts, instant, pairs, is_empty, type_name

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
    """The normal form of JSON columns: keys sorted, no white space, no __type, pairs as objects, null and empty members
    of objects left out, and a number as a string of its digits if a double does not reproduce it."""
    as_pairs = pairs(value)
    if as_pairs is not None or isinstance(value, dict):
        members = value if as_pairs is None else as_pairs
        kept = [
            (name, member)
            for name, member in members.items()
            if as_pairs is not None or name != "__type" and not is_empty(member)
        ]
        kept.sort(key=lambda member: member[0].encode())
        return "{" + ",".join(normal(name) + ":" + normal(member) for name, member in kept) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(normal, value)) + "]"
    if isinstance(value, Number):
        exact = value.is_finite() and Decimal(repr(float(value))) == value
        return value.text if exact else normal(value.text)
    if isinstance(value, str):
        return '"' + re.sub('["\\\\\0-\x1f]', lambda found: ESCAPES.get(found[0], f"\\u{ord(found[0]):04x}"), value) + '"'
    return json.dumps(value)


ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def json_column(value):
    return None if is_empty(value) else normal(value)


ZERO = "00000000-0000-0000-0000-000000000000"
NO_TABLE = (None, "", "none", "_messages", "_quarantine")
MULTIPLE = ("CreateMultiple", "UpdateMultiple", "UpsertMultiple", "DeleteMultiple")
MEMBERS = {
    *GUID_FACTS.values(),
    *PLAIN_FACTS.values(),
    *"""OperationCreatedOn OwningExtension PrimaryEntityId PrimaryEntityName InputParameters OutputParameters SharedVariables
    PreEntityImages PostEntityImages ParentContext""".split(),
}


def expectations(body):
    """The rows of an event: one per target if it has several."""
    several = targets(body)
    return [Expectation(body, item, index) for index, item in enumerate(several)] if several else [Expectation(body)]


def targets(body):
    """The items of Targets, if each of them is a row."""
    if body["MessageName"] not in MULTIPLE or body.get("PrimaryEntityName") in NO_TABLE:
        return []
    found = parameters(body, "InputParameters").get("Targets")
    return found.get("Entities") or [] if isinstance(found, dict) else found or []


def parameters(body, name):
    return pairs(body.get(name)) or {}


class Expectation:
    """The row of an event, or of one of its targets.

    `skipped` names the columns whose rules are not repeated here: party lists, and `_rest` beside them."""

    def __init__(self, body, item=None, index=0):
        self.body, self.index = body, index
        named = body.get("PrimaryEntityName")
        self.table = "_messages" if named in NO_TABLE else named
        self.row, self.kinds, self.rest, self.skipped = {}, {}, {}, set()
        inputs = parameters(body, "InputParameters")
        target = item or inputs.get("Target")
        self.id = self.identity(target)
        record = is_record(target) and target.get("LogicalName") == self.table
        if item:
            own = self.of_the_collection(inputs.pop("Targets"))
            inputs.update({"Targets": own} if not is_empty(own) else {})
        elif record or self.names_only_the_row(target):
            del inputs["Target"]
        self.facts()
        self.json_columns(inputs)
        attributes = pairs(target.get("Attributes")) or {} if record else {}
        if record:
            self.row["_changed"] = list(attributes)
            beside = {name: target.get(name) for name in BESIDES}
            self.left(("InputParameters", "Target"), beside)
            if item and self.rest.get("InputParameters"):
                self.skipped.add("_rest")
        self.attributes = dict(attributes)
        self.lay_images(attributes, target if record else {})
        self.left((), {name: value for name, value in body.items() if name not in MEMBERS})
        self.row["_rest"] = normal(self.rest) if self.rest else None

    def identity(self, target):
        """PrimaryEntityId, or without one the id of Target; with several targets the id of the target."""
        stated = self.body.get("PrimaryEntityId")
        if targets(self.body):
            return target["Id"]
        if stated in (None, ZERO) and isinstance(target, dict) and target.get("Id"):
            return target["Id"]
        return stated

    def names_only_the_row(self, target):
        if type_name(target) != "EntityReference":
            return False
        beside = {name: value for name, value in target.items() if name not in ("__type", "Id", "LogicalName")}
        return target["Id"] == self.id and target["LogicalName"] == self.table and is_empty(beside)

    def left(self, path, members):
        """Adds the values without a column to `_rest` under their path."""
        members = {name: value for name, value in members.items() if not is_empty(value)}
        if not members:
            return
        place = self.rest
        for name in path:
            place = place.setdefault(name, {})
        place.update(members)

    def lay_images(self, attributes, target):
        images = pairs(self.body.get("PostEntityImages")) or {}
        automatic = images.pop(AUTOMATIC, None)
        labels = dict(pairs(target.get("FormattedValues")) or {})
        names = {}
        for alias, record in [(None, {"Attributes": target.get("Attributes")}), *images.items()]:
            for name, value in (pairs(record["Attributes"]) or {}).items():
                if alias is not None and name in self.attributes and not again(value, self.attributes[name]):
                    self.left(("PostEntityImages", alias, "Attributes"), {name: value})
                self.attributes.setdefault(name, value)
                if type_name(value) == "EntityReference" and value.get("Name"):
                    names.setdefault(name, value["Name"])
        for alias, image in images.items():
            for name, label in (pairs(image["FormattedValues"]) or {}).items():
                if labels.setdefault(name, label) != label:
                    self.left(("PostEntityImages", alias, "FormattedValues"), {name: label})
            self.left(("PostEntityImages", alias), {name: image.get(name) for name in BESIDES})
        for name, value in self.attributes.items():
            self.attribute(name, value, name in attributes)
        self.labels({**names, **labels}, automatic)

    def facts(self):
        body, row = self.body, self.row
        row["Id"] = self.id and guid_text(self.id)
        row["IsDelete"] = True if body["MessageName"] in ("Delete", "DeleteMultiple") else None
        for column, member in GUID_FACTS.items():
            row[column] = body.get(member) and guid_text(body[member])
        for column, member in PLAIN_FACTS.items():
            row[column] = body.get(member)
        row["_operation_created_on"] = None
        if body.get("OperationCreatedOn"):
            ms, offset = date_parts(body["OperationCreatedOn"])
            row["_operation_created_on"] = instant(ms + offset * 60_000)
        step = body.get("OwningExtension") or {}
        row["_step_id"] = step.get("Id") and guid_text(step["Id"])
        self.left(("OwningExtension",), {name: step.get(name) for name in ("Name", "KeyAttributes", "RowVersion")})
        row["_changed"] = None
        wanted = "Targets" if body["MessageName"] in MULTIPLE else "Target"
        needed = body["MessageName"] in ("Create", "Update", *MULTIPLE)
        stripped = needed and wanted not in parameters(body, "InputParameters")
        row["_truncated"] = True if stripped else None
        row["_row_index"] = self.index

    def json_columns(self, inputs):
        """The members that belong to no single target, which only the first row has."""
        if self.index > 0:
            self.row.update({column: None for column in ("_inputs", "_before", "_shared", "_outputs")})
            return
        body, row = self.body, self.row
        # The rows already have the ids that a Create returns.
        known = [("id", self.id)] if body["MessageName"] == "Create" else []
        known += [("Ids", [item["Id"] for item in targets(body)])] if body["MessageName"] == "CreateMultiple" else []
        outputs = [pair for pair in body.get("OutputParameters") or [] if (pair["key"], pair["value"]) not in known]
        row["_inputs"] = json_column([{"key": key, "value": value} for key, value in inputs.items()])
        row["_outputs"] = json_column(outputs)
        row["_before"] = json_column(body.get("PreEntityImages"))
        row["_shared"] = json_column(body.get("SharedVariables"))

    def of_the_collection(self, collection):
        """The members of a collection itself, without the table, which is implied by the row."""
        if not isinstance(collection, dict):
            return None
        known = {"Entities": collection["Entities"], "EntityName": self.table}
        return {name: value for name, value in collection.items() if known.get(name) != value}

    def attribute(self, name, value, in_target):
        if is_empty(value):
            return
        typed = self.typed(name, value)
        if typed is None:
            # Party lists, and values in a form that no column can hold.
            self.skipped |= {name, "_rest"}
            return
        self.kinds[name], self.row[name] = typed
        if self.kinds[name] == "lookup":
            self.row[name + "_entitytype"], self.kinds[name + "_entitytype"] = value["LogicalName"], "text"
            if value.get("RowVersion") or not is_empty(value.get("KeyAttributes")):
                self.skipped.add("_rest")

    def typed(self, name, value):
        """(kind, value) of an attribute's column."""
        key = (self.table + "id", "activityid")
        if isinstance(value, bool):
            return "boolean", value
        if isinstance(value, Decimal):
            return "number", value
        if isinstance(value, str):
            date = date_parts(value)
            if date:
                return "date", instant(date[0])
            return ("key", guid_text(value)) if name in key and value == self.id else ("text", value)
        if type_name(value) == "Money":
            return "money", value["Value"]
        if type_name(value) == "OptionSetValue":
            return "choice", int(value["Value"])
        if type_name(value) == "EntityReference":
            return "lookup", guid_text(value["Id"])
        if isinstance(value, list) and all(type_name(item) == "OptionSetValue" for item in value):
            return "choices", [int(item["Value"]) for item in value]
        if isinstance(value, list) and all(isinstance(item, Decimal) for item in value):
            return "bytes", bytes(int(item) for item in value)
        return None

    def labels(self, labels, automatic):
        others = {}
        for name, label in labels.items():
            if self.kinds.get(name) in ("lookup", "choice", "choices"):
                self.row[name + "name"], self.kinds[name + "name"] = label, "text"
            else:
                others[name] = label
        if automatic is not None:
            new = {}
            for name, value in pairs(automatic["Attributes"]).items():
                known = self.attributes.get(name) == value or value == self.id
                if not known and not is_empty(value):
                    new[name] = value
            if new:
                others[AUTOMATIC] = {"Attributes": new}
        self.row["_labels"] = json_column(others)


def is_record(value):
    return isinstance(value, dict) and (type_name(value) == "Entity" or not type_name(value) and "Attributes" in value)


# Members of a record besides its attributes and labels.
BESIDES = ("EntityState", "KeyAttributes", "RelatedEntities", "RowVersion")


def again(value, known):
    """True if an image's value is a known one: numbers are equal by value, references with or without a name."""
    if type_name(value) == type_name(known) == "EntityReference":
        bare = lambda reference: {name: member for name, member in reference.items() if name != "Name"}
        return again(bare(value), bare(known)) if "Name" in value or "Name" in known else value == known
    return value == known or is_empty(value) and is_empty(known)


DUCKDB_TYPES = {
    "boolean": "BOOLEAN",
    "date": "TIMESTAMP WITH TIME ZONE",
    "key": "VARCHAR",
    "text": "VARCHAR",
    "money": "DECIMAL(38,12)",
    "number": "DECIMAL(38,12)",
    "choice": "INTEGER",
    "lookup": "VARCHAR",
    "choices": "INTEGER[]",
    "bytes": "BLOB",
}


def guid_text(text):
    """A GUID in the form of a column."""
    return str(uuid.UUID(text))


def column_order(attributes):
    """The attributes by name, each followed by its companions."""

    def key(column):
        for rank, suffix in enumerate(COMPANIONS, 1):
            owner = column.removesuffix(suffix)
            if owner != column and owner in attributes and attributes[owner] in ("lookup", "choice", "choices"):
                return owner, rank
        return column, 0

    return LEADING + sorted(attributes, key=key) + FACTS + ["enqueued_date"]
