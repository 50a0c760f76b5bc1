"""Receiving: starting positions, metrics, prefetch, waiting, closing, consumer groups."""

import threading
from datetime import datetime, timedelta, timezone

from azure.eventhub.exceptions import EventHubError
from clients import GROUP, TIMEOUT_SECONDS, Reader, error_of, wait_until_after
from messages import event


def send(hub, partition, *bodies):
    with hub.producer() as client:
        client.send_batch([event(body) for body in bodies], partition_id=partition)


def bodies(events):
    return [received.body_as_str() for received in events]


def readers_start_at_the_requested_position(hub, partition):
    send(hub, partition, *(f"early {number}" for number in range(10)))
    early = hub.receive(partition, 10)
    wait_until_after(early[-1].enqueued_time)
    send(hub, partition, *(f"late {number}" for number in range(10)))
    now, ms = early[-1].enqueued_time, timedelta(milliseconds=1)
    # (first sequence number, position, is inclusive)
    cases = [
        (0, "-1", False),
        (0, -1, False),
        (5, early[4].offset, False),
        (4, early[4].offset, True),
        (7, 6, False),
        (6, 6, True),
        (0, "0", True),
        (10, now, False),
        (0, now - timedelta(days=1), False),
        (10, now + ms, True),
    ]
    for first, position, inclusive in cases:
        got = hub.receive(partition, 1, position, starting_position_inclusive=inclusive)[0]
        assert got.sequence_number == first, (got.sequence_number, first, position, inclusive)
    got = hub.receive(partition, 1, {partition: 16, "another": "-1"})[0]
    assert got.sequence_number == 17, got


def a_reader_at_the_end_gets_later_events_only(hub, partition):
    send(hub, partition, "old")
    with Reader(hub, partition, "@latest", max_wait_time=1) as latest:
        assert not latest.wait_for_call().events, latest.state()
        send(hub, partition, "new")
        assert bodies(latest.wait_for(1)) == ["new"]


def positions_past_the_end_are_refused(hub, partition):
    send(hub, partition, "only")

    def refused(position):
        return str(
            error_of(
                lambda: hub.receive(partition, 1, position, client_options={"retry_total": 0}), EventHubError
            )
        )

    error = refused(71181)
    assert "The supplied sequence number '71181' is invalid. The last sequence number in the system is '0'" in error, error
    error = refused("99999999")
    assert "The supplied offset '99999999' is invalid. The last offset in the system is '0'" in error, error
    error = refused("an offset")
    assert "The filter 'amqp.annotation.x-opt-offset > 'an offset'' is not a valid amqp filter" in error, error


def metrics_come_with_each_event(hub, partition):
    send(hub, partition, *(f"event {number}" for number in range(5)))
    got = hub.receive(partition, 5, track_last_enqueued_event_properties=True)
    for received in got:
        metrics = received.metrics
        assert metrics["sequence_number"] == 4 and metrics["offset"] == got[-1].offset, metrics
        assert metrics["enqueued_time"] == got[-1].enqueued_time, metrics
        assert abs(metrics["retrieval_time"] - datetime.now(timezone.utc)) < timedelta(minutes=1), metrics


def times_follow_the_clock_of_the_hub(hub, partition):
    before = datetime.now(timezone.utc) - timedelta(milliseconds=1)
    send(hub, partition, "one")
    send(hub, partition, "two")
    times = [received.enqueued_time for received in hub.receive(partition, 2)]
    assert [before, *times] == sorted([before, *times]), times
    assert times[-1] <= datetime.now(timezone.utc), times


def any_prefetch_gets_every_event(hub, partition):
    send(hub, partition, *(f"event {number}" for number in range(300)))
    for prefetch in (1, 7, 5000):
        got = hub.receive(partition, 300, prefetch=prefetch)
        assert [received.sequence_number for received in got] == list(range(300)), prefetch


def a_batch_ends_at_its_size_or_its_time(hub, partition):
    send(hub, partition, *(f"event {number}" for number in range(50)))
    sizes, done = [], threading.Event()

    def on_batch(context, events):
        sizes.append(len(events))
        if not events:
            done.set()

    client = hub.consumer()
    options = dict(on_event_batch=on_batch, max_batch_size=20, max_wait_time=1, partition_id=partition)
    thread = threading.Thread(target=client.receive_batch, kwargs={**options, "starting_position": "-1"})
    thread.start()
    assert done.wait(TIMEOUT_SECONDS), sizes
    client.close()
    thread.join()
    assert sum(sizes) == 50 and max(sizes) == 20, sizes


def closing_in_the_middle_leaves_the_rest_to_the_next_reader(hub, partition):
    send(hub, partition, *(f"event {number}" for number in range(200)))
    seen = []
    while len(seen) < 200:
        reader = Reader(hub, partition, seen[-1].offset if seen else "-1", prefetch=20)
        try:
            seen += reader.wait_for(min(90, 200 - len(seen)))
        finally:
            reader.close()
    assert [received.sequence_number for received in seen] == list(range(200))


def consumer_groups_are_independent(hub, partition):
    send(hub, partition, "shared")
    for group in ("one", "Two", GROUP):
        assert bodies(hub.receive(partition, 1, group=group)) == ["shared"], group


CHECKS = [
    readers_start_at_the_requested_position,
    a_reader_at_the_end_gets_later_events_only,
    positions_past_the_end_are_refused,
    metrics_come_with_each_event,
    times_follow_the_clock_of_the_hub,
    any_prefetch_gets_every_event,
    a_batch_ends_at_its_size_or_its_time,
    closing_in_the_middle_leaves_the_rest_to_the_next_reader,
    consumer_groups_are_independent,
]
