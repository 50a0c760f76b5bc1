"""The official Python SDK: reads all partitions of a hub and looks at the bodies.

    sdk.py CONNECTION_STRING PARTITIONS EVENTS

Does a round for each line on stdin: a new client, so many events. Says the bytes of the bodies of the first round,
then each round's CPU seconds.
"""

import asyncio
import sys
import time

from azure.eventhub.aio import EventHubConsumerClient


async def round_over(connection_string, partitions, events):
    client = EventHubConsumerClient.from_connection_string(connection_string, "$Default")
    seen = {"events": 0, "bytes": 0}
    done = asyncio.Event()

    async def on_batch(_, batch):
        for event in batch:
            seen["bytes"] += sum(len(piece) for piece in event.body)
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
    return seen["bytes"]


def main():
    connection_string, partitions, events = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    print(asyncio.run(round_over(connection_string, partitions, events)), flush=True)
    for _ in sys.stdin:
        before = time.process_time()
        asyncio.run(round_over(connection_string, partitions, events))
        print(time.process_time() - before, flush=True)


main()
