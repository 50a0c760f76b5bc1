"""Checks of the official Python SDK against a hub: sdk.py CHECK CONNECTION_STRING."""

import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone

from azure.eventhub import EventData, EventHubConsumerClient, EventHubProducerClient
from azure.eventhub.exceptions import AuthenticationError, ConnectionLostError, EventHubError

GROUP = "$Default"
TIMEOUT_SECONDS = 30


def producer(connection_string):
    return EventHubProducerClient.from_connection_string(connection_string)


def consumer(connection_string, **options):
    return EventHubConsumerClient.from_connection_string(connection_string, GROUP, **options)


def event(body, **properties):
    data = EventData(body)
    data.content_type = "application/json"
    data.message_id = body[:20]
    data.properties = properties
    return data


def receive(connection_string, partition, count, position, client_options=None, **options):
    """Returns the first `count` events of a partition from a position on; fails if they do not arrive."""
    events, errors, enough = [], [], threading.Event()

    def on_event(context, received):
        if received is not None:
            received.metrics = context.last_enqueued_event_properties
            events.append(received)
        if len(events) >= count:
            enough.set()

    def on_error(context, error):
        errors.append(error)
        enough.set()

    with consumer(connection_string, **(client_options or {})) as client:
        reader = threading.Thread(
            target=client.receive,
            kwargs=dict(
                on_event=on_event, on_error=on_error, partition_id=partition, starting_position=position, **options
            ),
        )
        reader.start()
        came = enough.wait(TIMEOUT_SECONDS)
        client.close()
        reader.join()
    if errors:
        raise errors[0]
    assert came, f"{len(events)} of {count} events came from partition {partition} at {position!r}"
    return events[:count]


def position_error(connection_string, partition, position):
    """Returns the error for a position."""
    try:
        receive(connection_string, partition, 1, position, client_options={"retry_total": 0})
    except EventHubError as error:
        return error
    raise AssertionError(f"{position!r} was not refused")


def in_parallel(check, cases):
    """Checks cases in parallel, with at most the five readers that a partition allows."""
    with ThreadPoolExecutor(max_workers=4) as pool:
        for outcome in [pool.submit(check, *case) for case in cases]:
            outcome.result()


def round_trip(connection_string):
    large = "x" * 900_000
    with producer(connection_string) as client:
        hub = client.get_eventhub_properties()
        ids = hub["partition_ids"]
        assert hub["eventhub_name"] == "events" and ids == ["0", "1", "2", "3"], hub
        assert abs(datetime.now(timezone.utc) - hub["created_at"]) < timedelta(minutes=5), hub
        empty = client.get_partition_properties("1")
        assert empty["is_empty"] and empty["last_enqueued_sequence_number"] == -1, empty

        client.send_event(event("single", kind="single", number=7), partition_id="1")
        batch = client.create_batch(partition_id="1")
        for number in range(100):
            batch.add(event(f"batch {number}", number=number, flag=True, ratio=0.5))
        client.send_batch(batch)
        client.send_event(event(large), partition_id="1")

        keyed = client.create_batch(partition_key="a key")
        for number in range(20):
            keyed.add(event(f"keyed {number}"))
        client.send_batch(keyed)
        for number in range(15):
            client.send_event(event(f"turn {number}"))

        facts = {id: client.get_partition_properties(id) for id in ids}
    counts = {id: facts[id]["last_enqueued_sequence_number"] + 1 for id in ids}
    assert sum(counts.values()) == 137, counts

    everything = {}

    def receive_everything(id):
        everything[id] = receive(connection_string, id, counts[id], "-1", track_last_enqueued_event_properties=True)

    in_parallel(receive_everything, [(id,) for id in ids if counts[id]])
    for id in ids:
        for number, received in enumerate(everything.get(id, [])):
            assert received.sequence_number == number, (id, number, received)
            assert received.enqueued_time.tzinfo is not None
        offsets = [int(received.offset) for received in everything.get(id, [])]
        assert offsets == sorted(set(offsets)), offsets
        assert facts[id]["last_enqueued_offset"] == (str(offsets[-1]) if offsets else "-1"), facts[id]
        assert facts[id]["beginning_sequence_number"] == (0 if offsets else -1), facts[id]

    first = everything["1"][0]
    assert first.body_as_str() == "single" and first.content_type == "application/json", first
    assert first.message_id == "single", first.message_id
    assert first.properties == {b"kind": b"single", b"number": 7}, first.properties
    assert first.partition_key is None
    for number, received in enumerate(everything["1"][1:101]):
        assert received.body_as_str() == f"batch {number}", received
        assert received.properties == {b"number": number, b"flag": True, b"ratio": 0.5}, received.properties
    assert everything["1"][101].body_as_str() == large

    metrics = everything["1"][-1].metrics
    assert metrics["sequence_number"] == counts["1"] - 1, metrics
    assert metrics["offset"] == everything["1"][-1].offset, metrics
    assert metrics["enqueued_time"] == everything["1"][-1].enqueued_time, metrics
    assert metrics["retrieval_time"] is not None, metrics

    keyed = [(id, received) for id in ids for received in everything.get(id, []) if received.partition_key]
    assert [received.body_as_str() for _, received in keyed] == [f"keyed {number}" for number in range(20)]
    assert {received.partition_key for _, received in keyed} == {b"a key"}, keyed
    assert len({id for id, _ in keyed}) == 1, "one key, one partition"
    turns = Counter(
        id for id in ids for received in everything.get(id, []) if received.body_as_str().startswith("turn")
    )
    assert sorted(turns.values()) == [3, 4, 4, 4], turns


