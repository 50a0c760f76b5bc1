"""The official Python SDK against the hubs of a Config.json: namespace.py CONNECTION_STRING_OF_THE_NAMESPACE."""

import sys
import threading

from azure.eventhub import EventData, EventHubConsumerClient, EventHubProducerClient
from azure.eventhub.exceptions import EventHubError

TIMEOUT_SECONDS = 30


def receive(connection_string, hub, group, count):
    """Returns the first events of all partitions of a hub, sorted, or raises the error of the client."""
    events, errors, enough = [], [], threading.Event()

    def on_event(context, received):
        events.append((context.partition_id, received.body_as_str()))
        if len(events) >= count:
            enough.set()

    def on_error(context, error):
        errors.append(error)
        enough.set()

    client = EventHubConsumerClient.from_connection_string(
        connection_string, group, eventhub_name=hub, retry_total=0
    )
    reader = threading.Thread(
        target=client.receive, kwargs=dict(on_event=on_event, on_error=on_error, starting_position="-1")
    )
    reader.start()
    came = enough.wait(TIMEOUT_SECONDS)
    client.close()
    reader.join()
    if errors:
        raise errors[0]
    assert came, f"{len(events)} of {count} events came from {hub}"
    return sorted(events)


def main(connection_string):
    hubs = {"eh1": (2, "cg1"), "eh2": (3, "$Default")}
    for hub, (partitions, group) in hubs.items():
        ids = [str(number) for number in range(partitions)]
        with EventHubProducerClient.from_connection_string(connection_string, eventhub_name=hub) as client:
            properties = client.get_eventhub_properties()
            assert (properties["eventhub_name"], properties["partition_ids"]) == (hub, ids), properties
            for id in ids:
                batch = client.create_batch(partition_id=id)
                batch.add(EventData(f"to {id} of {hub}"))
                client.send_batch(batch)
    for hub, (partitions, group) in hubs.items():
        expected = [(str(number), f"to {number} of {hub}") for number in range(partitions)]
        assert receive(connection_string, hub, group, partitions) == expected, hub
    try:
        receive(connection_string, "eh1", "another", 1)
    except EventHubError as error:
        assert "/eh1/ConsumerGroups/another/Partitions/" in str(error), error
        assert "could not be found" in str(error), error
    else:
        raise AssertionError("a consumer group that is not in the file was read")


if __name__ == "__main__":
    main(sys.argv[1])
