"""states.py make FOLDER: writes <n>.ndjson, events whose order and deletions are decided by the rules of docs/TABLES.md. Files 0
and 1 are for two partitions; the others follow one after the other.
states.py check VIEWS: the latest state of each record."""

import json
import sys
from decimal import Decimal
from pathlib import Path

from checking import Faults, connect, rows
from event_builder import ORGANIZATION, Raw, choice, entity, event, guid, money, pairs, party_list, reference

AGAIN, GONE, LATE_CREATE, IMAGE, GONE_THEN_LATE, TIE, MISFIT, ODD, RETRY, SECOND, SHOWN, BACK = (guid(100 + n) for n in range(12))
JOB, DELETION, VERSIONED = guid(800), guid(801), guid(120)
RESTORED, EXTERNAL, OUTSIDE = guid(40), guid(41), guid(42)
REQUEST, STEPS, CHOSEN, CLOSED, OTHER_JOB = guid(44), guid(45), guid(46), guid(47), guid(802)
PLAIN, TWICE, UNSEEN, ODD_STATE, COLLECTION, IMAGES = guid(48), guid(49), guid(53), guid(54), guid(55), guid(56)
BOTH, NAMED, ODD_ORDER, THERE_AND_BACK = guid(57), guid(58), guid(59), guid(61)
CONTACT, MAIL, ZERO = guid(50), guid(60), "00000000-0000-0000-0000-000000000000"
OTHER_ORGANIZATION = guid(99)


def account(message, record, second, attributes=None, **more):
    return event(message, "account", record, second, attributes, **more)


def posted_by(step):
    return {"OwningExtension": Raw(reference("sdkmessageprocessingstep", guid(900 + step))), "RequestId": guid(6)}


def set_state(record, second, state, status):
    inputs = {"EntityMoniker": reference("account", record), "State": choice(state), "Status": choice(status)}
    # Only the reference has the id.
    return account("SetState", ZERO, second, InputParameters=Raw(pairs(inputs)))


