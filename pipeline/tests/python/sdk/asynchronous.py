"""The same with the asynchronous clients of the Python SDK."""

import asyncio
from datetime import timedelta

import messages
from azure.eventhub import EventData
from azure.eventhub.aio._eventprocessor.in_memory_checkpoint_store import InMemoryCheckpointStore
from azure.eventhub.exceptions import AuthenticationError, ConnectionLostError, EventHubError
from clients import TIMEOUT_SECONDS
from messages import event
from receiving import bodies


class Reader:
    """A task that reads one partition."""

    def __init__(self, hub, partition, position="-1", client_options=None, **options):
        self.events, self.errors, self.calls, self.changed = [], [], 0, asyncio.Condition()
        # Closing waits for the balancing interval too.
        self.client = hub.async_consumer(**{"load_balancing_interval": 0.5, **(client_options or {})})
        self.task = asyncio.create_task(
            self.client.receive(
                on_event=self._on_event,
                on_error=self._on_error,
                partition_id=partition,
                starting_position=position,
                **options,
            )
        )

    async def _on_event(self, context, received):
        async with self.changed:
            self.calls += 1
            if received is not None:
                received.metrics = context.last_enqueued_event_properties
                self.events.append(received)
            self.changed.notify_all()

    async def _on_error(self, context, error):
        async with self.changed:
            self.errors.append(error)
            self.changed.notify_all()

    async def wait(self, condition):
        async with self.changed:
            try:
                await asyncio.wait_for(self.changed.wait_for(condition), TIMEOUT_SECONDS)
            except asyncio.TimeoutError:
                raise AssertionError(f"{len(self.events)} events, errors {self.errors}") from None

    async def wait_for(self, count):
        await self.wait(lambda: self.errors or len(self.events) >= count)
        if self.errors:
            raise self.errors[0]
        return self.events[:count]

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        await self.client.close()
        await self.task


async def receive(hub, partition, count, position="-1", **options):
    async with Reader(hub, partition, position, **options) as reader:
        return await reader.wait_for(count)


async def error_of(awaitable, kinds):
    try:
        await awaitable
    except kinds as error:
        return error
    raise AssertionError("no error")


async def async_clients_send_and_receive_every_kind_of_event(hub, partition):
    async with hub.async_producer() as client:
        for _, make, _ in messages.CASES:
            await client.send_event(make(), partition_id=partition)
        batch = await client.create_batch(partition_id=partition)
        for _, make, _ in messages.CASES:
            batch.add(make())
        await client.send_batch(batch)
        facts = await client.get_partition_properties(partition)
    assert facts["last_enqueued_sequence_number"] + 1 == 2 * len(messages.CASES), facts
    for received, case in zip(await receive(hub, partition, 2 * len(messages.CASES)), messages.CASES * 2):
        messages.check(received, case)


async def async_readers_start_at_the_requested_position(hub, partition):
    async with hub.async_producer() as client:
        await client.send_batch([event(f"event {number}") for number in range(20)], partition_id=partition)
    first = await receive(hub, partition, 20, track_last_enqueued_event_properties=True)
    assert first[0].metrics["sequence_number"] == 19, first[0].metrics
    day = timedelta(days=1)
    cases = [(5, first[4].offset, False), (4, 4, True), (0, first[0].enqueued_time - day, False)]
    for number, position, inclusive in cases:
        got = await receive(hub, partition, 1, position, starting_position_inclusive=inclusive)
        assert got[0].sequence_number == number, (number, position)
    async with Reader(hub, partition, "@latest", max_wait_time=0.5) as latest:
        await latest.wait(lambda: latest.calls)
        async with hub.async_producer() as client:
            await client.send_event(event("new"), partition_id=partition)
        assert bodies(await latest.wait_for(1)) == ["new"]


async def async_owner_levels_displace(hub, partition):
    once = {"retry_total": 0}
    async with Reader(hub, partition, client_options=once, owner_level=1, max_wait_time=0.5) as first:
        await first.wait(lambda: first.calls)
        async with Reader(hub, partition, client_options=once, owner_level=2, max_wait_time=0.5) as second:
            await first.wait(lambda: first.errors)
            await second.wait(lambda: second.calls)
            assert isinstance(first.errors[0], ConnectionLostError), first.errors
            assert "with higher epoch of '2' is created hence current receiver" in str(first.errors[0])
            await first.client.close()
            assert not second.errors, second.errors


async def the_async_buffered_producer_sends_everything(hub, partition):
    sent, failed = [], []

    async def on_success(events, partition_id):
        sent.extend(events)

    async def on_error(events, partition_id, error):
        failed.append(error)

    client = hub.async_producer(
        buffered_mode=True, max_buffer_length=50, max_wait_time=0.2, on_success=on_success, on_error=on_error
    )
    async with client:
        for number in range(120):
            await client.send_event(event(f"buffered {number}"), partition_id=partition)
        await client.flush()
        await client.send_event(event("last"), partition_id=partition)
    assert not failed and len(sent) == 121, (failed, len(sent))
    got = bodies(await receive(hub, partition, 121))
    assert got == [f"buffered {number}" for number in range(120)] + ["last"], got


async def async_sizes_and_keys_are_checked(hub, partition):
    async with hub.async_producer() as client:
        too_large = client.send_event(EventData(b"x" * 1_100_000), partition_id=partition)
        await error_of(too_large, (ValueError, EventHubError))
        await client.send_event(EventData("small"), partition_id=partition)
    assert bodies(await receive(hub, partition, 1)) == ["small"]
    hub.connection_string = hub.connection_string.replace("SharedAccessKey=", "SharedAccessKey=x")
    async with hub.async_producer(retry_total=0) as client:
        error = await error_of(client.get_eventhub_properties(), EventHubError)
    assert isinstance(error, AuthenticationError), repr(error)


async def async_consumers_keep_a_checkpoint(hub, partition):
    async with hub.async_producer() as client:
        await client.send_batch([event("one"), event("two")], partition_id=partition)
    store, seen = InMemoryCheckpointStore(), []
    for expected in (["one", "two"], ["three"]):
        done = asyncio.Event()
        client = hub.async_consumer("checkpoints", checkpoint_store=store, load_balancing_interval=0.5)

        async def on_event(context, received):
            if context.partition_id == partition:
                seen.append(received.body_as_str())
                await context.update_checkpoint(received)
                if len(seen) == len(expected):
                    done.set()

        task = asyncio.create_task(client.receive(on_event=on_event, partition_id=partition, starting_position="-1"))
        await asyncio.wait_for(done.wait(), TIMEOUT_SECONDS)
        await client.close()
        await task
        assert seen == expected, seen
        seen.clear()
        async with hub.async_producer() as client:
            await client.send_event(event("three"), partition_id=partition)


def in_a_loop(check):
    def run(hub, partition):
        asyncio.run(check(hub, partition))

    run.__name__ = check.__name__
    return run


CHECKS = [
    in_a_loop(check)
    for check in (
        async_clients_send_and_receive_every_kind_of_event,
        async_readers_start_at_the_requested_position,
        async_owner_levels_displace,
        the_async_buffered_producer_sends_everything,
        async_sizes_and_keys_are_checked,
        async_consumers_keep_a_checkpoint,
    )
]
