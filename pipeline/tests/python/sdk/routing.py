"""Events whose partition the hub or the SDK chooses. They may arrive in any partition, so other checks use another hub."""

import threading

from azure.eventhub.amqp import AmqpAnnotatedMessage
from messages import event


def counts(client):
    ids = client.get_partition_ids()
    return {id: client.get_partition_properties(id)["last_enqueued_sequence_number"] + 1 for id in ids}


def keys_choose_the_partition(hub, _):
    keys = ["a key", "\u043a\u043b\u044e\u0447", "x" * 128, "7"]
    with hub.producer() as client:
        before = counts(client)
        for key in keys:
            batch = client.create_batch(partition_key=key)
            batch.add(event(f"batch {key}"))
            batch.add(AmqpAnnotatedMessage(data_body=f"annotated {key}", annotations={}))
            client.send_batch(batch)
            client.send_batch([event(f"list {key}")], partition_key=key)
            client.send_event(event(f"single {key}"), partition_key=key)
            client.send_event(event(f"bytes {key}"), partition_key=key.encode())
        grown = {id: (before[id], count) for id, count in counts(client).items() if count > before[id]}
    found = {}
    for id, (first, last) in grown.items():
        for received in hub.receive(id, last - first, position=first, starting_position_inclusive=True):
            if received.partition_key:
                found.setdefault(received.partition_key.decode(), []).append((id, received))
    for key in keys:
        bodies = [received.body_as_str() for _, received in found[key]]
        assert bodies == [f"{kind} {key}" for kind in ("batch", "annotated", "list", "single", "bytes")], bodies
        assert len({id for id, _ in found[key]}) == 1, "one key, one partition"


def events_without_a_partition_take_turns(hub, _):
    with hub.producer() as client:
        before = counts(client)
        for number in range(40):
            client.send_event(event(f"turn {number}"))
        grown = [count - before[id] for id, count in counts(client).items()]
    assert sum(grown) >= 40 and min(grown) >= 40 // len(grown), grown


def the_buffered_producer_sends_everything(hub, partition):
    sent, failed, lock = [], [], threading.Lock()

    def on_success(events, partition_id):
        with lock:
            sent.extend(events)

    client = hub.producer(
        buffered_mode=True,
        max_buffer_length=100,
        max_wait_time=0.2,
        on_success=on_success,
        on_error=lambda events, partition_id, error: failed.append(error),
    )
    with client:
        for number in range(250):
            client.send_event(event(f"buffered {number}"), partition_id=partition)
        client.send_batch([event("together 1"), event("together 2")], partition_id=partition)
        for number in range(20):
            client.send_event(event(f"keyed {number}"), partition_key="buffered")
            client.send_event(event(f"anywhere {number}"))
        client.flush()
        assert client.total_buffered_event_count == 0
        # Without a flush the wait time sends them.
        client.send_event(event("last"), partition_id=partition)
    assert not failed, failed
    assert len(sent) == 293, len(sent)
    # Other events may be between them.
    bodies = [received.body_as_str() for received in hub.receive(partition, hub.count(partition))]
    bodies = [body for body in bodies if body.startswith(("buffered", "together", "last"))]
    assert bodies == [f"buffered {number}" for number in range(250)] + ["together 1", "together 2", "last"], bodies


CHECKS = [keys_choose_the_partition, events_without_a_partition_take_turns, the_buffered_producer_sends_everything]