EVENTS = {
    0: [
        # Created, changed, deleted, created again: only events since the second creation count.
        account("Create", AGAIN, 100, {"name": '"a"', "revenue": money("1.5"), "primarycontactid": reference("contact", CONTACT, "X")}),
        account("Update", AGAIN, 101, {"telephone1": '"1"'}),
        account("Delete", AGAIN, 102),
        account("Create", AGAIN, 103, {"name": '"b"'}),
        account("Create", AGAIN, 100, {"name": '"elsewhere"'}, organization=OTHER_ORGANIZATION),
        account("Create", GONE, 110, {"name": '"gone"'}),
        account("Delete", GONE, 111),
        # The Create arrives in the other partition, later.
        account("Update", LATE_CREATE, 205, {"name": '"late"', "revenue": "null"}),
        # A label belongs to its value: both are kept and replaced together.
        account("Update", IMAGE, 300, {"name": '"i"'}, images={"Post": ({"telephone1": '"9"', "statuscode": choice(1), "statecode": choice(0)}, {"statuscode": "Active", "statecode": "Open"})}),
        account("Update", IMAGE, 301, {"name": '"i2"', "statecode": choice(1)}),
        account("Create", GONE_THEN_LATE, 400, {"name": '"x"'}),
        account("Delete", GONE_THEN_LATE, 410),
        account("Update", GONE_THEN_LATE, 405, {"name": '"late"'}),
        account("Update", TIE, 500, {"name": '"first"'}),
        account("Update", TIE, 500, {"name": '"second"'}),
        # The state can't show a value that does not fit its column, and must not show an older one.
        account("Create", MISFIT, 600, {"revenue": money("7"), "name": '"m"'}),
        account("Update", MISFIT, 601, {"revenue": '"a lot"'}),
        # Names that no column can have.
        account("Create", ODD, 700, {"new_Weird.Na'me": '"w"', "_rest": '"r"', "id": '"i"'}),
        account("Update", ODD, 701, {"new_Weird.Na'me": "null", "_rest": "null"}),
        # Of a job that runs again the first delivery counts; another message is another event.
        account("Create", RETRY, 710, {"name": '"r"'}),
        account("Update", RETRY, 711, {"name": '"old"', "telephone1": '"3"'}, OperationId=JOB),
        account("Update", RETRY, 711, {"name": '"new"'}),
        account("Update", RETRY, 711, {"name": '"old"', "telephone1": '"3"'}, OperationId=JOB),
        account("Assign", RETRY, 712, {"telephone1": "null"}, OperationId=JOB),
        # Within a second a record is created first and deleted last, in any order of arrival.
        account("Update", SECOND, 720, {"name": '"updated"'}),
        account("Create", SECOND, 720, {"name": '"created"', "telephone1": '"4"'}),
        account("Delete", GONE, 730),
        account("Update", GONE, 730, {"name": '"no more"'}),
        # An image's value that does not fit nulls the state as Target's does; another record's image does not.
        account("Create", SHOWN, 740, {"revenue": money("8"), "creditlimit": money("9"), "name": '"s"'}),
        account("Update", SHOWN, 741, {"telephone1": '"5"'}, images={"Post": ({"revenue": '"much"'}, {})}),
        account("Update", SHOWN, 742, {}, PostEntityImages=Raw(pairs({"Post": entity("account", AGAIN, {"creditlimit": '"more"'})}))),
        # The version of a record decides if events have it.
        event("Update", "lead", VERSIONED, 750, {"subject": '"two"', "versionnumber": "2"}),
        event("Update", "lead", VERSIONED, 750, {"subject": '"one"', "versionnumber": "1"}),
        event("Update", "lead", VERSIONED, 750, {"subject": '"none"'}),
        # A restored record has its values again; an earlier deletion still counts.
        account("Create", RESTORED, 760, {"name": '"first"', "telephone1": '"7"'}),
        account("Delete", RESTORED, 761),
        account("Create", RESTORED, 762, {"name": '"second"'}),
        account("Delete", RESTORED, 763),
        account("Restore", RESTORED, 763, {}),
        # Rows of virtual tables, which have no other messages. A message with a similar name is not one of them.
        account("OnExternalDeleted", EXTERNAL, 770, {}),
        account("OnExternalUpdated", EXTERNAL, 770, {"name": '"no more"'}),
        account("OnExternalUpdated", OUTSIDE, 771, {"telephone1": '"8"'}),
        account("OnExternalCreated", OUTSIDE, 771, {"telephone1": '"0"', "name": '"out"'}),
        # Messages with an unknown effect change nothing, even with a Target; messages that keep a record are not listed.
        account("new_Delete", OUTSIDE, 772, {}),
        account("new_Touch", OUTSIDE, 773, {"name": '"touched"', "telephone1": "null"}),
        account("GrantAccess", OUTSIDE, 774),
        account("new_Touch", guid(43), 775, {"name": '"known only here"'}),
        account("BulkDelete", AGAIN, 776),
        # Two events of one synchronous request have one operation: both count.
        account("Create", REQUEST, 777, {"name": '"r"', "telephone1": '"1"'}, Mode=0, OperationId=JOB),
        account("Update", REQUEST, 778, {"name": '"r2"'}, Mode=0, OperationId=OTHER_JOB),
        account("Update", REQUEST, 778, {"telephone1": '"2"'}, Mode=0, OperationId=OTHER_JOB),
        # Two steps post the same change.
        *(account("Create", STEPS, 779, {"name": '"a"'}, **posted_by(n)) for n in (1, 2)),
        *(account("Update", STEPS, 780, {"name": '"b"'}, **posted_by(n)) for n in (1, 2)),
        account("Update", STEPS, 781, {"name": '"a"'}, **posted_by(1)),
        *(account("Update", STEPS, 782, {"name": '"c"'}, **posted_by(n)) for n in (1, 2, 3)),
        # One request that sets a value back: each step posts all three.
        account("Create", THERE_AND_BACK, 779, {"name": '"a"'}, **posted_by(1)),
        *(account("Update", THERE_AND_BACK, 780, {"name": f'"{value}"'}, **posted_by(n)) for n in (1, 2) for value in "bcb"),
        # A status that Dataverse chooses is unknown unless an image shows it.
        account("Create", CHOSEN, 782, {"statecode": choice(0), "statuscode": choice(1)}),
        set_state(CHOSEN, 783, 1, -1),
        # An Update of the same second knows the status.
        account("Create", BOTH, 782, {"statecode": choice(0), "statuscode": choice(1)}),
        account("Update", BOTH, 783, {"statecode": choice(1), "statuscode": choice(2)}),
        set_state(BOTH, 783, 1, -1),
        # Otherwise the one that arrives later counts.
        account("Create", ODD_ORDER, 782, {"statecode": choice(0), "statuscode": choice(1)}),
        account("Update", ODD_ORDER, 783, {"statecode": choice(0), "statuscode": choice(1)}),
        set_state(ODD_ORDER, 783, 1, 2),
        # An attribute with the name of a companion.
        account("Create", NAMED, 797, {"statecode": choice(0), "statecodename": "5"}),
        # Attributes without a column: the last value counts, and so does a later null.
        account("Create", PLAIN, 786, {"new_growth": "0.33333333333333331", "new/odd~name": '["a"]', "new_gone": "1E+300"}),
        account("Update", PLAIN, 787, {"new_growth": "0.12345678901234567", "new_gone": "null", "name": '"p"'}),
        account("Update", PLAIN, 788, {"telephone1": '"1"'}),
        # One Restore undoes a deletion that two steps post; a record whose first events the lake lacks is truncated.
        account("Create", TWICE, 789, {"name": '"t"'}),
        *(account("Delete", TWICE, 790, **posted_by(n)) for n in (1, 2)),
        account("Restore", TWICE, 791, {}),
        account("Restore", UNSEEN, 792, {"telephone1": '"2"'}),
        # Parameters in other forms: a value that does not fit its column is shown unchanged.
        account("SetState", ODD_STATE, 793, InputParameters=Raw(pairs({"EntityMoniker": reference("account", ODD_STATE), "State": "1", "Status": '"busy"'}))),
        account("Assign", ODD_STATE, 794, InputParameters=Raw(pairs({"Target": reference("account", ODD_STATE), "Assignee": '"unknown"'}))),
        account("Create", COLLECTION, 795, {"new_parts": '{"EntityName":"part","MoreRecords":false,"Note":"n"}', "new_none": '{"EntityName":"part"}'}),
        # Each of several images may have values that fit no column.
        account("Update", IMAGES, 796, {"name": '"i"'}, images={"A": ({"creditlimit": '"much"'}, {}), "B": ({"revenue": '"more"'}, {})}),
        account("Create", CLOSED, 784, {"statecode": choice(0), "statuscode": choice(1)}),
        set_state(CLOSED, 785, 1, 2),
        # An event about several records has no Id.
        account("CreateMultiple", ZERO, 800, {}),
        event("Create", "email", MAIL, 900, {"to": party_list(CONTACT), "subject": '"s"'}),
        event("Update", "email", MAIL, 901, {"subject": '"t"'}),
        event("Update", "email", MAIL, 902, {"cc": party_list(CONTACT)}),
        event("Update", "email", MAIL, 903, {"cc": party_list()}),
    ],
    1: [account("Create", LATE_CREATE, 200, {"name": '"early"', "revenue": money("5"), "telephone1": '"2"'})],
    # Without a time the order of arrival counts, except for a repeated delivery of a deletion.
    2: [account("Create", BACK, 0, {"name": '"a"', "telephone1": '"6"'}, OperationCreatedOn=None)],
    3: [account("Delete", BACK, 0, OperationCreatedOn=None, OperationId=DELETION)],
    4: [account("Create", BACK, 0, {"name": '"b"'}, OperationCreatedOn=None)],
    5: [account("Delete", BACK, 0, OperationCreatedOn=None, OperationId=DELETION)],
}

