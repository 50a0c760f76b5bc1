"""states.py make FOLDER: writes <partition>.ndjson, events whose order and deletions are told apart only by the rule.
states.py check VIEWS: the latest state of each record."""

import sys
import uuid
from decimal import Decimal
from pathlib import Path

from checking import Faults, connect, rows
from made import ORGANIZATION, choice, event, guid, money, party_list, reference

AGAIN, GONE, LATE_CREATE, IMAGE, GONE_THEN_LATE, TIE, MISFIT, ODD = (guid(100 + n) for n in range(8))
CONTACT, MAIL, ZERO = guid(50), guid(60), "00000000-0000-0000-0000-000000000000"
OTHER_ORGANIZATION = guid(99)


def account(message, record, second, attributes=None, **more):
    return event(message, "account", record, second, attributes, **more)


EVENTS = {
    0: [
        # Created, changed, deleted, created again: only the second life counts.
        account("Create", AGAIN, 100, {"name": '"a"', "revenue": money("1.5"), "primarycontactid": reference("contact", CONTACT, "X")}),
        account("Update", AGAIN, 101, {"telephone1": '"1"'}),
        account("Delete", AGAIN, 102),
        account("Create", AGAIN, 103, {"name": '"b"'}),
        account("Create", AGAIN, 100, {"name": '"elsewhere"'}, organization=OTHER_ORGANIZATION),
        account("Create", GONE, 110, {"name": '"gone"'}),
        account("Delete", GONE, 111),
        # The Create arrives in the other partition, later.
        account("Update", LATE_CREATE, 205, {"name": '"late"', "revenue": "null"}),
        # A label belongs to its value: it is carried over with it, and goes with it.
        account("Update", IMAGE, 300, {"name": '"i"'}, images={"Post": ({"telephone1": '"9"', "statuscode": choice(1), "statecode": choice(0)}, {"statuscode": "Active", "statecode": "Open"})}),
        account("Update", IMAGE, 301, {"name": '"i2"', "statecode": choice(1)}),
        account("Create", GONE_THEN_LATE, 400, {"name": '"x"'}),
        account("Delete", GONE_THEN_LATE, 410),
        account("Update", GONE_THEN_LATE, 405, {"name": '"late"'}),
        account("Update", TIE, 500, {"name": '"first"'}),
        account("Update", TIE, 500, {"name": '"second"'}),
        # A value that does not fit its column: the state can't show it, and must not show an older one.
        account("Create", MISFIT, 600, {"revenue": money("7"), "name": '"m"'}),
        account("Update", MISFIT, 601, {"revenue": '"a lot"'}),
        # Names that are no column's.
        account("Create", ODD, 700, {"new_Weird.Na'me": '"w"', "_rest": '"r"', "id": '"i"'}),
        account("Update", ODD, 701, {"new_Weird.Na'me": "null", "_rest": "null"}),
        # An event of several records has no record of its own.
        account("CreateMultiple", ZERO, 800, {}),
        event("Create", "email", MAIL, 900, {"to": party_list(CONTACT), "subject": '"s"'}),
        event("Update", "email", MAIL, 901, {"subject": '"t"'}),
    ],
    1: [account("Create", LATE_CREATE, 200, {"name": '"early"', "revenue": money("5"), "telephone1": '"2"'})],
}

STATES = {
    (ORGANIZATION, AGAIN): {"name": "b"},
    (OTHER_ORGANIZATION, AGAIN): {"name": "elsewhere"},
    (ORGANIZATION, LATE_CREATE): {"name": "late", "telephone1": "2"},
    (ORGANIZATION, IMAGE): {"name": "i2", "telephone1": "9", "statuscode": 1, "statuscodename": "Active", "statecode": 1},
    (ORGANIZATION, TIE): {"name": "second"},
    (ORGANIZATION, MISFIT): {"name": "m"},
    (ORGANIZATION, ODD): {"attr$id": "i"},
}


def make(folder):
    for partition, events in EVENTS.items():
        (Path(folder) / f"{partition}.ndjson").write_text("\n".join(events) + "\n")


def check(views):
    connection, faults = connect(views), Faults()
    found = {(str(row["_organization_id"]), str(row["Id"])): row for row in rows(connection, "FROM account_latest")}
    faults.equal(sorted(found), sorted(STATES), "records")
    for record in STATES.keys() & found.keys():
        for column, value in found[record].items():
            if not column.startswith("_") and column not in ("Id", "SinkModifiedOn"):
                faults.equal(value, STATES[record].get(column), record, column)
    again = found[ORGANIZATION, AGAIN]
    faults.equal(again["_message"], "Create", "the latest event")
    faults.equal(again["_partition"], 0, "the latest event's partition")
    mail = rows(connection, "FROM email_latest")[0]
    faults.equal(mail["subject"], "t", "email")
    faults.equal(mail["to"][0]["partyid"], uuid.UUID(CONTACT), "email's party")
    misfits = rows(connection, "SELECT revenue, _rest->>'$.InputParameters.Target.Attributes.revenue' AS rest FROM account WHERE _rest IS NOT NULL")
    faults.equal(misfits, [{"revenue": None, "rest": "a lot"}], "what does not fit")
    amount = rows(connection, f"SELECT revenue FROM account WHERE Id = '{MISFIT}' AND _message = 'Create'")
    faults.equal(amount, [{"revenue": Decimal(7)}], "what fits")
    faults.end()


if __name__ == "__main__":
    {"make": make, "check": check}[sys.argv[1]](*sys.argv[2:])
