"""questions.py make FOLDER: writes 1.ndjson, events that a demo does not make.
questions.py check VIEWS PAGE FOLDER: runs the SQL of docs/QUERYING.md and derives the answers again from the bodies.
questions.py run VIEWS PAGE: runs it over the lake of a demo.
questions.py redrive VIEWS LAKE, questions.py redriven VIEWS: one body of the quarantine gets a row elsewhere.
questions.py gaps VIEWS LAKE: removes a file and finds its numbers in the view of gaps."""

import re
import sys
import uuid
from collections import Counter
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path

from bodies import date_parts, instant, pairs, parse
from checking import Faults, connect, rows
from event_builder import Raw, event, guid, money, pairs as pairs_of, party_list, reference

ZERO = "00000000-0000-0000-0000-000000000000"
BAD = ["nonsense", '{"MessageName":', "[1]"]


def make(folder):
    account, mail = guid(501), guid(502)
    relationship = {
        "Target": reference("account", account),
        "Relationship": '{"PrimaryEntityRole":null,"SchemaName":"accountleads_association"}',
    }
    twice = event("Update", "account", account, 20, {"revenue": money("12.5000")})
    events = [
        event("Create", "account", account, 10, {"name": '"A"', "revenue": money("10"), "statecode": '{"__type":"OptionSetValue:x","Value":0}'}),
        twice,
        event("Update", "account", account, 30, None, InputParameters=[]),
        twice,
        event("Update", "account", account, 15, {"telephone1": '"1"'}),
        event("Create", "email", mail, 10, {"to": party_list(guid(50), guid(51)), "subject": '"s"'}),
        event("Update", "email", mail, 11, {"subject": '"t"'}),
        *(event("Associate", "none", ZERO, 40 + n, InputParameters=Raw(pairs_of(relationship))) for n in range(2)),
        *BAD,
    ]
    (Path(folder) / "1.ndjson").write_text("\n".join(events) + "\n")


def blocks(page):
    """(number of the question, SQL) of each block; 0 for blocks before and after the questions."""
    number = 0
    for heading, sql in re.findall(r"^#+ ([^\n]*)$|^```sql\n(.*?)^```$", Path(page).read_text(), re.M | re.S):
        if heading:
            found = re.match(r"(\d+)\. ", heading)
            number = int(found[1]) if found else 0
        else:
            yield number, sql


def ask(connection, page, faults, leave_out=()):
    """The answer to each question: the rows of its first block."""
    answers = {}
    for number, sql in blocks(page):
        if number not in leave_out:
            found = rows(connection, sql)
            answers.setdefault(number, found)
    faults.equal(sorted(answers), sorted(set(range(21)) - set(leave_out)), "questions with SQL")
    return answers


def check(views, page, folder):
    connection, faults = connect(views), Faults()
    text = Path(page).read_text()
    faults.check(text.index("SET TimeZone = 'UTC'") < text.index("### 1."), "the time zone comes first")
    answers = ask(connection, page, faults)
    bodies = Bodies(Path(folder))
    for number, expected in bodies.answers().items():
        given = [plain(COMPARED.get(number, dict.values)(row)) for row in answers[number]]
        faults.check(expected or number == 15, number, "has no answer to compare")
        faults.equal(sorted(given, key=repr), sorted(map(plain, expected), key=repr), "question", number)
    faults.equal(sum(row["bodies"] for row in answers[16]), len(BAD), "question 16")
    for number in {*range(1, 21)} - {15}:
        faults.check(answers[number], "question", number, "has no answer")
    faults.end()


def gaps(views, lake):
    """The gaps in a lake after a file is removed, derived from the file."""
    connection, faults = connect(views), Faults()
    file = next(Path(lake).glob("task/*/*-p0000-*.cw.parquet"))
    gone = [row[0] for row in connection.execute("SELECT _sequence_number FROM task ORDER BY ALL").fetchall()]
    source = re.fullmatch(r"(.*)-\d{20}\.cw\.parquet", file.name)[1]
    file.unlink()
    connection.execute("SET parquet_metadata_cache = false")
    missing = rows(connection, "FROM gaps")
    numbers = [number for gap in missing for number in range(gap["first"], gap["last"] + 1)]
    faults.equal(sorted(numbers), gone, "gaps")
    faults.equal({gap["source"] for gap in missing}, {source}, "gaps' source")
    faults.equal(sum(gap["events"] for gap in missing), len(gone), "gaps' events")
    faults.end()