STATES = {
    (ORGANIZATION, AGAIN): {"name": "b"},
    (OTHER_ORGANIZATION, AGAIN): {"name": "elsewhere"},
    (ORGANIZATION, LATE_CREATE): {"name": "late", "telephone1": "2"},
    (ORGANIZATION, IMAGE): {"name": "i2", "telephone1": "9", "statuscode": 1, "statuscodename": "Active", "statecode": 1},
    (ORGANIZATION, TIE): {"name": "second"},
    (ORGANIZATION, MISFIT): {"name": "m"},
    (ORGANIZATION, ODD): {"attr$id": "i"},
    (ORGANIZATION, RETRY): {"name": "new"},
    (ORGANIZATION, SECOND): {"name": "updated", "telephone1": "4"},
    (ORGANIZATION, SHOWN): {"name": "s", "telephone1": "5", "creditlimit": Decimal(9)},
    (ORGANIZATION, BACK): {"name": "b"},
    (ORGANIZATION, RESTORED): {"name": "second"},
    (ORGANIZATION, OUTSIDE): {"name": "out", "telephone1": "8"},
    (ORGANIZATION, REQUEST): {"name": "r2", "telephone1": "2"},
    (ORGANIZATION, STEPS): {"name": "c"},
    (ORGANIZATION, THERE_AND_BACK): {"name": "b"},
    (ORGANIZATION, CHOSEN): {"statecode": 1},
    (ORGANIZATION, BOTH): {"statecode": 1, "statuscode": 2},
    (ORGANIZATION, ODD_ORDER): {"statecode": 1, "statuscode": 2},
    (ORGANIZATION, NAMED): {"statecode": 0},
    (ORGANIZATION, CLOSED): {"statecode": 1, "statuscode": 2},
    (ORGANIZATION, PLAIN): {"name": "p", "telephone1": "1"},
    (ORGANIZATION, TWICE): {"name": "t"},
    (ORGANIZATION, UNSEEN): {"telephone1": "2"},
    (ORGANIZATION, ODD_STATE): {"statecode": 1},
    (ORGANIZATION, COLLECTION): {},
    (ORGANIZATION, IMAGES): {"name": "i"},
}