def positions(connection_string):
    with producer(connection_string) as client:
        batch = client.create_batch(partition_id="0")
        for number in range(50):
            batch.add(event(f"early {number}"))
        client.send_batch(batch)
    early = receive(connection_string, "0", 50, "-1")
    pause = threading.Event()
    while datetime.now(timezone.utc) <= early[-1].enqueued_time + timedelta(milliseconds=2):
        pause.wait(0.001)
    with producer(connection_string) as client:
        batch = client.create_batch(partition_id="0")
        for number in range(50):
            batch.add(event(f"late {number}"))
        client.send_batch(batch)

    included = {"starting_position_inclusive": True}
    last_time = early[-1].enqueued_time
    expected = [
        (0, "-1", {}),
        (10, early[9].offset, {}),
        (9, early[9].offset, included),
        (31, 30, {}),
        (30, 30, included),
        (50, last_time, {}),
        (0, last_time - timedelta(days=1), {}),
        (50, last_time + timedelta(milliseconds=1), included),
    ]

    def check_first(number, position, options):
        first = receive(connection_string, "0", 1, position, **options)[0]
        assert first.sequence_number == number, (first.sequence_number, number, position, options)

    in_parallel(check_first, expected)

    latest = threading.Event()
    received = []

    def on_event(context, event):
        if event is None:
            latest.set()
        else:
            received.append(event)
            latest.set()

    with consumer(connection_string) as client:
        reader = threading.Thread(
            target=client.receive,
            kwargs=dict(on_event=on_event, partition_id="0", starting_position="@latest", max_wait_time=1),
        )
        reader.start()
        # The first call without an event shows that the link is attached and no old event has arrived.
        assert latest.wait(TIMEOUT_SECONDS) and not received, received
        latest.clear()
        with producer(connection_string) as sender:
            sender.send_event(event("now"), partition_id="0")
        while not received:
            assert latest.wait(TIMEOUT_SECONDS)
            latest.clear()
        client.close()
        reader.join()
    assert [event.body_as_str() for event in received] == ["now"]
    assert received[0].sequence_number == 100

    error = position_error(connection_string, "0", 71181)
    assert "The supplied sequence number '71181' is invalid. The last sequence number in the system is '100'" in str(error), error
    error = position_error(connection_string, "0", "99999999")
    assert "The supplied offset '99999999' is invalid. The last offset in the system is" in str(error), error


def wrong_key(connection_string):
    broken = connection_string.replace("SharedAccessKey=", "SharedAccessKey=x")
    for attempt in (
        lambda: EventHubProducerClient.from_connection_string(broken, retry_total=0).get_eventhub_properties(),
        lambda: EventHubProducerClient.from_connection_string(broken, retry_total=0).send_event(event("no")),
    ):
        try:
            attempt()
        except AuthenticationError:
            continue
        raise AssertionError("a wrong key was let in")


def owner_level(connection_string):
    with producer(connection_string) as client:
        client.send_event(event("one"), partition_id="2")
    errors, reading, displaced = [], threading.Event(), threading.Event()

    def on_error(context, error):
        errors.append(error)
        displaced.set()

    first = consumer(connection_string, retry_total=0)
    reader = threading.Thread(
        target=first.receive,
        kwargs=dict(
            on_event=lambda context, event: reading.set(),
            on_error=on_error,
            partition_id="2",
            starting_position="-1",
            owner_level=1,
        ),
    )
    reader.start()
    assert reading.wait(TIMEOUT_SECONDS)
    assert len(receive(connection_string, "2", 1, "-1", owner_level=2)) == 1
    assert displaced.wait(TIMEOUT_SECONDS)
    first.close()
    reader.join()
    assert isinstance(errors[0], ConnectionLostError), repr(errors[0])
    assert errors[0].error == "link:stolen", errors[0].error
    assert "with higher epoch of '2' is created hence current receiver" in str(errors[0]), errors[0]


def too_large(connection_string):
    with producer(connection_string) as client:
        try:
            client.send_event(EventData("x" * 1_100_000), partition_id="0")
        except (ValueError, EventHubError):
            pass
        else:
            raise AssertionError("1.1 MB were taken")
        client.send_event(EventData("small"), partition_id="0")
    assert receive(connection_string, "0", 1, "-1")[0].body_as_str() == "small"


if __name__ == "__main__":
    globals()[sys.argv[1]](sys.argv[2])
