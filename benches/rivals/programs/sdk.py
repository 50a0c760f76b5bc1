"""The official Python SDK: reads sequence number, offset, enqueued time and body of all events in a hub.

    sdk.py CONNECTION_STRING PARTITIONS EVENTS

Reads EVENTS events once and prints a hash over them. Then runs a round with a new client for each line on stdin and
prints its CPU seconds.
"""

import asyncio
import struct
import sys
import time

from azure.eventhub.aio import EventHubConsumerClient

MASK = (1 << 64) - 1


def digest(number, offset, enqueued, body):
    """Hash of an event, the same in every rival: FNV-1a of sequence number, offset, enqueued time and body."""
    milliseconds = round(enqueued.timestamp() * 1000)
    value = 0xCBF29CE484222325
    for byte in struct.pack("<q", number) + offset.encode() + struct.pack("<q", milliseconds) + body:
        value = (value ^ byte) * 0x100000001B3 & MASK
    return value


async def round_over(connection_string, partitions, events, answers):
    client = EventHubConsumerClient.from_connection_string(connection_string, "$Default")
    seen = {"events": 0, "answer": 0}
    done = asyncio.Event()

    async def on_batch(_, batch):
        for event in batch:
            read = event.sequence_number, event.offset, event.enqueued_time, b"".join(event.body)
            if answers:
                seen["answer"] = seen["answer"] + digest(*read) & MASK
        seen["events"] += len(batch)
        if seen["events"] >= events:
            done.set()

    def receive(partition):
        return client.receive_batch(
            on_batch, partition_id=str(partition), starting_position="-1", max_batch_size=300, prefetch=1000
        )

    tasks = [asyncio.create_task(receive(partition)) for partition in range(partitions)]
    await done.wait()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await client.close()
    return seen["answer"]


def main():
    connection_string, partitions, events = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    print(asyncio.run(round_over(connection_string, partitions, events, True)), flush=True)
    for _ in sys.stdin:
        before = time.process_time()
        asyncio.run(round_over(connection_string, partitions, events, False))
        print(time.process_time() - before, flush=True)


main()