class Bodies:
    """The events that were sent, in the order of arrival."""

    def __init__(self, folder):
        self.all = []
        for partition in range(2):
            for number, line in enumerate((folder / f"{partition}.ndjson").read_bytes().splitlines()):
                if line.decode() not in BAD:
                    body = parse(line)
                    body["place"] = partition, number
                    self.all.append(body)

    def of(self, table):
        return [body for body in self.all if body["PrimaryEntityName"] == table]

    def once(self, table):
        """Each event once, in the order of docs/TABLES.md."""
        first = {}
        for body in self.of(table):
            first.setdefault((body["OperationId"], body["MessageName"], body["PrimaryEntityId"]), body)
        rank = {"Create": 0, "Delete": 2}
        return sorted(first.values(), key=lambda body: (at(body), rank.get(body["MessageName"], 1), body["place"]))

    def states(self, table):
        states = {}
        for body in self.once(table):
            if body["MessageName"] == "Delete":
                states.pop(body["PrimaryEntityId"], None)
                continue
            state = states.setdefault(body["PrimaryEntityId"], {})
            for alias, image in (pairs(body["PostEntityImages"]) or {}).items():
                if alias != "AsynchronousStepPrimaryName":
                    state.update(pairs(image["Attributes"]) or {})
            state.update(attributes(body))
        return states.values()

    def changes(self, table, column):
        return [(body, attributes(body)[column]) for body in self.once(table) if column in attributes(body)]

    def answers(self):
        accounts = self.of("account")
        active = [state for state in self.states("account") if number(state.get("statecode")) == 0]
        owners = Counter(state["ownerid"]["Id"] if state.get("ownerid") else None for state in active)
        changed = Counter((body["InitiatingUserId"], name) for body in self.once("account") if body["MessageName"] == "Update" for name in attributes(body))
        deleted = [body for body in accounts if body["MessageName"] == "Delete"]
        as_of = {}
        for body, value in self.changes("account", "revenue"):
            if at(body) < datetime(2026, 1, 5, 8, 0, 30, tzinfo=timezone.utc):
                as_of[body["PrimaryEntityId"]] = number(value)
        channels = Counter(int(item["Value"]) for state in self.states("account") for item in state.get("new_channels") or [])
        jobs = Counter((id_of(body["OperationId"]), body["MessageName"], id_of(body["PrimaryEntityId"])) for body in accounts)
        days = Counter((at(body).date(), body["MessageName"]) for body in accounts)
        relationships = Counter((body["MessageName"], pairs(body["InputParameters"])["Relationship"]["SchemaName"]) for body in self.of("none"))
        return {
            1: [(*key, count) for key, count in days.items()],
            2: [(id_of(owner), count) for owner, count in owners.items()],
            3: self.pipeline(),
            4: [(id_of(user), column, count) for (user, column), count in changed.items()],
            5: [(*who(body), number(value)) for body, value in self.changes("account", "revenue")],
            6: [(id_of(record), value) for record, value in as_of.items()],
            7: [who(body) for body in deleted],
            8: [(id_of(body["PrimaryEntityId"]), automatic_name(body)) for body in deleted],
            11: [*channels.items()],
            12: [*self.parties()],
            13: [(id_of(body["PrimaryEntityId"]), body["MessageName"], at(body)) for body in accounts if not body["InputParameters"]],
            14: self.late(),
            15: [],
            17: [(*job, count) for job, count in jobs.items() if count > 1],
            20: [(*key, count) for key, count in relationships.items()],
        }

    def pipeline(self):
        """By rating: the number, the value, and the value weighted with the probability."""
        sums = {}
        for state in self.states("opportunity"):
            if number(state.get("statecode")) == 0:
                value, chance = number(state.get("estimatedvalue")), state.get("closeprobability")
                sums.setdefault(number(state.get("opportunityratingcode")), []).append((value, chance))
        return [(rating, len(values), *totals(values)) for rating, values in sums.items()]

    def parties(self):
        for state in self.states("email"):
            for party in state["to"]["Entities"]:
                yield (id_of(pairs(party["Attributes"])["partyid"]["Id"]),)

    def late(self):
        """Per table, in the order of arrival: the events that are older than an earlier event of their record, and by how much."""
        newest, late = {}, {}
        for body in self.all:
            record = body["PrimaryEntityName"], body["PrimaryEntityId"]
            if record[1] != ZERO:
                before = newest.setdefault(record, at(body))
                if at(body) < before:
                    late.setdefault(record[0], []).append(before - at(body))
                newest[record] = max(before, at(body))
        return [(table, len(behind), max(behind)) for table, behind in late.items()]


