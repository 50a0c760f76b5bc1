"""cases.py check VIEWS: the right values of bodies that are easily misread, from tests/data/cases.

One request with two events, elastic tables, messages of virtual tables, numbers of several widths, exchange rates, party
lists, a restored record, SetState and Assign alone, enumerations in JSON and XML."""

import json
import sys
from decimal import Decimal

from checking import Faults, connect, rows


def guid(number):
    return f"{number:08x}-1111-4000-8000-{number:012x}"


OWNER = guid(0xA1)

# The states of records: table, id, values by column. Other columns are not checked.
STATES = [
    ("account", guid(0x101), {"exchangerate": Decimal("1"), "revenue_base": Decimal("10067.11"), "_misfits": None}),
    ("account", guid(0x102), {"exchangerate": Decimal("149.253731343284"), "revenue": Decimal(1500000), "_misfits": None}),
    ("account", guid(0x301), {"name": "Contoso 2"}),
    ("account", guid(0x501), {"new_score": Decimal(5), "new_count": Decimal(1), "ownerid": OWNER, "_misfits": None}),
    ("account", guid(0x502), {"new_score": Decimal(5_000_000_000), "new_count": Decimal(2), "_misfits": None}),
    ("account", guid(0x503), {"new_score": Decimal("7.25"), "new_count": Decimal(3), "_misfits": None}),
    # Two events of one request: both count.
    ("account", guid(0x601), {"name": "Contoso (closed)", "statecode": 1, "statuscode": 2}),
    # Only an Assign, only a SetState.
    ("account", guid(0x711), {"ownerid": guid(0xA9), "ownerid_entitytype": "team", "_message": "Assign", "_unknown_messages": None}),
    ("account", guid(0x902), {"statecode": 1, "statuscode": 2, "_truncated": None}),
    # Deleted and restored: it has its values again.
    ("account", guid(0x901), {"name": "Litware", "telephone1": "555-0100", "revenue": Decimal(10), "statecode": 0}),
    # One key in two partitions: the other one was deleted.
    ("new_sensordata", guid(0x201), {"partitionid": "device-a", "new_value": Decimal(11)}),
    ("mserp_custcustomergroupentity", "00003a01-0000-0000-11aa-006001000000", {"mserp_description": "Retail"}),
    ("email", guid(0x411), {"to": None, "subject": "Offer", "_misfits": None}),
]


def check(views):
    connection, faults = connect(views), Faults()
    for table, record, values in STATES:
        found = rows(connection, f"FROM {table}_latest WHERE Id = '{record}'")
        faults.equal(len(found), 1, table, record, "records")
        for column, value in values.items() if found else ():
            faults.equal(found[0].get(column), value, table, record, column)
    for table, count in [("account", 10), ("new_sensordata", 1), ("new_people", 0)]:
        faults.equal(connection.execute(f"SELECT count(*) FROM {table}_latest").fetchone()[0], count, table, "records")
    external = 'SELECT _message, Id, IsDelete, _truncated FROM new_people ORDER BY _sequence_number'
    person = guid(0xA01)
    expected = [("OnExternalCreated", person, None, None), ("OnExternalUpdated", person, None, None), ("OnExternalDeleted", person, True, None)]
    faults.equal(connection.execute(external).fetchall(), expected, "rows of a virtual table")
    changes = 'SELECT "column", value, before FROM {}_changes WHERE Id = ? AND "column" = ? ORDER BY _operation_created_on'
    found = connection.execute(changes.format("new_sensordata"), [guid(0x201), "new_value"]).fetchall()
    faults.equal(found, [("new_value", "10", None), ("new_value", "20", None), ("new_value", "11", "10")], "partitions are apart")
    found = connection.execute(changes.format("account"), [guid(0x601), "statecode"]).fetchall()
    faults.equal(found, [("statecode", "0", None), ("statecode", "1", "0")], "two events of one request")
    found = connection.execute(changes.format("account"), [guid(0x711), "ownerid"]).fetchall()
    faults.equal(found, [("ownerid", guid(0xA9), None)], "an Assign is a change")
    found = connection.execute(changes.format("email"), [guid(0x411), "to"]).fetchall()
    faults.equal([value for _, value, _ in found][1:], [None], "a list that was cleared")
    check_parties(connection, faults)
    both = connection.execute(f"SELECT _inputs, _rest FROM account WHERE Id = '{guid(0x301)}'").fetchall()
    faults.equal(len(both), 2, "JSON and XML")
    faults.equal(both[0], both[1], "one event in both formats")
    faults.equal(json.loads(both[0][0]), {"ConcurrencyBehavior": 1}, "an enumeration is a number")
    faults.end()


def check_parties(connection, faults):
    created, _, array = rows(connection, f"FROM email WHERE Id = '{guid(0x411)}' ORDER BY _sequence_number")
    sender, resolved, unresolved = created["from"][0], *created["to"]
    faults.equal((sender["partyid"], sender["partyidname"], sender["addressused"]), (OWNER, "Rep", "rep@contoso.invalid"), "from")
    faults.equal((resolved["partyid"], resolved["partyid_entitytype"]), (guid(0x431), "contact"), "to")
    faults.equal((unresolved["partyid"], unresolved["addressused"]), (None, "unknown@fabrikam.invalid"), "to, not resolved")
    faults.equal((array["bcc"][0]["partyid"], array["bcc"][0]["partyid_entitytype"]), (guid(0x432), "queue"), "bcc")


if __name__ == "__main__":
    {"check": check}[sys.argv[1]](*sys.argv[2:])
