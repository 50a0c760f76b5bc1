"""Clients of the official Python SDK for a hub, over any transport, and events read from a partition."""

import threading
from datetime import datetime, timezone

from azure.eventhub import EventHubConsumerClient, EventHubProducerClient, TransportType, aio, parse_connection_string

GROUP = "$Default"
TIMEOUT_SECONDS = 40


class Hub:
    """How a hub is reached."""

    def __init__(self, hub):
        self.connection_string = hub["connection_string"]
        self.transport = hub.get("transport", "plain")
        self.options = {}
        # Of a connection string the SDK takes the port only for plain AMQP.
        if self.transport != "plain":
            self.options["custom_endpoint_address"] = f"sb://localhost:{hub['port']}"
            is_amqp = self.transport == "tls"
            self.options["transport_type"] = TransportType.Amqp if is_amqp else TransportType.AmqpOverWebsocket
        if "ca" in hub:
            self.options["connection_verify"] = hub["ca"]

    def parts(self):
        return parse_connection_string(self.connection_string)

    def _make(self, client, *arguments, **options):
        return client.from_connection_string(self.connection_string, *arguments, **{**self.options, **options})

    def producer(self, **options):
        return self._make(EventHubProducerClient, **options)

    def consumer(self, group=GROUP, **options):
        return self._make(EventHubConsumerClient, group, **options)

    def async_producer(self, **options):
        return self._make(aio.EventHubProducerClient, **options)

    def async_consumer(self, group=GROUP, **options):
        return self._make(aio.EventHubConsumerClient, group, **options)

    def receive(self, partition, count, position="-1", group=GROUP, client_options=None, **options):
        """Returns the first `count` events of a partition from a position on; raises the first error instead."""
        reader = Reader(self, partition, position, group, client_options, **options)
        try:
            return reader.wait_for(count)
        finally:
            reader.close()

    def count(self, partition):
        with self.producer() as client:
            return client.get_partition_properties(partition)["last_enqueued_sequence_number"] + 1


class Reader:
    """A reader of one partition in a thread of its own."""

    def __init__(self, hub, partition, position="-1", group=GROUP, client_options=None, **options):
        self.what = f"partition {partition} from {position!r}"
        self.events, self.errors, self.calls = [], [], 0
        self.changed = threading.Condition()
        self.client = hub.consumer(group, **(client_options or {}))
        self.thread = threading.Thread(
            target=self.client.receive,
            kwargs=dict(
                on_event=self._on_event,
                on_error=self._on_error,
                partition_id=partition,
                starting_position=position,
                **options,
            ),
        )
        self.thread.start()

    def _on_event(self, context, event):
        with self.changed:
            self.calls += 1
            if event is not None:
                event.metrics = context.last_enqueued_event_properties
                self.events.append(event)
            self.changed.notify_all()

    def _on_error(self, context, error):
        with self.changed:
            self.errors.append(error)
            self.changed.notify_all()

    def wait(self, condition, what):
        with self.changed:
            assert self.changed.wait_for(condition, TIMEOUT_SECONDS), f"{self.what}: no {what}: {self.state()}"

    def state(self):
        return f"{len(self.events)} events, errors {self.errors}"

    def wait_for(self, count):
        self.wait(lambda: self.errors or len(self.events) >= count, f"{count} events")
        if self.errors:
            raise self.errors[0]
        return self.events[:count]

    def wait_for_call(self):
        """Waits for the first call without an event: the link is attached. Needs max_wait_time."""
        self.wait(lambda: self.calls > 0 or self.errors, "call")
        return self

    def wait_for_error(self):
        self.wait(lambda: self.errors, "error")
        return self.errors[0]

    def close(self):
        self.client.close()
        self.thread.join()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def wait_until_after(time):
    """Waits until the clock is at least two milliseconds later."""
    pause = threading.Event()
    while (datetime.now(timezone.utc) - time).total_seconds() < 0.002:
        pause.wait(0.001)


def error_of(action, kinds=Exception):
    """Returns the error that an action raises."""
    try:
        action()
    except kinds as error:
        return error
    raise AssertionError(f"{action} did not fail")