def attributes(body):
    target = (pairs(body["InputParameters"]) or {}).get("Target") or {}
    return pairs(target.get("Attributes")) or {}


def at(body):
    ms, offset = date_parts(body["OperationCreatedOn"])
    return instant(ms + offset * 60_000)


def id_of(text):
    return text and str(uuid.UUID(text))


def who(body):
    return id_of(body["PrimaryEntityId"]), at(body), id_of(body["InitiatingUserId"])


def number(value):
    """The value of a number, an amount or a choice."""
    return value["Value"] if isinstance(value, dict) else value


def automatic_name(body):
    image = (pairs(body["PreEntityImages"]) or {}).get("AsynchronousStepPrimaryName")
    return pairs(image["Attributes"])["name"] if image else None


def totals(values):
    amounts = [value for value, _ in values if value is not None]
    weighted = [value * chance / 100 for value, chance in values if None not in (value, chance)]
    return sum(amounts) if amounts else None, sum(weighted) if weighted else None


# The columns of an answer that can be derived from the bodies, if not all can.
COMPARED = {
    2: lambda row: (row["ownerid"], row["accounts"]),
    5: lambda row: (row["Id"], row["_operation_created_on"], row["_initiating_user_id"], row["value"] and Decimal(row["value"])),
    12: lambda row: (row["partyid"],),
}


def plain(row):
    """A row for comparison: numbers by value."""
    numbers = lambda value: Decimal(value).normalize() if isinstance(value, (int, Decimal)) else value
    return tuple(map(numbers, row))


def run(views, page):
    """Over a demo's lake, which has no e-mails."""
    faults = Faults()
    answers = ask(connect(views), page, faults, leave_out={12})
    for question in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 18, 19):
        faults.check(answers[question], "question", question, "has no answer in a demo")
    faults.end()


def redrive(views, lake):
    """Writes the row of a body that is understood now, as `catchwater redrive` would."""
    connection = connect(views)
    sequence_number, date = connection.execute("SELECT min(_sequence_number), min(enqueued_date) FROM _quarantine").fetchone()
    source = re.fullmatch(r"(.*-p0001)-\d{20}\.cw\.parquet", next(Path(lake).glob("_quarantine/*/*.cw.parquet")).name)[1]
    file = Path(lake) / "account" / f"enqueued_date={date}" / f"{source}-{0:020}-r1.cw.parquet"
    connection.execute(
        f"COPY (SELECT '{guid(700)}' AS Id, 1::INTEGER AS _partition, {sequence_number}::BIGINT AS _sequence_number) TO '{file}' (FORMAT parquet)"
    )


def redriven(views):
    connection, faults = connect(views), Faults()
    numbers = lambda view: [row[0] for row in connection.execute(f"SELECT _sequence_number FROM {view} ORDER BY ALL").fetchall()]
    faults.equal(len(numbers("_quarantine")), len(BAD), "all that was ever in quarantine")
    faults.equal(numbers("quarantine"), numbers("_quarantine")[1:], "what still is")
    faults.equal(numbers(f"account WHERE Id = '{guid(700)}'"), numbers("_quarantine")[:1], "what has a row")
    faults.equal(connection.execute("SELECT count(*) FROM gaps").fetchone()[0], 0, "gaps")
    faults.end()


if __name__ == "__main__":
    {"make": make, "check": check, "run": run, "redrive": redrive, "redriven": redriven, "gaps": gaps}[sys.argv[1]](*sys.argv[2:])
