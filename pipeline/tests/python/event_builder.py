"""Builds bodies for tests in the form of the serializer."""

import itertools
import json

ORGANIZATION = "5e2a1b60-a93a-ef11-8e4b-00224802c699"
JOBS = itertools.count(1)
CONTRACTS = "http://schemas.microsoft.com/xrm/2011/Contracts"


def event(message, table, record, second, attributes=None, *, images=None, organization=ORGANIZATION, **members):
    """One body as JSON text. Attributes are name → JSON text, or none for a deletion; images are alias → (attributes, labels)."""
    context = {
        "BusinessUnitId": guid(1),
        "CorrelationId": guid(2),
        "Depth": 1,
        "InitiatingUserAgent": "",
        "InitiatingUserAzureActiveDirectoryObjectId": guid(3),
        "InitiatingUserId": guid(4),
        "InputParameters": Raw(pairs({"Target": target(table, record, attributes)})),
        "IsExecutingOffline": False,
        "IsInTransaction": False,
        "IsOfflinePlayback": False,
        "IsolationMode": 1,
        "MessageName": message,
        "Mode": 1,
        "OperationCreatedOn": f"/Date({1_700_000_000_000 + second * 1000}+0000)/",
        # Each job posts one event: two events of one job are a repeated delivery.
        "OperationId": f"00000000-0000-4000-9000-{next(JOBS):012d}",
        "OrganizationId": organization,
        "OrganizationName": "org",
        "OutputParameters": [],
        "OwningExtension": None,
        "ParentContext": None,
        "PostEntityImages": Raw(pairs({alias: entity(table, record, *image) for alias, image in (images or {}).items()})),
        "PreEntityImages": [],
        "PrimaryEntityId": record,
        "PrimaryEntityName": table,
        "RequestId": guid(6),
        "SecondaryEntityName": "none",
        "SharedVariables": [],
        "Stage": 40,
        "UserAzureActiveDirectoryObjectId": guid(7),
        "UserId": guid(8),
        **members,
    }
    return "{" + ",".join(f"{json.dumps(name)}:{text_of(value)}" for name, value in context.items()) + "}"


class Raw(str):
    """JSON text to insert unchanged."""


def text_of(value):
    return value if isinstance(value, Raw) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def guid(number):
    return f"00000000-0000-4000-8000-{number:012d}"


def pairs(members):
    """A key/value list; the values are JSON text."""
    return "[" + ",".join(f'{{"key":{json.dumps(key)},"value":{value}}}' for key, value in members.items()) + "]"


def typed(name):
    return f'"__type":"{name}:{CONTRACTS}"'


def entity(table, record, attributes, labels=None, stated=""):
    labels = pairs({name: json.dumps(label) for name, label in (labels or {}).items()})
    return (
        f'{{{stated}"Attributes":{pairs(attributes)},"EntityState":null,"FormattedValues":{labels},"Id":"{record}",'
        f'"KeyAttributes":[],"LogicalName":"{table}","RelatedEntities":[],"RowVersion":null}}'
    )


def target(table, record, attributes):
    if attributes is None:
        return reference(table, record)
    return entity(table, record, attributes, stated=typed("Entity") + ",")


def reference(table, record, name=None):
    name = json.dumps(name)
    return f'{{{typed("EntityReference")},"Id":"{record}","KeyAttributes":[],"LogicalName":"{table}","Name":{name},"RowVersion":null}}'


def money(amount):
    return f'{{{typed("Money")},"Value":{amount}}}'


def choice(value):
    return f'{{{typed("OptionSetValue")},"Value":{value}}}'


def party_list(*contacts):
    parties = ",".join(entity("activityparty", guid(900), {"partyid": reference("contact", contact)}) for contact in contacts)
    return (
        f'{{{typed("EntityCollection")},"Entities":[{parties}],"EntityName":"activityparty","MinActiveRowVersion":null,'
        '"MoreRecords":false,"PagingCookie":null,"TotalRecordCount":0,"TotalRecordCountLimitExceeded":false}'
    )