UNKNOWN = {
    (ORGANIZATION, OUTSIDE): ["new_Delete", "new_Touch"],
    (ORGANIZATION, AGAIN): ["BulkDelete"],
}


def make(folder):
    for number, events in EVENTS.items():
        (Path(folder) / f"{number}.ndjson").write_text("\n".join(events) + "\n")


def check(views):
    connection, faults = connect(views), Faults()
    found = {(str(row["_organization_id"]), str(row["Id"])): row for row in rows(connection, "FROM account_latest")}
    faults.equal(sorted(found), sorted(STATES), "records")
    for record in STATES.keys() & found.keys():
        for column, value in found[record].items():
            if not column.startswith("_") and column not in ("Id", "SinkModifiedOn"):
                faults.equal(value, STATES[record].get(column), record, column)
    misfits = {record: row["_misfits"] for record, row in found.items() if row["_misfits"] is not None}
    expected = {
        (ORGANIZATION, MISFIT): {"revenue": "a lot"},
        # Also of an image.
        (ORGANIZATION, SHOWN): {"revenue": "much"},
        (ORGANIZATION, NAMED): {"statecodename": 5},
        (ORGANIZATION, ODD_STATE): {"statuscode": "busy", "ownerid": "unknown"},
        (ORGANIZATION, COLLECTION): {"new_parts": {"EntityName": "part", "MoreRecords": False, "Note": "n"}},
        (ORGANIZATION, IMAGES): {"creditlimit": "much", "revenue": "more"},
        (ORGANIZATION, PLAIN): {"new_growth": "0.12345678901234567", "new/odd~name": ["a"]},
    }
    faults.equal({record: json.loads(text) for record, text in misfits.items()}, expected, "values that fit no column")
    unknown = {record: row["_unknown_messages"] for record, row in found.items() if row["_unknown_messages"] is not None}
    faults.equal(unknown, UNKNOWN, "messages whose effect is not known")
    incomplete = {record for record, row in found.items() if row["_truncated"]}
    faults.equal(sorted(incomplete), [(ORGANIZATION, UNSEEN)], "records that are not whole")
    again = found[ORGANIZATION, AGAIN]
    faults.equal(again["_message"], "Create", "the latest event")
    faults.equal(again["_partition"], 0, "the latest event's partition")
    mail = rows(connection, "FROM email_latest")[0]
    faults.equal(mail["subject"], "t", "email")
    faults.equal(mail["to"][0]["partyid"], CONTACT, "email's party")
    faults.equal(connection.execute("SELECT subject, versionnumber FROM lead_latest").fetchall(), [("two", 2)], "versions")
    check_changes(connection, faults)
    check_late(connection, faults)
    misfits = rows(connection, "SELECT revenue, _rest->>'$.InputParameters.Target.Attributes.revenue' AS rest FROM account WHERE Id = '" + MISFIT + "' AND _rest IS NOT NULL")
    faults.equal(misfits, [{"revenue": None, "rest": "a lot"}], "what does not fit")
    amount = rows(connection, f"SELECT revenue FROM account WHERE Id = '{MISFIT}' AND _message = 'Create'")
    faults.equal(amount, [{"revenue": Decimal(7)}], "what fits")
    faults.end()


