"""Checkpoints of the official Python SDK: python sdk_checkpoints.py HUB BLOBS COMMAND [ARGUMENT...]

HUB is the connection string of a hub, BLOBS that of a storage account with the container `lakes`. A command prints the
sequence numbers of each partition as JSON:

write NUMBERS: saves checkpoints with these numbers, which are JSON by partition
list: the checkpoints of the consumer group
consume COUNT [PARTITION]: reads COUNT events as a consumer, of all partitions or of one, and checkpoints each of them
"""

import json
import sys
import threading

from azure.eventhub import EventHubConsumerClient
from azure.eventhub.extensions.checkpointstoreblob import BlobCheckpointStore

GROUP = "$Default"
TIMEOUT_SECONDS = 60


def main(hub, blobs, command, *arguments):
    store = BlobCheckpointStore.from_connection_string(blobs, "lakes")
    client = EventHubConsumerClient.from_connection_string(hub, GROUP, checkpoint_store=store, load_balancing_interval=1)
    # The names by which the SDK itself stores its checkpoints.
    group = dict(
        fully_qualified_namespace=client._address.hostname,
        eventhub_name=client.eventhub_name,
        consumer_group=GROUP,
    )
    if command == "write":
        for partition, number in json.loads(arguments[0]).items():
            store.update_checkpoint(dict(group, partition_id=partition, sequence_number=number, offset="no offset"))
        result = {}
    elif command == "list":
        found = store.list_checkpoints(**group)
        result = {checkpoint["partition_id"]: checkpoint["sequence_number"] for checkpoint in found}
    else:
        result = consume(client, int(arguments[0]), *arguments[1:])
    print(json.dumps(result, sort_keys=True))


def consume(client, count, partition=None):
    numbers, lock, done = {}, threading.Lock(), threading.Event()

    def on_event(context, event):
        with lock:
            if not done.is_set():
                context.update_checkpoint(event)
                numbers.setdefault(context.partition_id, []).append(event.sequence_number)
            if sum(map(len, numbers.values())) >= count:
                done.set()

    options = {} if partition is None else dict(partition_id=partition)
    thread = threading.Thread(
        target=client.receive, kwargs=dict(on_event=on_event, starting_position="-1", **options)
    )
    thread.start()
    arrived = done.wait(TIMEOUT_SECONDS)
    client.close()
    thread.join()
    assert arrived, f"{count} events did not arrive: {numbers}"
    return numbers


main(*sys.argv[1:])
