"""Reads XML bodies with Python's parser into the form that json gives for the same event. Independent of the code of
catchwater."""

import base64
import re
import xml.etree.ElementTree as ElementTree
from datetime import datetime, timedelta, timezone

from bodies import Number

CONTRACTS = "http://schemas.microsoft.com/xrm/2011/Contracts"
GENERIC = "http://schemas.datacontract.org/2004/07/System.Collections.Generic"
SYSTEM = "http://schemas.datacontract.org/2004/07/System"
ARRAYS = "http://schemas.microsoft.com/2003/10/Serialization/Arrays"
INSTANCE = "{http://www.w3.org/2001/XMLSchema-instance}"
REFERENCE = {
    "Id": "guid",
    "KeyAttributes": "[KeyValuePairOfstringanyType]",
    "LogicalName": "string",
    "Name": "string",
    "RowVersion": "string",
}
# The declared members of each class: a class, a scalar, a list, or `any`.
MEMBERS = {
    "RemoteExecutionContext": {
        "BusinessUnitId": "guid",
        "CorrelationId": "guid",
        "Depth": "int",
        "InitiatingUserAgent": "string",
        "InitiatingUserAzureActiveDirectoryObjectId": "guid",
        "InitiatingUserId": "guid",
        "InputParameters": "[KeyValuePairOfstringanyType]",
        "IsExecutingOffline": "boolean",
        "IsInTransaction": "boolean",
        "IsOfflinePlayback": "boolean",
        "IsolationMode": "int",
        "MessageName": "string",
        "Mode": "int",
        "OperationCreatedOn": "dateTime",
        "OperationId": "guid",
        "OrganizationId": "guid",
        "OrganizationName": "string",
        "OutputParameters": "[KeyValuePairOfstringanyType]",
        "OwningExtension": "EntityReference",
        "ParentContext": "RemoteExecutionContext",
        "PostEntityImages": "[KeyValuePairOfstringEntitygUGIFE1S]",
        "PreEntityImages": "[KeyValuePairOfstringEntitygUGIFE1S]",
        "PrimaryEntityId": "guid",
        "PrimaryEntityName": "string",
        "RequestId": "guid",
        "SecondaryEntityName": "string",
        "SharedVariables": "[KeyValuePairOfstringanyType]",
        "Stage": "int",
        "UserAzureActiveDirectoryObjectId": "guid",
        "UserId": "guid",
    },
    "Entity": {
        "Attributes": "[KeyValuePairOfstringanyType]",
        "EntityState": "EntityState",
        "FormattedValues": "[KeyValuePairOfstringstring]",
        "Id": "guid",
        "KeyAttributes": "[KeyValuePairOfstringanyType]",
        "LogicalName": "string",
        "RelatedEntities": "[KeyValuePairOfRelationshipEntityCollectionX_PsK4FkN]",
        "RowVersion": "string",
    },
    "EntityReference": REFERENCE,
    "OptionSetValue": {"Value": "int"},
    "Money": {"Value": "decimal"},
    "AliasedValue": {
        "AttributeLogicalName": "string",
        "EntityLogicalName": "string",
        "NeedFormatting": "boolean",
        "ReturnType": "int",
        "Value": "any",
    },
    "BooleanManagedProperty": {
        "CanBeChanged": "boolean",
        "ManagedPropertyLogicalName": "string",
        "Value": "boolean",
    },
    "Relationship": {"PrimaryEntityRole": "EntityRole", "SchemaName": "string"},
    "EntityCollection": {
        "Entities": "[Entity]",
        "EntityName": "string",
        "MinActiveRowVersion": "string",
        "MoreRecords": "boolean",
        "PagingCookie": "string",
        "TotalRecordCount": "int",
        "TotalRecordCountLimitExceeded": "boolean",
    },
    "ColumnSet": {"AllColumns": "boolean", "AttributeExpressions": "[any]", "Columns": "[string]"},
    "QueryExpression": {
        "ColumnSet": "ColumnSet",
        "Criteria": "FilterExpression",
        "Distinct": "boolean",
        "EntityName": "string",
        "LinkEntities": "[any]",
        "Orders": "[OrderExpression]",
        "PageInfo": "PagingInfo",
        "NoLock": "boolean",
        "QueryHints": "string",
        "TopCount": "int",
    },
    "FilterExpression": {
        "Conditions": "[ConditionExpression]",
        "FilterOperator": "LogicalOperator",
        "Filters": "[FilterExpression]",
    },
    "ConditionExpression": {
        "AttributeName": "string",
        "CompareColumns": "boolean",
        "Operator": "ConditionOperator",
        "Values": "[any]",
        "EntityName": "string",
    },
    "PagingInfo": {
        "Count": "int",
        "PageNumber": "int",
        "PagingCookie": "string",
        "ReturnTotalRecordCount": "boolean",
    },
    "QueryByAttribute": {
        "Attributes": "[string]",
        "ColumnSet": "ColumnSet",
        "EntityName": "string",
        "Orders": "[OrderExpression]",
        "PageInfo": "PagingInfo",
        "Values": "[any]",
        "TopCount": "int",
    },
    "OrderExpression": {
        "Alias": "string",
        "AttributeName": "string",
        "EntityName": "string",
        "OrderType": "OrderType",
    },
    "DateTimeOffset": {"DateTime": "dateTime", "OffsetMinutes": "int"},
    "KeyValuePairOfstringanyType": {"key": "string", "value": "any"},
    "KeyValuePairOfstringstring": {"key": "string", "value": "string"},
    "KeyValuePairOfstringguid": {"key": "string", "value": "guid"},
    "KeyValuePairOfstringEntitygUGIFE1S": {"key": "string", "value": "Entity"},
    "KeyValuePairOfRelationshipEntityCollectionX_PsK4FkN": {"key": "Relationship", "value": "EntityCollection"},
    "KeyValueOfstringstring": {"Key": "string", "Value": "string"},
    "KeyValueOfstringanyType": {"Key": "string", "Value": "any"},
}
# Collections in members of type `any` whose name does not begin with ArrayOf.
COLLECTIONS = {
    "OptionSetValueCollection": "OptionSetValue",
    "EntityReferenceCollection": "EntityReference",
    "AttributeCollection": "KeyValuePairOfstringanyType",
    "ParameterCollection": "KeyValuePairOfstringanyType",
    "FormattedValueCollection": "KeyValuePairOfstringstring",
    "EntityImageCollection": "KeyValuePairOfstringEntitygUGIFE1S",
    "RelatedEntityCollection": "KeyValuePairOfRelationshipEntityCollectionX_PsK4FkN",
}
# Enumerations are numbers in JSON.
ENUMS = {
    "EntityState": ["Unchanged", "Created", "Changed"],
    "EntityRole": ["Referencing", "Referenced"],
    "ConditionOperator": ["Equal", "NotEqual", "GreaterThan"],
    "LogicalOperator": ["And", "Or"],
    "OrderType": ["Ascending", "Descending"],
}
NUMBERS = {"int", "long", "short", "unsignedByte", "byte", "decimal", "double", "float"}
TEXTS = {"string", "guid", "duration", "anyURI"}


