"""Clients that go on after a lost connection and after a pause."""

import time

from clients import Reader
from messages import event
from receiving import bodies, send


def each_event_comes_once_across_lost_connections(hub, partition):
    """The hub drops the connection after some of the events."""
    send(hub, partition, *(f"event {number}" for number in range(300)))
    got = hub.receive(partition, 300, prefetch=50)
    assert [received.sequence_number for received in got] == list(range(300))


def idle_clients_go_on(hub, partition, seconds=8):
    """The hub's idle timeout is shorter than these pauses."""
    with hub.producer() as client:
        client.send_event(event("before"), partition_id=partition)
        with Reader(hub, partition, "-1") as idle:
            assert bodies(idle.wait_for(1)) == ["before"]
            time.sleep(seconds)
            assert client.get_partition_properties(partition)["last_enqueued_sequence_number"] == 0
            client.send_event(event("after"), partition_id=partition)
            assert bodies(idle.wait_for(2)) == ["before", "after"]
            assert not idle.errors, idle.errors


CHECKS = [each_event_comes_once_across_lost_connections, idle_clients_go_on]
