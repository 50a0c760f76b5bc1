"""Sending: each kind of event in each way, sizes, keys, the buffered producer."""

import threading
from collections import Counter
from decimal import Decimal

import messages
from azure.eventhub import EventData
from azure.eventhub.amqp import AmqpAnnotatedMessage
from azure.eventhub.exceptions import EventDataSendError, EventHubError
from clients import error_of
from messages import event


def every_kind_of_event_arrives_unchanged(hub, partition):
    with hub.producer() as client:
        for _, make, _ in messages.CASES:
            client.send_event(make(), partition_id=partition)
        client.send_batch([make() for _, make, _ in messages.CASES], partition_id=partition)
        batch = client.create_batch(partition_id=partition)
        for _, make, _ in messages.CASES:
            batch.add(make())
        client.send_batch(batch)
    got = hub.receive(partition, 3 * len(messages.CASES))
    assert [received.sequence_number for received in got] == list(range(len(got)))
    offsets = [int(received.offset) for received in got]
    assert offsets == sorted(set(offsets)), offsets
    for received, case in zip(got, messages.CASES * 3):
        messages.check(received, case)
    assert hub.count(partition) == len(got)


def an_event_without_any_section_arrives(hub, partition):
    with hub.producer() as client:
        # The SDK leaves a false value out.
        client.send_event(AmqpAnnotatedMessage(value_body=0), partition_id=partition)
        client.send_batch([AmqpAnnotatedMessage(value_body=None), event("after")], partition_id=partition)
    got = hub.receive(partition, 3)
    assert [received.body_as_str() for received in got] == ["", "", "after"]


def properties_that_the_sdk_itself_cannot_read_do_not_stop_the_partition(hub, partition):
    with hub.producer() as client:
        client.send_event(event("before"), partition_id=partition)
        # Text as user id: the SDK writes bytes that are not AMQP.
        broken = AmqpAnnotatedMessage(data_body="broken", properties={"user_id": "text"})
        client.send_event(broken, partition_id=partition)
        odd_key = EventData("odd key")
        odd_key.properties = {5: "a number as key"}
        client.send_event(odd_key, partition_id=partition)
        # The SDK encodes a decimal, and takes its exponent for another one when it decodes.
        client.send_event(event("decimal", price=Decimal("1.25")), partition_id=partition)
        client.send_event(event("after"), partition_id=partition)
    got = hub.receive(partition, 1, position=3)
    assert got[0].body_as_str() == "after", got


def batches_up_to_the_limit_arrive(hub, partition):
    with hub.producer() as client:
        batch = client.create_batch(partition_id=partition)
        limit = batch.max_size_in_bytes
        assert limit == 1_048_576, limit
        batch.add(EventData(b"x" * 500_000))
        # The rest, without the section of the body and the section of the batch.
        batch.add(EventData(b"y" * (limit - batch.size_in_bytes - 16)))
        assert batch.size_in_bytes == limit, batch
        error_of(lambda: batch.add(EventData(b"")), ValueError)
        client.send_batch(batch)
        many = client.create_batch(partition_id=partition)
        count = 0
        while True:
            try:
                many.add(EventData(b"small"))
            except ValueError:
                break
            count += 1
        client.send_batch(many)
        # One event of exactly the limit.
        client.send_event(EventData(b"z" * (limit - 8)), partition_id=partition)
    got = hub.receive(partition, count + 3)
    sizes = Counter(sum(len(section) for section in received.body) for received in got)
    assert sizes == {500_000: 1, limit - 500_000 - 32: 1, 5: count, limit - 8: 1}, (sizes, count)


def an_event_over_the_limit_is_refused_and_the_next_one_arrives(hub, partition):
    with hub.producer() as client:
        for size in (1_048_569, 3_000_000):
            error = error_of(lambda: client.send_event(EventData(b"x" * size), partition_id=partition))
            assert isinstance(error, (ValueError, EventHubError)), repr(error)
        client.send_event(EventData("small"), partition_id=partition)
        client.send_batch([], partition_id=partition)
    assert [received.body_as_str() for received in hub.receive(partition, 1)] == ["small"]
    assert hub.count(partition) == 1


def an_unknown_partition_is_refused(hub, _):
    with hub.producer(retry_total=0) as client:
        error = error_of(lambda: client.send_event(event("lost"), partition_id="4000"))
    assert isinstance(error, EventHubError) and "partition" in str(error), repr(error)
    assert not isinstance(error, EventDataSendError), repr(error)


def one_producer_serves_many_threads(hub, partition):
    with hub.producer() as client:
        threads = [
            threading.Thread(
                target=lambda name=name: [
                    client.send_event(event(f"{name} {number}"), partition_id=partition) for number in range(25)
                ]
            )
            for name in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    bodies = Counter(received.body_as_str() for received in hub.receive(partition, 100))
    assert bodies == Counter(f"{name} {number}" for name in range(4) for number in range(25)), bodies


CHECKS = [
    every_kind_of_event_arrives_unchanged,
    an_event_without_any_section_arrives,
    properties_that_the_sdk_itself_cannot_read_do_not_stop_the_partition,
    batches_up_to_the_limit_arrive,
    an_event_over_the_limit_is_refused_and_the_next_one_arrives,
    an_unknown_partition_is_refused,
    one_producer_serves_many_threads,
]