def check_changes(connection, faults):
    query = 'SELECT "column", value, label, before, _message FROM account_changes WHERE Id = ? AND _organization_id = ? ORDER BY _operation_created_on, "column", value'
    for record, changes in CHANGES.items():
        found = connection.execute(query, [record, ORGANIZATION]).fetchall()
        faults.equal(found, changes, record, "changes")
    steps = connection.execute(
        "SELECT value, before, _step_id, _copy FROM account_changes WHERE Id = ? ORDER BY _operation_created_on, _step_id", [STEPS]
    ).fetchall()
    one, other = guid(901), guid(902)
    expected = [("a", None, one, False), ("a", None, other, True), ("b", "a", one, False), ("b", "a", other, True), ("a", "b", one, False)]
    expected += [("c", "a", one, False), ("c", "a", other, True), ("c", "a", guid(903), True)]
    faults.equal(steps, expected, "a change that two steps post")
    back = connection.execute("SELECT value, before, _copy FROM account_changes WHERE Id = ? ORDER BY _sequence_number", [THERE_AND_BACK]).fetchall()
    expected = [("a", None, False)] + [(value, before, copy) for copy in (False, True) for value, before in (("b", "a"), ("c", "b"), ("b", "c"))]
    faults.equal(back, expected, "a value that was set back")
    mail = rows(connection, "SELECT value FROM email_changes WHERE \"column\" = 'to'")[0]["value"]
    faults.equal(json.loads(mail)[0]["partyid"], CONTACT, "a list is JSON")
    copies = rows(connection, "SELECT value FROM email_changes WHERE \"column\" = 'cc' ORDER BY _operation_created_on")
    faults.equal([copy["value"] is None for copy in copies], [False, True], "a list that was cleared")


# The changes of some records, in order.
CHANGES = {
    AGAIN: [
        ("name", "a", None, None, "Create"),
        ("primarycontactid", CONTACT, "X", None, "Create"),
        ("revenue", "1.5", None, None, "Create"),
        ("telephone1", "1", None, None, "Update"),
        ("name", "b", None, None, "Create"),
    ],
    LATE_CREATE: [
        ("name", "early", None, None, "Create"),
        ("revenue", "5", None, None, "Create"),
        ("telephone1", "2", None, None, "Create"),
        ("name", "late", None, "early", "Update"),
        ("revenue", None, None, "5", "Update"),
    ],
    MISFIT: [
        ("name", "m", None, None, "Create"),
        ("revenue", "7", None, None, "Create"),
        ("revenue", "a lot", None, "7", "Update"),
    ],
    ODD: [
        ("_rest", "r", None, None, "Create"),
        ("id", "i", None, None, "Create"),
        ("new_Weird.Na'me", "w", None, None, "Create"),
        ("_rest", None, None, "r", "Update"),
        ("new_Weird.Na'me", None, None, "w", "Update"),
    ],
    RETRY: [
        ("name", "r", None, None, "Create"),
        ("name", "new", None, "old", "Update"),
        ("name", "old", None, "r", "Update"),
        ("telephone1", "3", None, None, "Update"),
        ("telephone1", None, None, "3", "Assign"),
    ],
    # Messages with an unknown effect are not changes.
    OUTSIDE: [
        ("name", "out", None, None, "OnExternalCreated"),
        ("telephone1", "0", None, None, "OnExternalCreated"),
        ("telephone1", "8", None, "0", "OnExternalUpdated"),
    ],
    CHOSEN: [
        ("statecode", "0", None, None, "Create"),
        ("statuscode", "1", None, None, "Create"),
        ("statecode", "1", None, "0", "SetState"),
        ("statuscode", None, None, "1", "SetState"),
    ],
}


def check_late(connection, faults):
    """Checks the events that were delivered after an event of a later second."""
    late = connection.execute('SELECT "table", Id::VARCHAR, _message, epoch(behind) FROM late ORDER BY ALL').fetchall()
    faults.equal(late, [("account", LATE_CREATE, "Create", 5.0), ("account", GONE_THEN_LATE, "Update", 5.0)], "late")


if __name__ == "__main__":
    {"make": make, "check": check}[sys.argv[1]](*sys.argv[2:])
