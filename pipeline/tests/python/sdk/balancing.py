"""Two consumers that share the partitions of a hub through checkpoints."""

import threading

from azure.eventhub._eventprocessor.in_memory_checkpoint_store import InMemoryCheckpointStore
from clients import TIMEOUT_SECONDS
from receiving import send


def two_consumers_share_the_partitions(hub, _):
    with hub.producer() as client:
        ids = client.get_partition_ids()
        counts = {id: client.get_partition_properties(id)["last_enqueued_sequence_number"] for id in ids}
    store, lock = InMemoryCheckpointStore(), threading.Lock()
    owned, received, changed = [set(), set()], {id: [] for id in ids}, threading.Condition(lock)
    options = dict(
        checkpoint_store=store,
        load_balancing_interval=0.5,
        partition_ownership_expiration_interval=10,
        load_balancing_strategy="greedy",
    )

    def run(number):
        def on_event(context, event):
            if event is not None:
                context.update_checkpoint(event)
            with changed:
                owned[number].add(context.partition_id)
                if event is not None:
                    received[context.partition_id].append(event.body_as_str())
                changed.notify_all()

        def on_close(context, reason):
            with changed:
                owned[number].discard(context.partition_id)
                changed.notify_all()

        client = hub.consumer("shared", **options)
        thread = threading.Thread(
            target=client.receive,
            kwargs=dict(
                on_event=on_event, on_partition_close=on_close, starting_position=counts, max_wait_time=0.5
            ),
        )
        thread.start()
        return client, thread

    def wait(condition, what):
        with changed:
            assert changed.wait_for(condition, TIMEOUT_SECONDS), (what, owned, received)

    def is_shared():
        return not owned[0] & owned[1] and sorted(owned[0] | owned[1]) == ids and min(map(len, owned)) == len(ids) // 2

    first = run(0)
    wait(lambda: sorted(owned[0]) == ids, "one consumer owns all")
    second = run(1)
    wait(is_shared, "two consumers own half each")
    for id in ids:
        send(hub, id, f"for {id}")
    wait(lambda: all(received.values()), "every event")
    first[0].close()
    first[1].join()
    wait(lambda: sorted(owned[1]) == ids, "the second consumer owns all")
    for id in ids:
        send(hub, id, f"later for {id}")
    wait(lambda: all(len(events) == 2 for events in received.values()), "later events")
    second[0].close()
    second[1].join()
    assert received == {id: [f"for {id}", f"later for {id}"] for id in ids}, received


CHECKS = [two_consumers_share_the_partitions]