def parse_xml(data):
    """The body in the form of json. Characters that XML 1.0 forbids even as references pass the parser as private ones."""
    text = data.decode("utf-8-sig")
    allowed = lambda code: code in (9, 10, 13) or 32 <= code < 0xFFFE and not 0xD800 <= code < 0xE000 or code > 0xFFFF
    hidden = lambda found: found[0] if allowed(code := int(found[1], 16)) else chr(HIDDEN + code)
    root = ElementTree.fromstring(re.sub("&#x([0-9A-Fa-f]+);", hidden, text))
    if root.tag != f"{{{CONTRACTS}}}RemoteExecutionContext":
        raise ValueError(root.tag)
    return read(root, "RemoteExecutionContext")


HIDDEN = 0xF0000  # plane 15, which no body of a test uses


def read(element, declared, stated=False):
    """The value of an element; `stated` is true if JSON has its class."""
    if element.get(INSTANCE + "nil") == "true":
        return None
    kind = declared
    if declared == "any":
        # ElementTree drops prefixes in values, but no two types share a name.
        stated, kind = True, element.attrib[INSTANCE + "type"].split(":")[-1]
    if kind.startswith("["):
        return [read(item, kind[1:-1]) for item in element]
    if kind in COLLECTIONS:
        return [read(item, COLLECTIONS[kind], stated) for item in element]
    if kind.startswith("ArrayOf"):
        item_kind = kind.removeprefix("ArrayOf")
        return [read(item, "any" if item_kind == "anyType" else item_kind, stated) for item in element]
    if kind in MEMBERS:
        return members(element, kind, stated)
    return scalar(element.text or "", kind)


def members(element, kind, stated):
    known, found = MEMBERS[kind], {}
    dictionary, pair = kind.startswith("KeyValueOf"), kind.startswith("KeyValue")
    namespace = ARRAYS if dictionary else GENERIC if pair else SYSTEM if kind == "DateTimeOffset" else CONTRACTS
    if stated:
        space = "#System.Collections.Generic" if pair else CONTRACTS
        found["__type"] = f"{kind.replace('KeyValueOf', 'KeyValuePairOf')}:{space}"
    for member in element:
        member_space, name = member.tag[1:].split("}")
        if member_space != namespace:
            raise ValueError(f"{name} of a {kind} is in {member_space}")
        # In XML the members of a dictionary entry are capitalized.
        found[name.lower() if dictionary else name] = read(member, known[name])
    return found


def scalar(text, kind):
    text = "".join(chr(ord(c) - HIDDEN) if ord(c) >> 16 == HIDDEN >> 16 else c for c in text)
    if kind in TEXTS:
        return text
    if kind in NUMBERS:
        number = Number(text.replace("INF", "Infinity"))
        number.text = text
        return number
    if kind == "boolean":
        return {"true": True, "false": False}[text]
    if kind == "dateTime":
        return date(text)
    if kind == "char":
        return chr(int(text))
    if kind == "base64Binary":
        return [Number(str(byte)) for byte in base64.b64decode(text)]
    if kind in ENUMS:
        return Number(str(ENUMS[kind].index(text)))
    raise ValueError(f"{kind} is a type that this account lacks: {text}")


def date(text):
    """A date in the form of JSON; one finer than a millisecond stays unchanged."""
    clock, fraction, zone = re.fullmatch(r"([0-9T:-]{19})(?:\.(\d+))?(Z|[+-]\d\d:\d\d)?", text).groups()
    if len(fraction or "") > 3:
        return text
    moment = datetime.fromisoformat(clock).replace(tzinfo=timezone.utc)
    ms = (moment - datetime(1970, 1, 1, tzinfo=timezone.utc)) // timedelta(milliseconds=1)
    ms += int((fraction or "").ljust(3, "0"))
    if zone == "Z":
        return f"/Date({ms})/"
    zone = (zone or "+00:00").replace(":", "")
    minutes = int(zone[:3]) * 60 + int(zone[0] + zone[3:])
    return f"/Date({ms - minutes * 60_000}{zone})/"
